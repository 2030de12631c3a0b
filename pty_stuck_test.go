package main_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"minimega/shell/term/termtest"
)

// Parts of TestPrompt in which something other than the program is in the way: a
// pager, a terminal that only prints, a node that does not answer.

func interruptPager(t *testing.T, d *desk) {
	if _, err := exec.LookPath("less"); err != nil {
		t.Skip("less is not installed")
	}
	c, _ := d.prompt(t, pty.Winsize{Rows: 10, Cols: 80})
	c.Send("help" + enter)
	c.Expect(" lines to less --\r\n")
	c.Expect(".alias")
	c.Expect(":")
	quick(t, "Ctrl-C in the pager", c.Within(ctrlC, promptText))
	c.Send("echo on" + enter)
	c.Expect(": on\r\n")
}

func dumb(t *testing.T, d *desk) {
	t.Setenv("TERM", "dumb")
	d.make(t, d.kn2, 20<<20, "plainly")
	d.make(t, d.kn2, 10, "soon")
	d.slow(t, "20mbit")
	c, n := d.prompt(t)
	d.meet(t, n)
	c.Send("echo a\tb" + enter)
	c.Expect(": a b\r\n" + promptText)
	c.Send("dropped" + ctrlC)
	c.Expect("^C\r\n" + promptText)
	c.Send("help" + enter)
	c.Expect("write <file>")
	c.Expect(promptText)
	c.Send("vm config disk file:plainly" + enter)
	c.Expect("plainly: ")
	c.Expect("MiB of 20 MiB")
	quick(t, "Ctrl-C in a wait", c.Within(ctrlC, "interrupted: the transfer goes on"))
	c.Expect(promptText)
	c.Send("file get soon" + enter)
	c.Expect(promptText)
	begin := time.Now()
	for !strings.Contains(c.Seen(), "get soon: done, 10 B\r\n"+promptText) && time.Since(begin) < termtest.Patient {
		c.Send(enter) // messages come before a prompt
		c.Expect(promptText)
	}
	c.Send(ctrlD)
	c.ExpectExit()
	seen := c.Seen()
	if !strings.Contains(seen, "get soon: done") {
		t.Errorf("no message came: %q", seen)
	}
	if strings.Contains(seen, "\x1b") {
		t.Errorf("a control sequence came: %q", seen)
	}
}

func interruptStuck(t *testing.T, d *desk) {
	main, n := d.prompt(t)
	c := d.attach(t, n)
	main.Signal(unix.SIGSTOP)
	c.Send("echo one" + enter)
	c.Expect("echo one\r\n")
	c.AwaitFound() // the prompt is left
	quick(t, "Ctrl-C", c.Within(ctrlC, "the next command waits for it\r\n", "$ "))
	c.Send("echo two" + enter)
	c.Expect("echo two\r\n")
	c.AwaitFound()
	quick(t, "Ctrl-C again", c.Within(ctrlC, "type the line again\r\n", "$ "))
	main.Signal(unix.SIGCONT)
	c.Send("echo three" + enter)
	if between := c.Expect(": three\r\n"); strings.Contains(between, ": one") || strings.Contains(between, ": two") {
		t.Errorf("what was given up is shown: %q", between)
	}
}
