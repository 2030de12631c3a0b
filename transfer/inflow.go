package transfer

import (
	"context"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"minimega/mesh/sockopt"
)

const (
	windowTime = 8        // a limit's bytes of so many parts of a second fit a window
	minWindow  = 64 << 10 // bytes
	maxWindow  = 32 << 20 // or what the system allows, if that is less
)

// An inflow holds what comes on a connection to a limit. It bounds what the other
// side may send ahead of what is read here, too: the kernel would take megabytes
// at once. It belongs to the connection's reader.
type inflow struct {
	limit *limit
	raw   syscall.RawConn // nil: no socket
	of    *bucket         // that it was set for; nil: it never was, or there is no limit
}

// inflowOf returns the inflow of conn, before anything is read from it.
func inflowOf(conn net.Conn, l *limit) *inflow {
	in := &inflow{limit: l, raw: socketOf(conn)}
	in.fit()
	return in
}

// pay blocks until the n bytes that came were allowed to come, or ctx ends.
func (in *inflow) pay(ctx context.Context, n int) {
	in.fit()
	in.limit.pay(ctx, n)
}

// fit follows the limit. What was announced before cannot be taken back.
func (in *inflow) fit() {
	b := in.limit.now.Load()
	if b == in.of || in.raw == nil {
		return
	}
	in.of = b
	_ = in.raw.Control(func(fd uintptr) { // failing costs smoothness only
		if b == nil { // the kernel chooses again
			_ = sockopt.Set(fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK, 0)
			return
		}
		size := int(min(max(b.rate/windowTime, minWindow), maxWindow))
		_ = sockopt.Set(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size)
	})
}

// Limited returns conn, on which no file of another node comes but one from
// elsewhere, with what comes counted for the limit that [Engine.SetLimit] sets.
// Read waits for its share; Close, and the engine's end, let it go.
func (e *Engine) Limited(conn net.Conn) net.Conn {
	ctx, cancel := context.WithCancel(e.ctx)
	return &limitedConn{conn, inflowOf(conn, &e.down), ctx, cancel}
}

type limitedConn struct {
	net.Conn
	in     *inflow
	ctx    context.Context
	cancel context.CancelFunc
}

func (c *limitedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b[:c.in.limit.piece(len(b))])
	c.in.pay(c.ctx, n)
	return n, err
}

func (c *limitedConn) Close() error {
	c.cancel()
	return c.Conn.Close()
}
