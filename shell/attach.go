package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"minimega/completion"
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
	c, err := dial(ctx, to.Base)
	if err != nil {
		return err
	}
	if err := enter(c, to.Namespace); err != nil {
		return errors.Join(err, c.Close())
	}
	a := &attached{base: to.Base, namespace: to.Namespace, caller: c, interrupts: catchInterrupts(t.Interrupted), out: out, errOut: errOut, forget: t.Forget}
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
	base        string
	namespace   string // that it began in; "": the first
	caller      *caller
	interrupts  *interrupts
	out, errOut io.Writer
	asked       bool       // to quit, by the line before
	forget      func()     // erases the prompt's history
	late        chan error // ends the command that was left, once; nil: none was
}

// close ends the conversation.
func (a *attached) close() {
	a.caller.Close()
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
	screen := &printer{out: a.out, errOut: a.errOut, forget: a.forget}
	answered := make(chan error, 1)
	go func() { // ends with the answer, or the connection: close waits for it
		answered <- a.caller.ask(request{Command: line, Status: true}, screen.show)
	}()
	select {
	case err := <-answered:
		return err
	case <-running.Done():
	}
	a.caller.cancel()
	soon := time.NewTimer(leaveWithin)
	defer soon.Stop()
	select {
	case err := <-answered:
		return errors.Join(err, a.caller.conn.SetReadDeadline(time.Time{}))
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
			err = errors.Join(err, a.caller.conn.SetReadDeadline(time.Time{}))
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
	c, err := dial(ctx, a.base)
	if err != nil {
		return err
	}
	a.caller = c
	entered := make(chan error, 1)
	go func() { entered <- enter(c, a.namespace) }() // close waits for it
	a.late = entered
	return nil
}

// printer shows replies until it is closed.
type printer struct {
	out, errOut io.Writer
	forget      func()

	mu     sync.Mutex // held while something is shown
	closed bool
}

func (p *printer) show(r incoming) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Forget {
		p.forget()
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
func enter(c *caller, namespace string) error {
	if namespace == "" {
		return nil
	}
	var refused error
	err := c.ask(request{Command: "namespace " + grammar.Quote(namespace)}, func(r incoming) {
		for _, one := range r.responses() {
			if one.Error != "" {
				refused = errors.New(one.Error)
			}
		}
	})
	return errors.Join(err, refused)
}

// completeWithin is how long the prompt of -attach waits for a completion.
const completeWithin = 2 * time.Second

// AttachComplete returns what completes lines by asking the program that serves
// base. It blocks for that at most some seconds and knows nothing where the
// program does not answer.
func AttachComplete(ctx context.Context, base string) func(line string, cursor int) completion.Result {
	return func(line string, cursor int) completion.Result {
		ctx, cancel := context.WithTimeout(ctx, completeWithin)
		defer cancel()
		found, err := askCompletion(ctx, base, line, cursor)
		if err != nil {
			found = completion.Result{Start: cursor}
		}
		return orDisconnect(found, line[:cursor])
	}
}

// orDisconnect adds to what may stand at the end of line the one word that is
// the client's own.
func orDisconnect(r completion.Result, line string) completion.Result {
	word := strings.TrimLeft(line, " ")
	if !strings.HasPrefix(disconnect, word) {
		return r
	}
	own := completion.Candidate{Text: disconnect, Help: "leave, and let the program run on"}
	at, _ := slices.BinarySearchFunc(r.Candidates, own, func(a, b completion.Candidate) int { return strings.Compare(a.Text, b.Text) })
	r.Candidates = slices.Insert(r.Candidates, at, own)
	r.Start, r.Insert = len(line)-len(word), word
	if len(r.Candidates) == 1 {
		r.Insert = disconnect + " "
	}
	return r
}
