package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"minimega/scripts/netlab"
	"minimega/shell/term/termtest"
)

// Parts of TestPrompt that type at a prompt of -attach what others type at the
// node's own.

func messagesAttached(t *testing.T, d *desk) {
	d.make(t, d.kn2, 20<<20, "told/gone")
	d.slow(t, "20mbit")
	main, n := d.prompt(t)
	d.meet(t, n)
	c := d.attach(t, n)
	promptText := "minimega:" + n.Socket() + "$ "
	c.Send("file get told/gone" + enter)
	c.Expect(promptText)
	c.Send("echo half")
	c.Expect("half")
	if err := os.Remove(filepath.Join(d.kn2.Files(), "told/gone")); err != nil {
		t.Fatal(err)
	}
	c.Expect("\r\x1b[JError (" + n.Name() + "): get told/gone: ")
	c.Expect(promptText + "echo half")
	c.Send(" and half" + enter)
	c.Expect(": half and half\r\n")

	d.make(t, d.kn2, 1<<20, "told/comes")
	c.Send("file get told/comes" + enter)
	c.Expect(promptText)
	c.Send("echo hal")
	c.Expect("\r\x1b[J" + n.Name() + ": get told/comes: done, 1.0 MiB\r\n")
	c.Expect(promptText + "echo hal")
	c.Send("f" + enter)
	c.Expect(": half\r\n")
	main.Send("echo mine" + enter)
	main.Expect(": mine\r\n")
	if seen := main.Seen(); strings.Contains(seen, "done, 1.0 MiB") {
		t.Errorf("the node's own prompt was told of another's transfer: %q", seen)
	}
	c.Send("half a line")
	c.Expect("half a line")
	main.Send("quit" + enter)
	main.ExpectExit()
	c.Send(enter)
	c.Expect("disconnected: the program has ended")
	c.ExpectExit()
}

// tellsDuringCommands has transfers end while a command runs, and while the
// prompt's program is stopped.
func tellsDuringCommands(t *testing.T, d *desk) {
	d.make(t, d.kn2, 2<<20, "during/one")
	d.make(t, d.kn2, 20<<20, "during/two")
	d.slow(t, "20mbit")
	_, n := d.prompt(t)
	d.meet(t, n)
	c, other := d.attach(t, n), d.attach(t, n)
	c.Send("file get during/one" + enter)
	c.Expect("$ ")
	started(t, c)
	c.Expect(n.Name() + ": get during/one: done, 2.0 MiB\r\n")
	quick(t, "Ctrl-C", c.Within(ctrlC, "interrupted\r\n"))
	c.Expect("$ ")                         // the terminal echoes what is typed before, and the prompt does again
	asked := func(one *termtest.Console) { // and answered
		one.Send("file get during/two" + enter)
		one.Expect("file get during/two\r\n")
		one.Expect("$ ")
	}
	asked(c)
	c.Signal(unix.SIGSTOP)
	asked(other)
	d.shape(t, netlab.Link{})
	other.Expect(n.Name() + ": get during/two: done, 20 MiB\r\n")
	c.Signal(unix.SIGCONT)
	c.Expect(n.Name() + ": get during/two: done, 20 MiB\r\n")
	for _, one := range []*termtest.Console{c, other} {
		one.Send("echo on" + enter)
		one.Expect(": on\r\n")
	}
}

func aliasesAttached(t *testing.T, d *desk) {
	d.make(t, d.kn2, 10, "alias/only.img")
	main, n := d.prompt(t)
	d.meet(t, n)
	for _, c := range []*termtest.Console{main, d.attach(t, n)} {
		c.Send(".alias bring=file get" + enter)
		c.Expect("$ ")
		c.Send(".env TAB_OWN x" + enter)
		c.Expect("$ ")
		c.Send("bri" + tab)
		c.Expect("bring ")
		c.Send("alias/" + tab)
		c.Expect("alias/only.img ")
		giveUp(c)
		c.Send("echo $TAB_O" + tab)
		c.Expect("$TAB_OWN ")
		giveUp(c)
		c.Send("namespace web" + enter)
		c.Expect("[web]$ ")
		c.Send("clear names" + tab)
		c.Expect("namespace ")
		c.Send("w" + tab)
		c.Expect("web ")
		giveUp(c)
	}
	c := d.attach(t, n)
	c.Send("bri" + tab + "\x15echo of nobody else" + enter)
	if before := c.Expect(": of nobody else\r\n"); strings.Contains(before, "bring") {
		t.Errorf("another prompt's alias is known: %q", before)
	}
}
