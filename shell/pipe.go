package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"minimega/shell/output"
	"minimega/transfer"
)

// ErrFailed ends a front end in which a command failed; what failed has been
// printed.
var ErrFailed = errors.New("a command failed")

// errLine ends a script with a line over the limit.
var errLine = fmt.Errorf("must be at most %d bytes, but is longer", maxLine)

// RunPipe runs the lines that come from in, then waits for the transfers that
// they began. Answers go to out, errors to errOut with the number of the line,
// progress of what is waited for to errOut as well. It returns [ErrFailed]
// where a command or a transfer failed, and ctx's error where that ended it.
func (s *Shell) RunPipe(ctx context.Context, in io.Reader, out, errOut io.Writer) error {
	p := &pipe{shell: s, out: out, errOut: &lockedWriter{w: errOut}}
	p.client = NewClient(p.watch, p.warn)
	p.client.started = p.follow
	lines := bufio.NewReader(in)
	for !p.client.Quit() {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			p.idle(ctx)
			if ctx.Err() != nil {
				return p.outcome(ctx.Err())
			}
			break
		}
		p.number++
		if err != nil {
			p.report(p.number, s.host(), err.Error())
			break
		}
		p.run(ctx, line)
		if ctx.Err() != nil && !p.client.Quit() {
			return p.outcome(ctx.Err())
		}
	}
	p.unfinished()
	return p.outcome(nil)
}

// outcome adds to err, which may be nil, that a command failed.
func (p *pipe) outcome(err error) error {
	if p.failed {
		return errors.Join(ErrFailed, err)
	}
	return err
}

// pipe is a conversation in lines.
type pipe struct {
	shell  *Shell
	client *Client
	out    io.Writer
	errOut io.Writer
	number int  // of the line, from 1
	failed bool // a command has
	begun  []begun
}

// begun is a transfer that a line began.
type begun struct {
	number int
	name   string
	job    Job
}

// readLine returns the next line without its end. At the end of input the
// error is io.EOF, for a line over the limit [errLine].
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		if line = append(line, piece...); len(line) > maxLine {
			return "", errLine
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
			return strings.TrimRight(string(line), "\r\n"), nil
		}
		return "", err
	}
}

// run runs one line.
func (p *pipe) run(ctx context.Context, line string) {
	p.shell.Exec(ctx, p.client, line, func(r Result) {
		if r.Rendered != "" {
			fmt.Fprintln(p.out, r.Rendered)
		}
		for _, one := range r.Responses {
			if one.Error != "" {
				p.report(p.number, one.Host, one.Error)
			}
		}
	})
}

// report prints the error of a line.
func (p *pipe) report(number int, host, text string) {
	p.failed = true
	fmt.Fprintf(p.errOut, "line %d: %s\n", number, output.ErrorLine(host, text))
}

// follow notes a transfer whose failure is to be told.
func (p *pipe) follow(name string, job Job) {
	p.begun = append(p.begun, begun{p.number, name, job})
}

// idle waits for the transfers that still run, and reports those that failed.
func (p *pipe) idle(ctx context.Context) {
	files := p.shell.cfg.Files
	stop := every(p.client.set.Updates, func() { p.transfers(files.Status()) })
	err := files.Idle(ctx)
	stop()
	if err != nil {
		p.unfinished()
		return
	}
	for _, b := range p.begun {
		if err := b.job.Err(); err != nil && !errors.Is(err, transfer.ErrCanceled) {
			p.report(b.number, p.shell.host(), getError(b.name, err).Error())
		}
	}
}

// unfinished warns of transfers that are left as they are, because of quit.
func (p *pipe) unfinished() {
	for _, b := range p.begun {
		select {
		case <-b.job.Done():
		default:
			fmt.Fprintf(p.errOut, "line %d: warning: get %s: not finished\n", b.number, output.EscapeLine(b.name))
		}
	}
}

// transfers prints how far each transfer is.
func (p *pipe) transfers(all []transfer.Status) {
	for _, t := range all {
		state := t.State
		if t.Queued {
			state = "queued"
		}
		fmt.Fprintf(p.errOut, "%s: %d of %d parts %s\n", output.EscapeLine(string(t.Name)), t.Parts, t.Total, state)
	}
}

// watch prints progress every few seconds.
func (p *pipe) watch(rows func() []transfer.Progress) (stop func()) {
	return lineWatch(p.errOut, p.client.set.Updates)(rows)
}

func (p *pipe) warn(text string) {
	fmt.Fprintf(p.errOut, "line %d: warning: %s\n", p.number, text)
}

// lineWatch returns a [Watch] that prints lines to w, which is written to from
// another goroutine, each so often.
func lineWatch(w io.Writer, each time.Duration) Watch {
	return func(rows func() []transfer.Progress) (stop func()) {
		return every(each, func() {
			for _, p := range rows() {
				fmt.Fprintln(w, output.EscapeLine(describe(p)))
			}
		})
	}
}

// lockedWriter is a writer that may be used concurrently.
type lockedWriter struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
