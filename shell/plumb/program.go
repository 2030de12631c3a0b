package plumb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"minimega/shell/child"

	"golang.org/x/sys/unix"
)

// maxComplaint is the longest line of a program's error output that is kept, in
// bytes.
const maxComplaint = 1 << 10

// program is a stage of a pipeline that runs.
type program struct {
	cmd    *exec.Cmd
	errors *complaints

	mu    sync.Mutex // guards ended
	ended bool       // its process group may be another's by now
}

// begin starts a program between two files, which may be nil. They stay the
// caller's.
func begin(words, environ []string, stdin, stdout *os.File, log *slog.Logger) (*program, error) {
	pr := &program{cmd: child.Command(context.Background(), words[0], words[1:]...), errors: &complaints{log: log, name: words[0]}}
	if stdin != nil {
		pr.cmd.Stdin = stdin
	}
	if stdout != nil {
		pr.cmd.Stdout = stdout
	}
	pr.cmd.Stderr, pr.cmd.Env = pr.errors, environ
	if err := pr.cmd.Start(); err != nil {
		return nil, fmt.Errorf("plumb: %w: which %s tells whether it can be run", err, words[0])
	}
	return pr, nil
}

// kill ends the program and all that it has started.
func (pr *program) kill() {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if !pr.ended {
		_ = child.Kill(pr.cmd.Process.Pid) // it may just have ended
	}
}

// wait blocks until the program has ended, ends what it has left behind, and says
// why it failed.
func (pr *program) wait() error {
	for {
		err := unix.Waitid(unix.P_PID, pr.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	pr.kill() // while its number is its own
	pr.mu.Lock()
	pr.ended = true
	pr.mu.Unlock()
	err := pr.cmd.Wait()
	if err == nil {
		return nil
	}
	if last := pr.errors.text(); last != "" {
		return fmt.Errorf("%s: %w: %s", pr.cmd.Args[0], err, last)
	}
	return fmt.Errorf("%s: %w", pr.cmd.Args[0], err)
}

// unread reports whether the program ended because nobody read what it printed.
func (pr *program) unread() bool {
	status, ok := pr.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGPIPE
}

// complaints takes the error output of a program into the log, a line at a time.
type complaints struct {
	log  *slog.Logger
	name string

	mu   sync.Mutex // guards what follows
	line []byte     // that is being written
	last string     // whole line
}

// Write takes all of b.
func (c *complaints) Write(b []byte) (int, error) {
	n := len(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(b) > 0 {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		c.line = append(c.line, line[:min(len(line), maxComplaint-len(c.line))]...)
		if whole {
			c.endLocked()
		}
		b = rest
	}
	return n, nil
}

func (c *complaints) endLocked() {
	if len(c.line) > 0 {
		c.last = string(c.line)
		c.log.Warn("a program of a pipeline says", "program", c.name, "line", c.last)
	}
	c.line = c.line[:0]
}

// text returns the last line that was written.
func (c *complaints) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked()
	return c.last
}
