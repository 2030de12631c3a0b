package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"

	"minimega/completion"
	"minimega/shell/child"
	"minimega/shell/grammar"
	"minimega/shell/output"
)

// maxLine is the longest line that is read, in bytes.
const maxLine = 1 << 20

// scriptCommands are the commands that run others, and echo.
func scriptCommands() []Command {
	local := map[string]completion.Kind{"file": completion.LocalFile}
	return []Command{
		{
			Patterns: []string{"read <file> [check,]"},
			Help:     "run the commands in a file",
			Long: "Runs a file's lines one after another, also where one of them fails, and stops at one that is no\n" +
				"command. With check, the lines are only looked at. Aliases are not known in it.",
			Example: "read setup.mm\nread setup.mm check",
			Hints:   local, LocalOnly: true, Unrecorded: true, Run: read,
		},
		{
			Patterns: []string{"echo [args]..."},
			Help:     "print words",
			Example:  "echo hello",
			Run: func(_ context.Context, c *Call) error {
				c.Text(strings.Join(c.Lists["args"], " "))
				return nil
			},
		},
		{
			Patterns: []string{"shell <command>..."},
			Help:     "run a program on this node and print what it prints",
			Long: "No shell is between: use `shell bash -c \"…\"` for pipes and globs. The first 16 MiB that it prints are\n" +
				"kept, of its output and of its errors.",
			Example: "shell ls -l /tmp",
			Hints:   map[string]completion.Kind{"command": programs},
			Run:     runProgram,
		},
	}
}

// read runs the lines of a file.
func read(ctx context.Context, c *Call) error {
	name, err := c.localPath("file")
	if err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("read %s: must be a file, but is a directory or a device", name)
	}
	lines := bufio.NewReader(f)
	defer c.lend()()
	for number := 1; !c.Client.quit; number++ {
		where := fmt.Sprintf("%s:%d", name, number)
		line, err := readLine(lines)
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff") // some editors begin a file with it
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s %w", where, err)
		}
		if err := c.readLine(ctx, where, line); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

// lend makes the client's settings those of a command in another, such as
// `.csv true read FILE`, until giveBack is called. What the lines of the file
// set then goes with them. Otherwise it is the client's own, and stays.
func (c *Call) lend() (giveBack func()) {
	if c.run.depth == 0 {
		return func() {}
	}
	own := c.Client.set
	c.Client.set = c.set
	return func() { c.Client.set = own }
}

// readLine runs one line of a file. Its error ends the reading; so does the end
// of ctx, which the line itself or the error tells.
func (c *Call) readLine(ctx context.Context, where, line string) error {
	m, err := c.shell.grammar.Parse(line)
	if (m != nil || err != nil) && c.Client.follows != nil {
		c.Client.follows()
	}
	if err != nil {
		return fmt.Errorf("%s %w", where, err)
	}
	isRead := func(command *Command) bool { return command.is("read <file> [check,]") }
	if _, nested := c.shell.refused(m, isRead); nested {
		return fmt.Errorf("%s cannot run nested `read` commands: put the lines of that file here", where)
	}
	if c.Has("check") {
		return nil
	}
	told := false
	emit := func(r Result) {
		told = r.Responses.Failed()
		c.run.emit(r.at(where))
	}
	x := &execution{shell: c.shell, client: c.Client, emit: emit, record: true, token: rand.Uint64()}
	x.line(ctx, line)
	c.run.answered = c.run.answered || x.answered
	if x.record && c.Client.set.Record {
		c.Client.remember(line)
	}
	if told {
		return nil
	}
	return ctx.Err()
}

// at returns r with the line of a file in front of its errors.
func (r Result) at(where string) Result {
	r.Responses = slices.Clone(r.Responses)
	for i := range r.Responses {
		if one := &r.Responses[i]; one.Error != "" {
			one.Error = where + " " + one.Error
		}
	}
	return r
}

// maxOutput is how many bytes are kept of each output of a program.
const maxOutput = 16 << 20

// runProgram runs a program and waits for it. What it printed is answered also
// where it fails.
func runProgram(ctx context.Context, c *Call) error {
	words := c.Lists["command"]
	command := child.Command(ctx, words[0], words[1:]...)
	stdout, stderr := &child.Kept{Most: maxOutput}, &child.Kept{Most: maxOutput}
	command.Stdout, command.Stderr = stdout, stderr
	command.Env = c.Client.environ()
	err := command.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r := output.Response{Response: printed(stdout), Error: strings.TrimSpace(printed(stderr))}
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed) && r.Error != "":
		r.Error = err.Error() + ": " + r.Error
	case err != nil:
		r.Error = err.Error()
	}
	c.emit(r)
	return nil
}

// printed returns what was kept of a program's output, and says what was not.
func printed(k *child.Kept) string {
	if k.Lost == 0 {
		return k.String()
	}
	return fmt.Sprintf("%s\n(%d more bytes are left out: send them to a file)", k, k.Lost)
}

// lexed returns words as a line that is read as these words again.
func lexed(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = grammar.Quote(word)
	}
	return strings.Join(quoted, " ")
}
