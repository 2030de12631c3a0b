// Package termtest runs a program on a pseudo terminal, for tests.
//
// A [Console] is the terminal with the program on it. [Console.Send] types,
// [Console.Expect] waits for what the program writes, in order, and
// [Console.ExpectExit] waits for its end and compares the terminal's modes with
// those before its start. All of them fail the test by themselves; what is
// waited for has ten seconds. The program is killed when the test ends.
//
// A Console is used by the test's goroutine only. Expect sees bytes: what a
// program draws, it draws with control sequences between. [Console.Screen] and
// [Console.AwaitScreen] see what the terminal shows.
package termtest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Patient is how long a test waits for what must come.
const Patient = 30 * time.Second

// pollTime is how often the terminal's modes are looked at.
const pollTime = 2 * time.Millisecond

// Console is a program on a pseudo terminal.
type Console struct {
	t      testing.TB
	cmd    *exec.Cmd
	pty    *os.File
	tty    *os.File      // held open, so that modes can be read after the program's end
	before unix.Termios  // at its start
	exited chan struct{} // closed at its end

	columns, rows int // at its start

	mu   sync.Mutex // guards what follows
	out  []byte     // not looked at yet
	all  []byte
	more chan struct{} // closed and replaced when more comes
}

// Start runs cmd in an 80×24 window unless a size is given. It skips the test
// where there are no pseudo terminals.
func Start(t testing.TB, cmd *exec.Cmd, size ...pty.Winsize) *Console {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	master, err = pollable(master)
	if err != nil {
		t.Fatal(err)
	}
	c := &Console{t: t, cmd: cmd, pty: master, tty: tty, more: make(chan struct{}), exited: make(chan struct{})}
	window := pty.Winsize{Rows: 24, Cols: 80}
	if len(size) > 0 {
		window = size[0]
	}
	c.columns, c.rows = int(window.Cols), int(window.Rows)
	c.Resize(window.Rows, window.Cols)
	c.before = c.modes()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var helpers sync.WaitGroup
	helpers.Go(c.read)
	helpers.Go(func() {
		_ = cmd.Wait() // its status is ExitCode's
		close(c.exited)
	})
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-c.exited
		c.tty.Close()
		c.pty.Close()
		helpers.Wait()
	})
	return c
}

// pollable returns f, which it closes, as a file whose Close ends a Read that
// waits: pty opens one that it would wait for instead.
func pollable(f *os.File) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func (c *Console) read() {
	buf := make([]byte, 4096)
	for {
		n, err := c.pty.Read(buf)
		c.mu.Lock()
		c.out = append(c.out, buf[:n]...)
		c.all = append(c.all, buf[:n]...)
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Send types keys.
func (c *Console) Send(keys string) {
	c.t.Helper()
	if _, err := c.pty.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// Expect waits for text, takes all up to its end, and returns what stood before
// it.
func (c *Console) Expect(text string) (before string) {
	c.t.Helper()
	deadline := time.After(Patient)
	for {
		c.mu.Lock()
		more := c.more
		i := bytes.Index(c.out, []byte(text))
		if i >= 0 {
			before = string(c.out[:i])
			c.out = c.out[i+len(text):]
		}
		c.mu.Unlock()
		if i >= 0 {
			return before
		}
		select {
		case <-more:
		case <-deadline:
			c.t.Fatalf("%q did not come; all that came:\n%q", text, c.Seen())
		}
	}
}

// Within sends keys and returns how long texts took to come.
func (c *Console) Within(keys string, texts ...string) time.Duration {
	c.t.Helper()
	begin := time.Now()
	c.Send(keys)
	for _, text := range texts {
		c.Expect(text)
	}
	return time.Since(begin)
}

// ExpectExit waits for the program's end, checks that the terminal is as it was
// found, and returns the exit status, -1 after a signal.
func (c *Console) ExpectExit() int {
	c.t.Helper()
	status := c.ExpectEnd()
	if after := c.modes(); after != c.before {
		c.t.Errorf("the terminal's modes are %+v, were %+v", after, c.before)
	}
	return status
}

// ExpectEnd is ExpectExit for a terminal that may have hung up.
func (c *Console) ExpectEnd() int {
	c.t.Helper()
	select {
	case <-c.exited:
	case <-time.After(Patient):
		c.t.Fatalf("the program lives on; all that came:\n%q", c.Seen())
	}
	return c.cmd.ProcessState.ExitCode()
}

// Seen returns all that has come.
func (c *Console) Seen() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.all)
}

// Signal sends a signal to the program.
func (c *Console) Signal(s unix.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// PID returns the program's process ID.
func (c *Console) PID() int { return c.cmd.Process.Pid }

// Resize gives the window another size.
func (c *Console) Resize(rows, columns uint16) {
	c.t.Helper()
	if err := pty.Setsize(c.tty, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		c.t.Fatal(err)
	}
}

// HangUp takes the terminal away.
func (c *Console) HangUp() {
	c.tty.Close()
	c.pty.Close()
}

// AwaitFound waits until the terminal's modes are those that it was found in,
// as they must be while a command runs.
func (c *Console) AwaitFound() {
	c.t.Helper()
	tick := time.NewTicker(pollTime)
	defer tick.Stop()
	deadline := time.After(Patient)
	for c.modes() != c.before {
		select {
		case <-tick.C:
		case <-deadline:
			c.t.Fatalf("the terminal's modes are %+v, were %+v", c.modes(), c.before)
		}
	}
}

func (c *Console) modes() unix.Termios {
	c.t.Helper()
	modes, err := unix.IoctlGetTermios(int(c.tty.Fd()), unix.TCGETS)
	if err != nil {
		c.t.Fatal(err)
	}
	return *modes
}
