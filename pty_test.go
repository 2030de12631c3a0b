package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"minimega/scripts/netlab"
	"minimega/shell/term/termtest"
)

// control matches what moves the cursor and erases.
var control = regexp.MustCompile("\x1b\\[[?0-9;]*[a-zA-Z]")

// Keys.
const (
	enter = "\r"
	tab   = "\t"
	ctrlC = "\x03"
	ctrlD = "\x04"
)

// TestPrompt types at the built program, on a host beside two others with a
// node each. The parts run one after another and share the hosts.
func TestPrompt(t *testing.T) {
	d := newDesk(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *desk)
	}{
		{"TabCompletesAcrossTheMesh", tabAcrossTheMesh},
		{"AStoppedNodeDelaysNeitherTabNorKeys", tabWithAStoppedNode},
		{"ResizeDuringACompletionKeepsTheLine", resizeDuringTab},
		{"PastedLinesAllRunInOrder", paste},
		{"CtrlCEndsACommandAtOnce", interruptCommand},
		{"CtrlCEndsTheWaitForAFile", interruptGet},
		{"SIGINTBetweenCommandsEndsNothing", interruptBetween},
		{"EveryWayOutLeavesTheTerminalAsFound", waysOut},
		{"AHangUpEndsTheProgram", hangUp},
		{"AWindowWithoutASizeWorks", noSize},
		{"MessagesStandAboveTheLine", messages},
		{"MessagesStandAboveTheLineOfAnAttachedPrompt", messagesAttached},
		{"AnAttachedPromptTellsOfItsTransfersDuringOthersAndCommands", tellsDuringCommands},
		{"TabOfAnAttachedPromptKnowsItsAliases", aliasesAttached},
		{"TheHistoryOutlivesThePrompt", history},
		{"WhatIsNotRecordedIsInNoFile", unrecorded},
		{"LongOutputGoesToThePager", paged},
		{"CtrlCLeavesThePagerAtOnce", interruptPager},
		{"ATerminalThatOnlyPrintsIsDrawnNothing", dumb},
		{"CtrlCLeavesACommandOfAStuckProgram", interruptStuck},
		{"TabInAShellAsksTheNode", tabInShells},
		{"AnAttachedPromptLeavesTheProgramRunning", attach},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, d) })
	}
}

// giveUp drops the line that is being edited.
func giveUp(c *termtest.Console) {
	c.Send(ctrlC)
	c.Expect("^C\r\n")
	c.Expect("$ ")
}

func tabAcrossTheMesh(t *testing.T, d *desk) {
	d.make(t, d.kn2, 10, "tab/foo.img", "tab/my file", "tab/sub/x")
	d.make(t, d.kn3, 10, "tab/foo.img", "tab/foo.qcow2", "tab/my disk")
	c, n := d.prompt(t)
	d.meet(t, n)
	quick(t, "Tab", c.Within("vm config disk file:tab/f"+tab, "file:tab/foo."))
	c.Send(tab)
	c.Expect("foo.img    foo.qcow2\r\n")
	c.Expect(promptText + "vm config disk file:tab/foo.")
	c.Send("q" + tab)
	c.Expect("file:tab/foo.qcow2 ")
	giveUp(c)
	c.Send("file get tab/s" + tab)
	c.Expect("file get tab/sub/")
	c.Send(tab)
	c.Expect("file get tab/sub/x ")
	giveUp(c)
	c.Send("file get tab/m" + tab)
	c.Expect(`file get "tab/my `)
	c.Send("f" + tab)
	c.Expect(`file get "tab/my file" `)
	giveUp(c)
	c.Send("mesh send k" + tab)
	c.Expect("mesh send kn")
	c.Send(tab)
	c.Expect("kn2  kn3\r\n")
	c.Send("3 file g" + tab)
	c.Expect("mesh send kn3 file get ")
}

func tabWithAStoppedNode(t *testing.T, d *desk) {
	d.make(t, d.kn2, 10, "stop/one", "stop/two")
	d.make(t, d.kn3, 10, "later/only-kn3")
	c, n := d.prompt(t)
	d.meet(t, n)
	d.freeze(t)
	quick(t, "Tab without the stopped node", c.Within("file get stop/o"+tab, "stop/one "))
	var slowest time.Duration
	giveUp(c)
	c.Send("file get later/" + tab)
	for _, key := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		slowest = max(slowest, c.Within(key, key))
	}
	quick(t, "slowest echo while Tab waits", slowest)
	giveUp(c)
	c.Send("file get stop/" + tab)
	quick(t, "list", c.Within(tab, "one  two\r\n"))
	d.thaw(t)
	giveUp(c)
	c.Send("file get later/o" + tab) // answered when the node is
	c.Expect("later/only-kn3 ")
}

