package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"minimega/shell/grammar"
	"minimega/shell/output"
)

// banner is printed when a prompt is attached.
const banner = "CAUTION: calling 'quit' will cause the minimega daemon to exit\n" +
	"use 'disconnect' or ^d to exit just the minimega command line"

// disconnect is the word that leaves the prompt of -attach.
const disconnect = "disconnect"

// errEnded reports that the program behind the socket has ended.
var errEnded = errors.New("disconnected: the program has ended")

// AttachPrompt returns what the prompt of -attach prints in front of a line.
func AttachPrompt(base, namespace string) string {
	if namespace == defaultNamespace {
		namespace = ""
	}
	if namespace != "" {
		namespace = "[" + namespace + "]"
	}
	return "minimega:" + SocketPath(base) + namespace + "$ "
}

// Attach reads lines from t and has the program that serves base run them,
// until the user leaves with disconnect or an end of input, ctx ends, or the
// program does. An interrupt ends the command that runs and nothing else. Its
// error wraps [ErrNotRunning] where there is no program.
func Attach(ctx context.Context, base string, t Terminal, out, errOut io.Writer) error {
	return attach(ctx, TTY{Base: base}, t, out, errOut)
}

// attach is [Attach] in a namespace.
func attach(ctx context.Context, to TTY, t Terminal, out, errOut io.Writer) error {
	return (&attached{to: to}).serve(ctx, t, out, errOut)
}

// serve is [Attach].
func (a *attached) serve(ctx context.Context, t Terminal, out, errOut io.Writer) error {
	a.terminal, a.out, a.errOut = t, out, errOut
	if err := a.connect(ctx); err != nil {
		return err
	}
	if err := enter(ctx, a.talk.Load(), a.to.Namespace); err != nil {
		a.close()
		return err
	}
	a.interrupts = catchInterrupts(t)
	defer a.interrupts.close()
	defer a.close()
	fmt.Fprintln(out, banner)
	for {
		line, err := t.ReadLine(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		leave, err := a.line(ctx, line)
		if leave || err != nil {
			return err
		}
	}
}

// attached is a conversation over the socket.
type attached struct {
	to          TTY
	talk        atomic.Pointer[conversation] // nil: not yet; Tab reads it
	namespace   atomic.Pointer[string]       // that the program says it is in; nil: the one that it began in
	unrecorded  atomic.Bool                  // the program says that it does not record
	terminal    Terminal
	interrupts  *interrupts
	out, errOut io.Writer
	asked       bool       // to quit, by the line before
	late        chan error // ends the command that was left, once; nil: none was
}

// connect begins the conversation.
func (a *attached) connect(ctx context.Context) error {
	talk, err := converse(ctx, a.to.Base, a.notice)
	if err == nil {
		a.talk.Store(talk)
		a.namespace.Store(nil)
		a.unrecorded.Store(false)
	}
	return err
}

// prompt returns what is printed in front of a line.
func (a *attached) prompt() string {
	namespace := a.to.Namespace
	if now := a.namespace.Load(); now != nil {
		namespace = *now
	}
	return AttachPrompt(a.to.Base, namespace)
}

// enters notes the namespace that the program says it is in. One that is older
// does not say it.
func (a *attached) enters(namespace string) {
	if namespace != "" {
		a.namespace.Store(&namespace)
	}
}

// recording reports whether what is typed is to be recorded.
func (a *attached) recording() bool { return !a.unrecorded.Load() }

// notice shows how a transfer has ended that an earlier line has begun.
func (a *attached) notice(r incoming) { a.terminal.Print(r.Rendered) }

// close ends the conversation.
func (a *attached) close() {
	a.talk.Load().close()
	if a.late != nil {
		<-a.late
		a.late = nil
	}
}

// line runs one line and reports whether the user leaves.
func (a *attached) line(ctx context.Context, line string) (leave bool, err error) {
	word := strings.TrimSpace(line)
	switch {
	case word == "":
		return false, nil
	case word == disconnect:
		return true, nil
	case word == "quit" && !a.asked:
		a.asked = true
		fmt.Fprintln(a.out, "CAUTION: calling 'quit' will cause the minimega daemon to exit")
		fmt.Fprintln(a.out, "If you really want to stop the minimega daemon, enter 'quit' again")
		return false, nil
	}
	a.asked = false
	err = a.run(ctx, line)
	if errors.Is(err, io.EOF) && isQuit(line) {
		return true, nil
	}
	if errors.Is(err, io.EOF) {
		return true, errEnded
	}
	return false, err
}

const (
	cancelWithin = 3 * time.Second        // for an interrupted command to end
	leaveWithin  = 100 * time.Millisecond // for the user to be at the prompt again
)

// run has line run, until the user interrupts it. It does not wait long for the
// end of what was interrupted: the next line does that.
func (a *attached) run(ctx context.Context, line string) error {
	running, done := a.interrupts.during(ctx)
	defer done()
	if settled, err := a.settle(ctx, running); !settled {
		return err
	}
	screen := &printer{out: a.out, errOut: a.errOut, forget: a.terminal.Forget, enters: a.enters, unrecorded: a.unrecorded.Store}
	a.talk.Load().hurry()
	waiting, giveUp := context.WithCancelCause(ctx)
	answered := make(chan error, 1)
	go func() { // ends with the answer, or the connection: close waits for it
		defer giveUp(nil)
		answered <- a.talk.Load().ask(waiting, request{Command: line, Status: true, Notify: true}, screen.show)
	}()
	select {
	case err := <-answered:
		return err
	case <-running.Done():
	}
	a.talk.Load().cancel()
	time.AfterFunc(cancelWithin, func() { giveUp(os.ErrDeadlineExceeded) })
	soon := time.NewTimer(leaveWithin)
	defer soon.Stop()
	select {
	case err := <-answered:
		return err
	case <-soon.C:
	}
	screen.close()
	a.late = answered
	fmt.Fprintln(a.errOut, "warning: the program does not answer: the next command waits for it")
	return nil
}

// settle waits for the end of a command that was left, if any, and reports
// whether the conversation is as it was. Where the end does not come, or the user
// does not wait for it, it begins anew.
func (a *attached) settle(ctx, running context.Context) (bool, error) {
	if a.late == nil {
		return true, nil
	}
	select {
	case err := <-a.late:
		a.late = nil
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err == nil, err
		}
	case <-running.Done():
	}
	return false, a.again(ctx)
}

