package term

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// patient is how long a test waits for what must come.
const patient = 10 * time.Second

// console is a child on a pseudo terminal.
type console struct {
	t      *testing.T
	cmd    *exec.Cmd
	pty    *os.File
	tty    *os.File // held open, so that modes can be read after the child's end
	before unix.Termios
	exited chan struct{} // closed at the child's end

	mu   sync.Mutex // guards what follows
	out  []byte     // not looked at yet
	all  []byte
	more chan struct{} // closed and replaced when more comes
}

// start runs the child with a source of completions, in an 80×24 window unless
// a size is given.
func start(t *testing.T, source string, size ...pty.Winsize) *console {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	window := pty.Winsize{Rows: 24, Cols: 80}
	if len(size) > 0 {
		window = size[0]
	}
	if err := pty.Setsize(tty, &window); err != nil {
		t.Fatal(err)
	}
	c := &console{t: t, pty: master, tty: tty, more: make(chan struct{}), exited: make(chan struct{})}
	c.before = c.modes()
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), childEnv+"="+source)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = tty, tty, tty
	c.cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var helpers sync.WaitGroup
	helpers.Go(c.read)
	helpers.Go(func() {
		_ = c.cmd.Wait() // its status is not what the tests are about
		close(c.exited)
	})
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it may have ended
		<-c.exited
		c.tty.Close()
		c.pty.Close()
		helpers.Wait()
	})
	return c
}

func (c *console) read() {
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

func (c *console) modes() unix.Termios {
	c.t.Helper()
	modes, err := unix.IoctlGetTermios(int(c.tty.Fd()), unix.TCGETS)
	if err != nil {
		c.t.Fatal(err)
	}
	return *modes
}

func (c *console) send(keys string) {
	c.t.Helper()
	if _, err := c.pty.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// expect waits for text, and takes all up to its end.
func (c *console) expect(text string) {
	c.t.Helper()
	deadline := time.After(patient)
	for {
		c.mu.Lock()
		more := c.more
		i := bytes.Index(c.out, []byte(text))
		if i >= 0 {
			c.out = c.out[i+len(text):]
		}
		all := string(c.all)
		c.mu.Unlock()
		if i >= 0 {
			return
		}
		select {
		case <-more:
		case <-deadline:
			c.t.Fatalf("%q did not come; all that came:\n%q", text, all)
		}
	}
}

// expectExit waits for the child's end and checks that the terminal is as it
// was found.
func (c *console) expectExit() {
	c.t.Helper()
	select {
	case <-c.exited:
	case <-time.After(patient):
		c.t.Fatalf("the child lives on; all that came:\n%q", c.seen())
	}
	if after := c.modes(); after != c.before {
		c.t.Errorf("the terminal's modes are %+v, were %+v", after, c.before)
	}
}

func (c *console) seen() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.all)
}

func (c *console) signal(s unix.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

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

func (c *console) resize(rows, columns uint16) {
	c.t.Helper()
	if err := pty.Setsize(c.tty, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		c.t.Fatal(err)
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
	for i := range 50 {
		paste.WriteString("line\t")
		paste.WriteString(strings.Repeat("x", i))
		paste.WriteString("\r")
	}
	c.send(paste.String() + "quit\r")
	for i := range 50 {
		c.expect(`got: "line ` + strings.Repeat("x", i) + `"` + "\r\n")
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