func resizeDuringTab(t *testing.T, d *desk) {
	d.make(t, d.kn2, 10, "size/one")
	c, n := d.prompt(t)
	d.meet(t, n)
	d.freeze(t)
	c.Send("echo kept file:size/" + tab)
	for i := range uint16(10) {
		c.Resize(10+i, 30+3*i)
	}
	c.Expect("size/one ")
	c.Send("\x15echo all is well" + enter)
	c.Expect(": all is well\r\n")
	c.Expect(promptText)
}

func paste(t *testing.T, d *desk) {
	c, _ := d.prompt(t)
	var lines strings.Builder
	for i := range 50 {
		fmt.Fprintf(&lines, "echo line-%d"+enter, i)
	}
	c.Send(lines.String())
	for i := range 50 {
		c.Expect(fmt.Sprintf(": line-%d\r\n", i))
	}
	c.Expect(promptText)
}

// started runs a command that lasts, and returns when it does.
func started(t *testing.T, c *termtest.Console) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "started")
	c.Send(`shell sh -c "echo > ` + path + `; exec sleep 60"` + enter)
	ctx, cancel := context.WithTimeout(t.Context(), termtest.Patient)
	defer cancel()
	err := netlab.Until(ctx, "the command to start", func() bool { _, err := os.Stat(path); return err == nil })
	if err != nil {
		t.Fatalf("%v:\n%q", err, c.Seen())
	}
}

func interruptCommand(t *testing.T, d *desk) {
	c, _ := d.prompt(t)
	started(t, c)
	c.AwaitFound()
	c.Send("echo typed ahead" + enter)
	c.Expect("typed ahead\r\n")
	quick(t, "Ctrl-C in a command", c.Within(ctrlC, "interrupted\r\n", promptText))
	c.Send("echo after" + enter)
	if between := c.Expect(": after\r\n"); strings.Contains(between, "typed ahead") {
		t.Errorf("what was typed before Ctrl-C has run: %q", between)
	}
}

func interruptGet(t *testing.T, d *desk) {
	d.make(t, d.kn2, 20<<20, "large")
	d.slow(t, "20mbit")
	c, n := d.prompt(t)
	d.meet(t, n)
	c.Send("vm config disk file:large" + enter)
	c.Expect("MiB of 20 MiB")
	c.Send("not echoed")
	quick(t, "Ctrl-C in a wait", c.Within(ctrlC, "interrupted: the transfer goes on, see file status\r\n", promptText))
	if seen := c.Seen(); strings.Contains(seen, "^C") || strings.Contains(seen, "not echoed") {
		t.Errorf("the bar was disturbed: %q", seen)
	}
	c.Send("file status" + enter)
	c.Expect("| 0/2 ")
	c.Expect(promptText)
	if _, err := os.Stat(filepath.Join(n.Files(), "large")); !os.IsNotExist(err) {
		t.Errorf("half a file is there: %v", err)
	}
	c.Send("quit" + enter)
	c.ExpectExit()
}

// interruptBetween sends SIGINT as often as possible while short commands run,
// so that it comes at all moments: in a command, after it, at the prompt.
func interruptBetween(t *testing.T, d *desk) {
	bombard := func(c *termtest.Console) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { // ends with ctx
			for ctx.Err() == nil {
				_ = unix.Kill(c.PID(), unix.SIGINT) // the test ends where it has died
				time.Sleep(50 * time.Microsecond)   // leaves the program some time of its own
			}
		}()
		for range 100 {
			c.Send("echo" + enter)
			c.Expect("$ ")
		}
		cancel()
		c.Send("\x15echo alive" + enter)
		c.Expect(": alive\r\n")
	}
	c, n := d.prompt(t)
	bombard(c)
	bombard(d.attach(t, n))
}

