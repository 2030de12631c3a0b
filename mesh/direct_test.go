package mesh

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"minimega/scripts/netlab"
)

// directPair returns a direct connection over loopback, and its other side.
func directPair(t *testing.T) (*direct, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	c, ok := directly(near).(*direct)
	if !ok {
		t.Fatal("it is not direct")
	}
	return c, far.(*net.TCPConn)
}

// read reads up to n bytes within a few seconds.
func (c *direct) read(t *testing.T, n int) ([]byte, error) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	n, err := c.Read(b)
	return b[:n], err
}

func TestDirectConnectionCarriesWhatASlowReaderTakes(t *testing.T) {
	c, far := directPair(t)
	data := make([]byte, 16<<20)
	rand.Read(data)
	echoed := make(chan error, 1)
	go func() {
		_, err := io.Copy(far, far)
		far.CloseWrite()
		echoed <- err
	}()
	go func() {
		if n, err := c.Write(data); n != len(data) || err != nil {
			t.Errorf("%d bytes were written: %v", n, err)
		}
		c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came back, of %d: %v", len(got), len(data), err)
	}
	if err := <-echoed; err != nil {
		t.Error(err)
	}
}

func TestDirectConnectionFailsAsTCPDoes(t *testing.T) {
	c, far := directPair(t)
	c.SetReadDeadline(time.Now().Add(-time.Second))
	var timeout net.Error
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a late read is %v", err)
	}
	full := make([]byte, 64<<20)
	c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Write(full); !errors.Is(err, os.ErrDeadlineExceeded) || n <= 0 || n >= len(full) {
		t.Errorf("a write that nobody takes wrote %d: %v", n, err)
	}
	far.SetLinger(0)
	far.Close() // with what it has not read: a reset
	if _, err := c.read(t, 1); err == nil || err == io.EOF {
		t.Errorf("a read after a reset is %v", err)
	}
	c.SetWriteDeadline(time.Time{})
	if _, err := c.Write(full); err == nil {
		t.Error("a write after a reset succeeds")
	}
	c.Close()
	if _, err := c.Read(full); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a read after Close is %v", err)
	}
	if _, err := c.Write(full); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write after Close is %v", err)
	}
}

// unread returns how many bytes have come and were not read.
func (c *direct) unread(t *testing.T) (n int) {
	t.Helper()
	err := c.raw.Control(func(fd uintptr) {
		var err error
		if n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// until waits for cond, and reports whether it comes to be.
func until(t *testing.T, what string, cond func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := netlab.Until(ctx, what, cond)
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// heeds reports whether the socket knows what is worth waking for.
func (c *direct) heeds(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.low == n
}

func TestReaderSleepsUntilWhatIsExpectedHasCome(t *testing.T) {
	c, far := directPair(t)
	c.patience = time.Minute
	c.expect(5000)
	go func() {
		if until(t, "told to wait", func() bool { return c.heeds(5000) }) {
			far.Write(make([]byte, 1000))
		}
		if until(t, "1000 bytes there", func() bool { return c.unread(t) == 1000 }) {
			far.Write(make([]byte, 4000))
		}
	}()
	if got, err := c.read(t, 1<<20); err != nil || len(got) != 5000 {
		t.Errorf("%d bytes were read at once: %v", len(got), err)
	}
	c.expect(0)
	go func() {
		if until(t, "told not to wait", func() bool { return c.heeds(0) }) {
			far.Write(make([]byte, 10))
		}
	}()
	if got, err := c.read(t, 1<<20); err != nil || len(got) != 10 {
		t.Errorf("%d bytes were read, of 10 that came when nothing was expected: %v", len(got), err)
	}
}

func TestReaderIsContentWithLessAfterAWhile(t *testing.T) {
	c, far := directPair(t)
	for range 3 {
		c.expect(5000)
		go func() {
			if until(t, "told to wait", func() bool { return c.heeds(5000) }) {
				far.Write(make([]byte, 1000))
			}
		}()
		start := time.Now()
		got, err := c.read(t, 1<<20)
		if err != nil || len(got) != 1000 {
			t.Errorf("%d bytes were read: %v", len(got), err)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
	}
	c.expect(5000)
	far.Write(make([]byte, 1000))
	far.CloseWrite()
	if got, err := c.read(t, 1<<20); err != nil || len(got) != 1000 {
		t.Errorf("%d bytes were read before the end: %v", len(got), err)
	}
	if _, err := c.read(t, 1); err != io.EOF {
		t.Errorf("the end is %v", err)
	}
}
