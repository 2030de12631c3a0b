package term

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"minimega/shell/term/termtest"
)

func TestEveryWayOutLeavesTheTerminalAsFound(t *testing.T) {
	ways := map[string]func(*termtest.Console){
		"quit":                  func(c *termtest.Console) { c.Send("quit\r") },
		"Ctrl-D":                func(c *termtest.Console) { c.Send("\x04"); c.Expect("over: EOF") },
		"SIGTERM at the prompt": func(c *termtest.Console) { c.Send("half a li"); c.Signal(unix.SIGTERM); c.Expect("over: ") },
		"SIGHUP at the prompt":  func(c *termtest.Console) { c.Signal(unix.SIGHUP); c.Expect("over: ") },
		"SIGTERM in a command": func(c *termtest.Console) {
			c.Send("run\r")
			c.Expect("running")
			c.Signal(unix.SIGTERM)
			c.Expect("over: ")
		},
		"panic in a command": func(c *termtest.Console) { c.Send("panic\r"); c.Expect("as asked") },
		"panic while raw": func(c *termtest.Console) {
			c.Send("panic while raw")
			c.Expect("raw")
			c.Send("\r")
			c.Expect("as asked")
		},
		"Ctrl-C and then Ctrl-D": func(c *termtest.Console) { c.Send("abc\x03"); c.Expect(`got: ""`); c.Send("\x04") },
		"Ctrl-D during a command": func(c *termtest.Console) {
			c.Send("run\r")
			c.Expect("running")
			c.Send("\x04ok")
			c.Expect("ok") // echoed, so the key before it has come as well
			c.Signal(unix.SIGUSR1)
			c.Expect("over: EOF")
		},
		"Ctrl-D with a stuck Tab": func(c *termtest.Console) { c.Send("\t"); c.Send("\x04") },
		"Ctrl-D typed ahead":      func(c *termtest.Console) { c.Send("one\rtwo\r\x04"); c.Expect(`got: "two"`) },
		"SIGTERM in a search":     func(c *termtest.Console) { c.Send("\x12old"); c.Expect("old"); c.Signal(unix.SIGTERM) },
		"SIGTERM after resizing":  func(c *termtest.Console) { c.Resize(10, 40); c.Signal(unix.SIGTERM) },
	}
	for name, leave := range ways {
		t.Run(name, func(t *testing.T) {
			c := start(t, "stuck")
			c.Expect("mm$ ")
			leave(c)
			c.ExpectExit()
		})
	}
}

func TestHangUpEndsInput(t *testing.T) {
	c := start(t, "known")
	c.Expect("mm$ ")
	c.HangUp()
	c.ExpectEnd()
}

func TestTerminalIsCookedWhileACommandRuns(t *testing.T) {
	c := start(t, "known")
	c.Expect("mm$ ")
	c.Send("run\r")
	c.Expect("running")
	c.AwaitFound()
	c.Send("\x03")
	c.Expect("stopped")
	c.Expect("mm$ ")
	c.Send("after\r")
	c.Expect(`got: "after"`)
}

func TestOnlyTheLineBeforeAnInterruptIsGivenUp(t *testing.T) {
	c := start(t, "known")
	c.Expect("mm$ ")
	c.Send("given up\r")
	c.Expect("given up: true")
	c.Expect("mm$ ")
	c.Send("given up?\r")
	c.Expect("given up: false")
}

func TestPastedLinesRunInOrder(t *testing.T) {
	c := start(t, "known")
	c.Expect("mm$ ")
	var paste strings.Builder
	const lines = 200 // more than a terminal's buffer of 4 KiB
	for i := range lines {
		fmt.Fprintf(&paste, "line %d %s\r", i, strings.Repeat("x", i%80))
	}
	c.Send(paste.String() + "quit\r")
	for i := range lines {
		c.Expect(fmt.Sprintf("got: %q\r\n", fmt.Sprintf("line %d %s", i, strings.Repeat("x", i%80))))
	}
	c.Expect(`got: "quit"`)
	c.ExpectExit()
}