func waysOut(t *testing.T, d *desk) {
	for _, way := range []struct {
		name  string
		leave func(*testing.T, *termtest.Console)
	}{
		{"quit", func(_ *testing.T, c *termtest.Console) { c.Send("quit" + enter) }},
		{"CtrlD", func(_ *testing.T, c *termtest.Console) { c.Send("x\x7f" + ctrlD) }},
		{"SIGTERM", func(_ *testing.T, c *termtest.Console) { c.Send("half a li"); c.Expect("li"); c.Signal(unix.SIGTERM) }},
		{"SIGHUP", func(_ *testing.T, c *termtest.Console) { c.Signal(unix.SIGHUP) }},
		{"SIGTERMInACommand", func(t *testing.T, c *termtest.Console) { started(t, c); c.Signal(unix.SIGTERM) }},
		{"SIGTERMAfterTab", func(_ *testing.T, c *termtest.Console) { c.Send("file get " + tab); c.Signal(unix.SIGTERM) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			c, _ := d.prompt(t)
			way.leave(t, c)
			begin := time.Now()
			if status := c.ExpectExit(); status != 0 {
				t.Errorf("exit status %d", status)
			}
			t.Logf("gone after %v", time.Since(begin).Round(time.Millisecond))
			if seen := control.ReplaceAllString(c.Seen(), ""); !strings.HasSuffix(seen, "\n") {
				t.Errorf("the shell's prompt will stand behind %q", seen[max(0, len(seen)-40):])
			}
		})
	}
	t.Run("SIGTERMInAWait", func(t *testing.T) {
		d.make(t, d.kn2, 20<<20, "leave")
		d.slow(t, "20mbit")
		c, n := d.prompt(t)
		d.meet(t, n)
		c.Send("vm config disk file:leave" + enter)
		c.Expect("MiB of 20 MiB")
		c.Signal(unix.SIGTERM)
		c.ExpectExit()
	})
}

func hangUp(t *testing.T, d *desk) {
	c, _ := d.prompt(t)
	c.HangUp()
	c.ExpectEnd()
}

func noSize(t *testing.T, d *desk) {
	c, _ := d.prompt(t, pty.Winsize{})
	c.Send("fil" + tab)
	c.Expect("file ")
	c.Send(tab + tab)
	c.Expect("stream")
	c.Send("\x15echo fine" + enter)
	c.Expect(": fine\r\n")
	c.Send(ctrlD)
	c.ExpectExit()
}

func messages(t *testing.T, d *desk) {
	d.make(t, d.kn2, 20<<20, "gone", "going", "stays")
	d.slow(t, "20mbit")
	c, n := d.prompt(t)
	d.meet(t, n)
	remove := func(name string) {
		if err := os.Remove(filepath.Join(d.kn2.Files(), name)); err != nil {
			t.Fatal(err)
		}
	}
	c.Send("file get gone" + enter)
	c.Expect(promptText)
	c.Send("echo half")
	c.Expect("half")
	remove("gone")
	c.Expect("\r\x1b[JError (" + n.Name() + "): get gone: ")
	c.Expect(promptText + "echo half")
	c.Send(" and half" + enter)
	c.Expect(": half and half\r\n")

	d.make(t, d.kn2, 1<<20, "comes")
	c.Send("file get comes" + enter)
	c.Expect(promptText)
	c.Send("echo hal")
	c.Expect("\r\x1b[J" + n.Name() + ": get comes: done, 1.0 MiB\r\n")
	c.Expect(promptText + "echo hal")
	c.Send("f" + enter)
	c.Expect(": half\r\n")

	c.Send("file get going" + enter)
	c.Expect(promptText)
	c.Send("vm config disk file:stays" + enter)
	c.Expect("MiB of 20 MiB")
	remove("going")
	c.Expect("\x1b[JError (" + n.Name() + "): get going: ") // where the bar was
	c.Expect("MiB of 20 MiB")
	c.Send(ctrlC)
	c.Expect("interrupted")
}

func history(t *testing.T, d *desk) {
	c, _ := d.prompt(t)
	other, _ := d.prompt(t)
	other.Send("echo from another prompt" + enter)
	other.Expect(": from another prompt\r\n")
	c.Send("echo remember this" + enter)
	c.Expect(": remember this\r\n")
	for _, one := range []*termtest.Console{c, other} {
		one.Send("quit" + enter)
		one.ExpectExit()
	}
	if info, err := os.Stat(filepath.Join(d.setup.Dir, "minimega", "history")); err != nil || info.Mode() != 0o600 {
		t.Errorf("the history file: %v, %v", info, err)
	}
	c, _ = d.prompt(t)
	c.Send("\x12member")
	c.Expect("(reverse-i-search)`member': echo remember this")
	c.Send(enter)
	c.Expect(": remember this\r\n")
	c.Expect(promptText) // before that the terminal, not the prompt, takes Ctrl-R
	c.Send("\x12another")
	c.Expect("echo from another prompt")
	c.Send(ctrlC)
	c.Expect(promptText)
}

