package term

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

func TestEveryWayOutLeavesTheTerminalAsFound(t *testing.T) {
	ways := map[string]func(*console){
		"quit":                   func(c *console) { c.send("quit\r") },
		"Ctrl-D":                 func(c *console) { c.send("\x04"); c.expect("over: EOF") },
		"SIGTERM at the prompt":  func(c *console) { c.send("half a li"); c.signal(unix.SIGTERM); c.expect("over: ") },
		"SIGHUP at the prompt":   func(c *console) { c.signal(unix.SIGHUP); c.expect("over: ") },
		"SIGTERM in a command":   func(c *console) { c.send("run\r"); c.expect("running"); c.signal(unix.SIGTERM); c.expect("over: ") },
		"panic in a command":     func(c *console) { c.send("panic\r"); c.expect("as asked") },
		"panic while raw":        func(c *console) { c.send("panic while raw"); c.expect("raw"); c.send("\r"); c.expect("as asked") },
		"Ctrl-C and then Ctrl-D": func(c *console) { c.send("abc\x03"); c.expect(`got: ""`); c.send("\x04") },
		"Ctrl-D during a command": func(c *console) {
			c.send("run\r")
			c.expect("running")
			c.send("\x04ok")
			c.expect("ok") // echoed, so the key before it has come as well
			c.signal(unix.SIGUSR1)
			c.expect("over: EOF")
		},
		"Ctrl-D with a stuck Tab": func(c *console) { c.send("\t"); c.send("\x04") },
		"Ctrl-D typed ahead":      func(c *console) { c.send("one\rtwo\r\x04"); c.expect(`got: "two"`) },
		"SIGTERM in a search":     func(c *console) { c.send("\x12old"); c.expect("old"); c.signal(unix.SIGTERM) },
		"SIGTERM after resizing":  func(c *console) { c.resize(10, 40); c.signal(unix.SIGTERM) },
	}
	for name, leave := range ways {
		t.Run(name, func(t *testing.T) {
			c := start(t, "stuck")
			c.expect("mm$ ")
			leave(c)
			c.expectExit()
		})
	}
}

func TestHangUpEndsInput(t *testing.T) {
	c := start(t, "known")
	c.expect("mm$ ")
	c.tty.Close()
	c.pty.Close()
	select {
	case <-c.exited:
	case <-time.After(patient):
		t.Fatal("the child outlives its terminal")
	}
}

func TestTerminalIsCookedWhileACommandRuns(t *testing.T) {
	c := start(t, "known")
	c.expect("mm$ ")
	c.send("run\r")
	c.expect("running")
	if c.modes() != c.before {
		t.Error("modes differ while a command runs")
	}
	c.send("\x03")
	c.expect("stopped")
	c.expect("mm$ ")
	c.send("after\r")
	c.expect(`got: "after"`)
}

func TestPastedLinesRunInOrder(t *testing.T) {
	c := start(t, "known")
	c.expect("mm$ ")
	var paste strings.Builder
	const lines = 200 // more than a terminal's buffer of 4 KiB
	for i := range lines {
		fmt.Fprintf(&paste, "line %d %s\r", i, strings.Repeat("x", i%80))
	}
	c.send(paste.String() + "quit\r")
	for i := range lines {
		c.expect(fmt.Sprintf("got: %q\r\n", fmt.Sprintf("line %d %s", i, strings.Repeat("x", i%80))))
	}
	c.expect(`got: "quit"`)
	c.expectExit()
}

