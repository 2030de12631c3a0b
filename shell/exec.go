package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"minimega/shell/grammar"
	"minimega/shell/output"
)

// settleWithin bounds how long a command waits for the mesh to be known.
const settleWithin = 5 * time.Second

// ErrInterrupted ends a command whose user gave up waiting.
var ErrInterrupted = errors.New("interrupted")

// execution is the running of one line.
type execution struct {
	shell    *Shell
	client   *Client
	emit     func(Result)
	record   bool   // the line goes into the history
	answered bool   // something has been emitted
	depth    int    // how many commands the one that runs stands in
	token    uint64 // names the line to nodes that it is sent to
}

// line parses and runs line.
func (x *execution) line(ctx context.Context, line string) {
	m, err := x.shell.grammar.Parse(line)
	if err != nil {
		x.record = false
		x.fail(err)
		return
	}
	if m == nil {
		x.record = x.record && strings.TrimSpace(line) != ""
		return
	}
	x.match(ctx, m, x.client.set)
	if !x.answered {
		x.answer(output.Response{})
	}
}

// match runs m under set.
func (x *execution) match(ctx context.Context, m *grammar.Match, set Settings) {
	command := &x.shell.commands[m.Command]
	c := &Call{Match: m, Client: x.client, shell: x.shell, set: set, run: x}
	if command.Unrecorded {
		x.record = false
	}
	if err := x.start(ctx, command, c); err != nil {
		c.fail(explain(ctx, err))
	}
}

// start makes ready what the command needs and runs it.
func (x *execution) start(ctx context.Context, command *Command, c *Call) error {
	if x.client.remote && command.LocalOnly {
		return fmt.Errorf("cannot run `%s` via meshage: type it on that node", c.Match.Text)
	}
	if command.NeedsMesh {
		if err := x.settle(ctx); err != nil {
			return err
		}
	}
	if !command.Raw {
		expanded, err := x.expand(ctx, c.Match, expansion{c.set.Preprocess, command.Hints})
		if err != nil {
			return err
		}
		c.Match = expanded
	}
	return command.Run(ctx, c)
}

// settle waits until the mesh is known, but not for ever.
func (x *execution) settle(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	err := x.shell.cfg.Mesh.Settle(within)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// fail answers with err.
func (x *execution) fail(err error) {
	x.answer(output.Response{Error: hideCredentials(err.Error())})
}

// answer hands over r, which prints nothing, in the name of this node.
func (x *execution) answer(r output.Response) {
	r.Host = x.shell.host()
	x.answered = true
	x.emit(Result{Responses: output.Responses{r}})
}

// explain says of an error that only repeats ctx's end what happened.
func explain(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled):
		return ErrInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return errTimedOut
	}
	return err
}

var errTimedOut = errors.New("timed out")

// refused returns the text of the first command in m, itself included, that
// is one of those that bad reports.
func (s *Shell) refused(m *grammar.Match, bad func(*Command) bool) (string, bool) {
	for ; m != nil; m = m.Nested {
		if bad(&s.commands[m.Command]) {
			return m.Text, true
		}
	}
	return "", false
}

// is reports whether c is the command with pattern.
func (c *Command) is(pattern string) bool { return slices.Contains(c.Patterns, pattern) }