func paged(t *testing.T, d *desk) {
	t.Setenv("PAGER", "sed s/^/paged:/")
	c, _ := d.prompt(t, pty.Winsize{Rows: 10, Cols: 80})
	c.Send("help" + enter)
	c.Expect(" lines to sed s/^/paged:/ --\r\n")
	c.Expect("paged:.alias")
	c.Expect(promptText)
	c.Send("echo short" + enter)
	if before := c.Expect(": short\r\n"); strings.Contains(before, "paged:") && strings.Contains(before, "paged: short") {
		t.Errorf("a short answer was paged: %q", before)
	}
	c, _ = d.prompt(t, pty.Winsize{Rows: 2, Cols: 80})
	c.Send("help" + enter)
	if before := c.Expect("write <file>"); strings.Contains(before, "lines to") {
		t.Errorf("paged in a window of two rows: %q", before)
	}
	t.Setenv("PAGER", "")
	c, _ = d.prompt(t, pty.Winsize{Rows: 10, Cols: 80})
	c.Send("help" + enter)
	if before := c.Expect("write <file>"); strings.Contains(before, "lines to") {
		t.Errorf("paged without a pager: %q", before)
	}
}

// attach opens a prompt of a node that runs.
func (d *desk) attach(t *testing.T, n *netlab.Node) *termtest.Console {
	t.Helper()
	c := termtest.Start(t, d.host.Command(context.Background(), d.setup.Binary, "-attach", "-base", n.Base()))
	c.Expect("minimega:" + n.Socket() + "$ ")
	return c
}

// tabInShells types at those shells that are installed.
func tabInShells(t *testing.T, d *desk) {
	d.make(t, d.kn2, 10, "shells/only.img", "shells/two words")
	main, n := d.prompt(t)
	d.meet(t, n)
	main.Send("file get shells/" + tab) // so that the node knows the names
	main.Expect("shells/")
	for shell, start := range map[string][]string{
		"bash": {"--noprofile", "--norc", "-i"}, "zsh": {"-f", "-i"}, "fish": {"--no-config", "-i"},
	} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		t.Run(shell, func(t *testing.T) { tabInShell(t, d, n, shell, append([]string{path}, start...)) })
	}
}

func tabInShell(t *testing.T, d *desk, n *netlab.Node, shell string, command []string) {
	dir := t.TempDir()
	script, err := exec.Command(d.setup.Binary, "-completion", shell).Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "tab"), script, 0o600), os.Symlink(d.setup.Binary, filepath.Join(dir, "minimega"))); err != nil {
		t.Fatal(err)
	}
	cmd := d.host.Command(context.Background(), command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "PATH="+dir+":"+os.Getenv("PATH"), "TERM=xterm", "PS1=$ ")
	c := termtest.Start(t, cmd, pty.Winsize{Rows: 24, Cols: 200})
	begin := map[string]string{"bash": "", "zsh": "autoload -Uz compinit; compinit -u; ", "fish": ""}[shell]
	c.Send(begin + ". " + filepath.Join(dir, "tab") + "; echo rea''dy" + enter)
	c.Expect("ready")
	c.Send("minimega -base " + n.Base() + " -e file get shells/o" + tab)
	c.Expect("nly.img")
	c.Send("\x15minimega -base " + n.Base() + " -e file get shells/t" + tab)
	c.Expect(`wo\ words`)
	c.Send("\x15minimega -vers" + tab)
	c.Expect("ion")
	c.Send("\x15minimega --base " + n.Base() + " -e file get \"shells/t" + tab)
	c.Expect(`wo words"`)
	for _, quote := range []string{`"`, "'"} { // the whole command in it, which Tab leaves open
		c.Send("\x15minimega -base=" + n.Base() + " -e " + quote + "echo file:shells/o" + tab)
		c.Expect("nly.img")
		c.Send(quote + enter)
		c.Expect("/files/shells/only.img")
	}
}

func attach(t *testing.T, d *desk) {
	d.make(t, d.kn2, 10, "attached/file")
	main, n := d.prompt(t)
	d.meet(t, n)
	leaves := []func(*termtest.Console){
		func(c *termtest.Console) { c.Send("disc" + tab); c.Expect("disconnect "); c.Send(enter) },
		func(c *termtest.Console) { c.Send(ctrlD) },
	}
	for _, leave := range leaves {
		c := d.attach(t, n)
		quick(t, "Tab", c.Within("file get attached/"+tab, "attached/file "))
		giveUp(c)
		started(t, c)
		quick(t, "Ctrl-C", c.Within(ctrlC, "interrupted\r\n"))
		c.Expect("$ ")
		leave(c)
		c.ExpectExit()
	}
	main.Send("echo here" + enter)
	main.Expect(": here\r\n")
	c := d.attach(t, n)
	c.Send("quit" + enter)
	c.Expect("enter 'quit' again\r\n")
	c.Expect("$ ")
	c.Send("quit" + enter)
	c.ExpectExit()
	main.ExpectExit()
}
