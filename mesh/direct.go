package mesh

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"minimega/mesh/sockopt"
)

// expectPatience is how long a Read of a [direct] connection waits for as much
// as is expected, before it is content with less.
const expectPatience = 100 * time.Millisecond

// A direct connection is a TCP connection whose reads and writes the scheduler
// does not watch over. Each call that it watches wakes the runtime's monitor
// thread, which then looks 50 times a millisecond; a socket never blocks, so that
// there is nothing to see. Nor does its reader wake for each few bytes of what
// [direct.expect] has announced. One goroutine reads, and one writes.
type direct struct {
	*net.TCPConn
	raw           syscall.RawConn
	receive, send func(fd uintptr) bool // receiveNow and sendNow, made once

	in    []byte // to be filled by the Read under way
	came  int
	inErr error

	out    []byte // what is left of the Write under way
	outErr error

	patience time.Duration // expectPatience, but for tests

	mu    sync.Mutex
	want  int  // bytes that are worth waking for; 0: any
	low   int  // what the socket knows of want
	armed bool // giveIn comes
	timer *time.Timer
}

// directly returns conn as a direct connection where it is a TCP connection.
func directly(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	c := &direct{TCPConn: tcp, raw: raw, patience: expectPatience}
	c.receive, c.send = c.receiveNow, c.sendNow
	return c
}

// NetConn returns the connection itself, whose reads are watched over.
func (c *direct) NetConn() net.Conn { return c.TCPConn }

// expect lets the next Reads wait for n bytes, or for expectPatience; 0 ends
// that. It belongs to the reader.
func (c *direct) expect(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.want = n
}

// Read returns errors as those of [net.TCPConn].
func (c *direct) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	c.in, c.came, c.inErr = b, 0, nil
	err := c.raw.Read(c.receive)
	c.in = nil
	switch {
	case err != nil:
		return c.came, err
	case c.inErr != nil:
		return 0, c.inErr
	case c.came == 0:
		return 0, io.EOF
	}
	return c.came, nil
}

// receiveNow reports false where there is nothing, to be called again when there
// is something.
func (c *direct) receiveNow(fd uintptr) bool {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&c.in[0])), uintptr(len(c.in)))
		switch errno {
		case 0:
			c.came = int(n)
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			if !c.heed(fd) {
				return false
			}
		default:
			c.inErr = c.failed("read", errno)
			return true
		}
	}
}

// heed tells the socket what is worth waking for, before the reader waits. It
// reports whether that has changed: more may be there than would wake it now.
func (c *direct) heed(fd uintptr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.want > 0 && !c.armed {
		c.armed = true
		if c.timer == nil {
			c.timer = time.AfterFunc(c.patience, c.giveIn)
		} else {
			c.timer.Reset(c.patience)
		}
	}
	if c.low == c.want {
		return false
	}
	c.low = c.want
	_ = sockopt.Set(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, max(c.low, 1)) // failing costs wakings only
	return true
}

// giveIn wakes the reader for whatever has come.
func (c *direct) giveIn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.armed, c.want = false, 0; c.low > 0 {
		c.low = 0
		_ = c.raw.Control(func(fd uintptr) { _ = sockopt.Set(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, 1) })
	}
}

// Write returns errors as those of [net.TCPConn].
func (c *direct) Write(b []byte) (int, error) {
	c.out, c.outErr = b, nil
	err := c.raw.Write(c.send)
	if err == nil {
		err = c.outErr
	}
	n := len(b) - len(c.out)
	c.out = nil
	return n, err
}

// sendNow reports false where the socket takes no more, to be called again when
// it does.
func (c *direct) sendNow(fd uintptr) bool {
	for len(c.out) > 0 {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&c.out[0])), uintptr(len(c.out)), unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			c.out = c.out[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			c.outErr = c.failed("write", errno)
			return true
		}
	}
	return true
}

func (c *direct) failed(op string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(op, errno)}
}
