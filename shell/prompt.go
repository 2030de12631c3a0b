package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"minimega/shell/output"
)

// Prompt is what the local prompt prints in front of a line.
const Prompt = "minimega$ "

// promptText returns what the local prompt prints: with the namespace, where
// that is not the first. Only the prompt's own goroutine may call it.
func (s *Shell) promptText() string {
	if s.atPrompt == nil || s.atPrompt.set.Namespace == defaultNamespace {
		return Prompt
	}
	return "minimega[" + s.atPrompt.set.Namespace + "]$ "
}

// Terminal is what a prompt needs of the terminal. While ReadLine does not run
// the terminal is in its normal mode.
type Terminal interface {
	ReadLine(ctx context.Context) (string, error) // io.EOF: the user leaves
	Print(msg string)                             // above the line being edited; any goroutine
	Forget()                                      // erase the history, from the next line on; any goroutine
	Interrupted()                                 // Ctrl-C during a command: forget what was typed ahead; any goroutine
	GivenUp() bool                                // it came since the last line was read; any goroutine
}

// RunPrompt reads lines from t and runs them, until the user leaves or quits,
// or ctx ends. Answers go to out, errors to errOut. An interrupt ends the
// command that runs and nothing else. watch shows progress; it may be nil.
func (s *Shell) RunPrompt(ctx context.Context, t Terminal, out, errOut io.Writer, watch Watch) error {
	p := &prompt{shell: s, terminal: t, out: out, errOut: errOut}
	p.client = NewClient(watch, p.warn)
	p.client.cleared = t.Forget
	s.atPrompt = p.client
	p.interrupts = catchInterrupts(t)
	defer p.interrupts.close()
	told := s.newEndings(ctx, func(r output.Response) { t.Print(endingLine(r)) })
	defer told.stop()
	p.client.started = func(name string, job Job) { told.follow(p.client, name, job) }
	for !p.client.Quit() {
		line, err := t.ReadLine(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		p.run(ctx, line)
	}
	return nil
}

// prompt is a conversation at a terminal.
type prompt struct {
	shell       *Shell
	client      *Client
	terminal    Terminal
	interrupts  *interrupts
	out, errOut io.Writer
}

// run runs one line, until the user interrupts it.
func (p *prompt) run(ctx context.Context, line string) {
	ctx, done := p.interrupts.during(ctx)
	defer done()
	p.shell.Exec(ctx, p.client, line, func(r Result) { show(r.Rendered, r.Responses, p.out, p.errOut) })
}

// show prints what people see of one batch of answers.
func show(rendered string, all output.Responses, out, errOut io.Writer) {
	if rendered != "" {
		fmt.Fprintln(out, strings.TrimRight(rendered, "\n"))
	}
	for _, one := range all {
		if one.Error != "" {
			fmt.Fprintln(errOut, output.ErrorLine(one.Host, one.Error))
		}
	}
}

func (p *prompt) warn(text string) { fmt.Fprintf(p.errOut, "warning: %s\n", text) }