func TestKeysEdit(t *testing.T) {
	for name, test := range map[string]struct{ keys, want string }{
		"two quick arrows":    {"abd\x1b[D\x1b[Dx\x05\r", `"axbd"`},
		"application arrows":  {"ab\x1bOD\x1bODx\r", `"xab"`},
		"home, end, delete":   {"abc\x1b[H\x1b[3~x\x1b[Fy\r", `"xbcy"`},
		"words":               {"one two\x1bbX\x1b[1;5DY\x1bfZ\r", `"one YXtwoZ"`},
		"erase a word":        {"one two\x1b\x7fx\r", `"one x"`},
		"cut a word":          {"one two three\x1bb\x1bb\x1bd\r", `"one  three"`},
		"joined characters":   {"می\u200cخواهم\r", `"می\u200cخواهم"`},
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
			c.Expect("mm$ ")
			c.Send(test.keys)
			c.Expect("got: " + test.want)
		})
	}
}

func TestHistoryOutlivesARestart(t *testing.T) {
	t.Setenv(historyEnv, filepath.Join(t.TempDir(), "history"))
	c := start(t, "known")
	c.Expect("mm$ ")
	for _, line := range []string{"one of before", "日本語 of before", "quit"} {
		c.Send(line + "\r")
		c.Expect(fmt.Sprintf("got: %q", line))
	}
	c.ExpectExit()
	c = start(t, "known")
	c.Expect("mm$ ")
	c.Send("\x12of bef")
	c.Expect("(reverse-i-search)`of bef': 日本語 of before")
	c.Send("\x12")
	c.Expect("one of before")
	c.Send("\x1b[B\r") // one newer
	c.Expect(`got: "日本語 of before"`)
}

func TestWhatWasForgottenIsReachedByNoKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	t.Setenv(historyEnv, path)
	c := start(t, "known")
	c.Expect("mm$ ")
	for _, line := range []string{"a secret", "forget"} {
		c.Send(line + "\r")
		c.Expect(fmt.Sprintf("got: %q", line))
		c.Expect("mm$ ")
	}
	c.Send("\x1b[Ax\r") // up
	c.Expect(`got: "x"`)
	c.Expect("mm$ ")
	c.Send("\x12secret")
	c.Expect("(failed reverse-i-search)`secret': ")
	c.Send("\x07quit\r")
	c.ExpectExit()
	if kept, err := LoadHistory(path); err != nil || !slices.Equal(kept, []string{"x", "quit"}) {
		t.Errorf("the file keeps %q, %v", kept, err)
	}
}

func TestTabInsertsThenLists(t *testing.T) {
	c := start(t, "known")
	c.Expect("mm$ ")
	c.Send("get f\t")
	c.Expect("get fo")
	c.Send("\t")
	c.Expect("foo.img    foo.qcow2  fox")
	c.Expect("mm$ get fo")
	c.Send("x\t")
	c.Expect("get fox ")
	c.Send("\r")
	c.Expect(`got: "get fox "`)
}

func TestSlowCompletionIsAppliedWhenItComes(t *testing.T) {
	for _, source := range []string{"slow", "pending", "late"} {
		t.Run(source, func(t *testing.T) {
			c := start(t, source)
			c.Expect("mm$ ")
			want := map[string]string{"slow": "get foo.qcow2 ", "pending": "get foobar ", "late": "get foobar "}[source]
			c.Send("get fo")
			if source == "slow" {
				c.Send("o.q")
			}
			c.Send("\t")
			c.Expect(want)
			c.Send("\r")
			c.Expect(`got: "` + want + `"`)
		})
	}
}

func TestLateCompletionLeavesAnotherLineAlone(t *testing.T) {
	c := start(t, "slow")
	c.Expect("mm$ ")
	c.Send("foo.q\t and more")
	c.Expect("and more")
	c.Send("\r")
	c.Expect(`got: "foo.q and more"`)
}

func TestEchoDoesNotWaitForAStuckSource(t *testing.T) {
	c := start(t, "stuck")
	c.Expect("mm$ ")
	c.Send("\t")
	var slowest time.Duration
	for _, key := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		begin := time.Now()
		c.Send(key)
		c.Expect(key)
		slowest = max(slowest, time.Since(begin))
	}
	t.Logf("slowest echo %v", slowest)
	c.Send("\r")
	c.Expect(`got: "abcdefghijklmnopqrstuvwxyz"`)
}