func TestKeysEdit(t *testing.T) {
	for name, test := range map[string]struct{ keys, want string }{
		"two quick arrows":    {"abd\x1b[D\x1b[Dx\x05\r", `"axbd"`},
		"application arrows":  {"ab\x1bOD\x1bODx\r", `"xab"`},
		"home, end, delete":   {"abc\x1b[H\x1b[3~x\x1b[Fy\r", `"xbcy"`},
		"words":               {"one two\x1bbX\x1b[1;5DY\x1bfZ\r", `"one YXtwoZ"`},
		"erase a word":        {"one two\x1b\x7fx\r", `"one x"`},
		"wide characters":     {"日本語\x1b[D\x7fé\r", `"日é語"`},
		"unknown sequences":   {"a\x1b[200~b\x1b[99;5uc\x1a\x1c\r", `"abc"`},
		"line feed":           {"abc\n", `"abc"`},
		"history":             {"\x1b[A\x1b[A\r", `"second old"`},
		"history and back":    {"new\x1b[A\x1b[A\x1b[B\x1b[B\r", `"new"`},
		"search":              {"\x12old\x12\r", `"first old"`},
		"search, then edit":   {"\x12sec\x01X\r", `"Xsecond old"`},
		"search given up":     {"mine\x12old\x07\r", `"mine"`},
		"search shortened":    {"\x12thx\x7f\r", `"third"`},
		"Ctrl-D deletes":      {"abc\x01\x04\r", `"bc"`},
		"kill to the start":   {"abc\x15x\r", `"x"`},
		"Ctrl-C, then a line": {"abc\x03def\r", `""`},
		"invalid UTF-8":       {"a\xffb\r", "\"a\ufffdb\""},
		"a pasted tab":        {"a\tb\r", `"a b"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, "known")
			c.expect("mm$ ")
			c.send(test.keys)
			c.expect("got: " + test.want)
		})
	}
}

func TestTabInsertsThenLists(t *testing.T) {
	c := start(t, "known")
	c.expect("mm$ ")
	c.send("get f\t")
	c.expect("get fo")
	c.send("\t")
	c.expect("foo.img    foo.qcow2  fox")
	c.expect("mm$ get fo")
	c.send("x\t")
	c.expect("get fox ")
	c.send("\r")
	c.expect(`got: "get fox "`)
}

func TestSlowCompletionIsAppliedWhenItComes(t *testing.T) {
	for _, source := range []string{"slow", "pending", "late"} {
		t.Run(source, func(t *testing.T) {
			c := start(t, source)
			c.expect("mm$ ")
			want := map[string]string{"slow": "get foo.qcow2 ", "pending": "get foobar ", "late": "get foobar "}[source]
			c.send("get fo")
			if source == "slow" {
				c.send("o.q")
			}
			c.send("\t")
			c.expect(want)
			c.send("\r")
			c.expect(`got: "` + want + `"`)
		})
	}
}

func TestLateCompletionLeavesAnotherLineAlone(t *testing.T) {
	c := start(t, "slow")
	c.expect("mm$ ")
	c.send("foo.q\t and more")
	c.expect("and more")
	c.send("\r")
	c.expect(`got: "foo.q and more"`)
}

func TestEchoDoesNotWaitForAStuckSource(t *testing.T) {
	c := start(t, "stuck")
	c.expect("mm$ ")
	c.send("\t")
	var slowest time.Duration
	for _, key := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		begin := time.Now()
		c.send(key)
		c.expect(key)
		slowest = max(slowest, time.Since(begin))
	}
	t.Logf("slowest echo %v", slowest)
	c.send("\r")
	c.expect(`got: "abcdefghijklmnopqrstuvwxyz"`)
}

func TestResizeKeepsTheLine(t *testing.T) {
	c := start(t, "stuck")
	c.expect("mm$ ")
	c.send("one two\t\x1b[D\x1b[D")
	c.expect("one two")
	for i := range 10 {
		c.resize(10, uint16(30+i))
	}
	c.expect("mm$ one two")
	c.send("X\r")
	c.expect(`got: "one tXwo"`)
}

func TestWindowOfNoSizeWorks(t *testing.T) {
	for _, size := range []pty.Winsize{{}, {Rows: 1, Cols: 1}, {Rows: 2, Cols: 20}} {
		c := start(t, "known", size)
		c.expect("mm$ ")
		line := strings.Repeat("longer than any row ", 10) + "f"
		c.send(line)
		c.expect("row f")
		c.send("\t")
		c.expect("row fo")
		c.send("\t")
		c.expect("foo.qcow2")
		c.send("\r")
		c.expect(`got: "` + line + `o"`)
		c.send("quit\r")
		c.expectExit()
	}
}

func TestMessageIsPrintedAboveTheLine(t *testing.T) {
	c := start(t, "known", pty.Winsize{Rows: 24, Cols: 20})
	c.expect("mm$ ")
	c.send("signal\r")
	c.expect(`got: "signal"`)
	c.expect("mm$ ")
	c.send("a line of more than one row")
	c.expect("mm$ a line of more than one row\x1b[J")
	c.signal(unix.SIGUSR1)
	c.expect("\x1b[1A\r\x1b[Ja message\r\n\r\n")
	c.expect("mm$ a line of more than one row")
	c.send("s\r")
	c.expect(`got: "a line of more than one rows"`)
}

func TestPanicInACompletionLeavesTheTerminalAsFound(t *testing.T) {
	c := start(t, "panic")
	c.expect("mm$ ")
	c.send("\t")
	c.expect("as asked")
	c.expectExit()
}

func TestIdlePromptCostsNothing(t *testing.T) {
	c := start(t, "known")
	c.expect("mm$ ")
	c.send("x")
	c.expect("x")
	time.Sleep(50 * time.Millisecond) // let the child come to rest; a busy machine only makes it cheaper
	before := cpuTicks(t, c.cmd.Process.Pid)
	time.Sleep(2 * time.Second)
	if spent := cpuTicks(t, c.cmd.Process.Pid) - before; spent > 1 {
		t.Errorf("an idle prompt took %d ticks of 10 ms in 2 s", spent)
	}
}
