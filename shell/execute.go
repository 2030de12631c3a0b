package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"minimega/shell/grammar"
	"minimega/shell/output"
)

// Execute has the program that serves base run one command, and prints what it
// answers: for -e. Several args are the words of the command, one is a whole
// line. It returns [ErrFailed] where a response is an error, which it has
// printed, and an error that wraps [ErrNotRunning] where there is no program.
func Execute(ctx context.Context, base string, args []string, out, errOut io.Writer) error {
	line := commandLine(args)
	if strings.TrimSpace(line) == "" {
		return errors.New("-e: must be followed by a command, but nothing follows: as in -e file list")
	}
	c, err := dial(ctx, base)
	if err != nil {
		return err
	}
	defer c.Close()
	failed := false
	err = c.ask(request{Command: line, Status: true}, func(r incoming) {
		if r.Status {
			fmt.Fprintln(errOut, output.Escape(r.Rendered))
			return
		}
		failed = failed || r.responses().Failed()
		show(r.Rendered, r.responses(), out, errOut)
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF) && !isQuit(line):
		return fmt.Errorf("the program ended before it answered: see its log")
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case failed:
		return ErrFailed
	}
	return nil
}

// Line returns what -e is to run, as [Execute] takes it: in the namespace that
// was named.
func (o Options) Line() []string {
	line := commandLine(o.Execute)
	if o.Space == "" || strings.TrimSpace(line) == "" {
		return o.Execute
	}
	return []string{"namespace " + grammar.Quote(o.Space) + " " + line}
}

// commandLine returns the line that args mean: one stands as it is, of several
// those with white space in them are quoted.
func commandLine(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = arg
		if arg == "" || strings.ContainsFunc(arg, unicode.IsSpace) {
			words[i] = grammar.Quote(arg)
		}
	}
	return strings.Join(words, " ")
}

// isQuit reports whether line asks the program to end, which it does without
// an answer.
func isQuit(line string) bool {
	fields := strings.Fields(line)
	if len(fields) > 2 && fields[0] == "namespace" {
		fields = fields[2:]
	}
	return len(fields) > 0 && strings.HasPrefix("quit", fields[0])
}