// again connects anew, because the program does not answer on this connection
// any more. The line that was to run does not: the settings that it may have
// been meant for are gone.
func (a *attached) again(ctx context.Context) error {
	fmt.Fprintln(a.errOut, "warning: the command does not end: connected again, with default settings: type the line again")
	a.close()
	if err := a.connect(ctx); err != nil {
		return err
	}
	entered := make(chan error, 1)
	go func() { entered <- enter(ctx, a.talk.Load(), a.to.Namespace) }() // close waits for it
	a.late = entered
	return nil
}

// printer shows replies until it is closed.
type printer struct {
	out, errOut io.Writer
	forget      func()
	enters      func(namespace string)
	unrecorded  func(bool)

	mu     sync.Mutex // held while something is shown
	closed bool
}

func (p *printer) show(r incoming) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Forget {
		p.forget()
	}
	p.enters(r.Namespace)
	if r.last() {
		p.unrecorded(r.Unrecorded)
	}
	switch {
	case p.closed:
	case r.Status:
		fmt.Fprintln(p.errOut, output.Escape(r.Rendered))
	default:
		show(r.Rendered, r.responses(), p.out, p.errOut)
	}
}

// close returns when nothing more will be shown.
func (p *printer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// enter goes to a namespace of the program, unless it is "".
func enter(ctx context.Context, talk *conversation, namespace string) error {
	if namespace == "" {
		return nil
	}
	var refused error
	err := talk.ask(ctx, request{Command: "namespace " + grammar.Quote(namespace)}, func(r incoming) {
		for _, one := range r.responses() {
			if one.Error != "" {
				refused = errors.New(one.Error)
			}
		}
	})
	return errors.Join(err, refused)
}