func TestResizeKeepsTheLine(t *testing.T) {
	c := start(t, "stuck")
	c.Expect("mm$ ")
	c.Send("one two\t\x1b[D\x1b[D")
	c.Expect("one two")
	for i := range 10 {
		c.Resize(10, uint16(30+i))
	}
	c.Expect("mm$ one two")
	c.Send("X\r")
	c.Expect(`got: "one tXwo"`)
}

func TestWindowOfNoSizeWorks(t *testing.T) {
	for _, size := range []pty.Winsize{{}, {Rows: 1, Cols: 1}, {Rows: 2, Cols: 20}} {
		c := start(t, "known", size)
		c.Expect("mm$ ")
		line := strings.Repeat("longer than any row ", 10) + "f"
		c.Send(line)
		c.Expect("row f")
		c.Send("\t")
		c.Expect("row fo")
		c.Send("\t")
		c.Expect("foo.qcow2")
		c.Send("\r")
		c.Expect(`got: "` + line + `o"`)
		c.Send("quit\r")
		c.ExpectExit()
	}
}

func TestWideCharactersAtTheEdgeKeepThePromptInItsPlace(t *testing.T) {
	c := start(t, "known", pty.Winsize{Rows: 24, Cols: 9})
	c.Expect("mm$ ")
	c.Send("日本語日本語")
	c.Expect("mm$ 日本語日本語\r\x1b[8C\x1b[?25h") // mm$ 日本, one column left, and 語日本語 in the second row
	c.Send("\x1b[D")
	c.Expect("\x1b[1A\r\x1b[J\x1b[?25lmm$ 日本語日本語\r\x1b[6C\x1b[?25h")
	c.Send("\x01")
	c.Expect("\x1b[1A\r\x1b[4C\x1b[?25h")
	c.Send("x\r")
	c.Expect(`got: "x日本語日本語"`)
}

func TestALineHigherThanTheWindowIsShownAroundTheCursor(t *testing.T) {
	c := start(t, "known", pty.Winsize{Rows: 3, Cols: 20})
	c.Expect("mm$ ")
	line := strings.Repeat("0123456789", 8)
	c.Send(line)
	c.Expect("\x1b[?25l" + line[36:] + "\r\x1b[4C\x1b[?25h") // the last three rows
	c.Send("\x01")
	c.Expect("\x1b[2A\r\x1b[J\x1b[?25lmm$ " + line[:56] + "\x1b[2A\r\x1b[4C\x1b[?25h") // and the first three
	c.Send("x\r")
	c.Expect("mm$ x" + line + "\r\n")
	c.Expect(`got: "x` + line + `"`)
}

func TestMessageIsPrintedAboveTheLine(t *testing.T) {
	c := start(t, "known", pty.Winsize{Rows: 24, Cols: 20})
	c.Expect("mm$ ")
	c.Send("signal\r")
	c.Expect(`got: "signal"`)
	c.Expect("mm$ ")
	c.Send("a line of more than one row")
	c.Expect("mm$ a line of more than one row")
	c.Signal(unix.SIGUSR1)
	c.Expect("\x1b[1A\r\x1b[Ja message\r\n")
	c.Expect("mm$ a line of more than one row")
	c.Send("s\r")
	c.Expect(`got: "a line of more than one rows"`)
}

func TestPanicInACompletionLeavesTheTerminalAsFound(t *testing.T) {
	c := start(t, "panic")
	c.Expect("mm$ ")
	c.Send("\t")
	c.Expect("as asked")
	c.ExpectExit()
}

func TestIdlePromptCostsNothing(t *testing.T) {
	c := start(t, "known")
	c.Expect("mm$ ")
	c.Send("x")
	c.Expect("x")
	spent := 0
	for range 5 { // until the child has come to rest
		before := cpuTicks(t, c.PID())
		time.Sleep(2 * time.Second)
		if spent = cpuTicks(t, c.PID()) - before; spent <= 1 {
			return
		}
	}
	t.Errorf("an idle prompt took %d ticks of 10 ms in 2 s", spent)
}
