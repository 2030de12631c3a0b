package term

import (
	"bytes"
	"os"
	"os/exec"
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

func (c *console) resize(rows, columns uint16) {
	c.t.Helper()
	if err := pty.Setsize(c.tty, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		c.t.Fatal(err)
	}
}
