package transfer

import (
	"net"
	"time"
)

const (
	minPiece   = 4 << 10
	firstPiece = 64 << 10
	maxPiece   = 256 << 10
	slack      = 1 << 10 // so that a chunk with its header makes no piece too many
	quickPiece = 100 * time.Millisecond
	slowPiece  = time.Second
)

// A pacer writes in pieces that the other side takes well before writeLimit,
// however slow it is: TLS has no way back from a write that timed out. The zero
// pacer is ready. Much of it keeps to a [flow], too. It belongs to the writer of
// one connection.
type pacer struct {
	piece int   // bytes; 0: firstPiece
	flow  *flow // nil: nothing bulky was written yet
}

// write sends b under a deadline that holds for each piece of it.
func (p *pacer) write(conn net.Conn, b []byte) error { return p.writeBehind(conn, nil, b) }

// writeBehind is write of head, which is short, and b, which may be somebody
// else's as well.
func (p *pacer) writeBehind(conn net.Conn, head, b []byte) error {
	if p.piece == 0 {
		p.piece = firstPiece
	}
	if p.flow == nil && len(b) >= bulky {
		p.flow = flowOf(conn)
	}
	for len(head)+len(b) > 0 {
		n := len(b)
		if n > p.piece+slack {
			n = p.piece
		}
		start := time.Now()
		if err := conn.SetWriteDeadline(start.Add(writeLimit)); err != nil {
			return err
		}
		if err := writeTogether(conn, head, b[:n]); err != nil {
			return err
		}
		head = nil
		p.took(time.Since(start), n)
		if p.flow != nil {
			p.flow.after()
		}
		b = b[n:]
	}
	return nil
}

// A behindWriter is a connection that writes two pieces as one.
type behindWriter interface {
	WriteBehind(head, b []byte) (int, error)
}

// writeTogether writes head and b, in one go if conn can.
func writeTogether(conn net.Conn, head, b []byte) error {
	if c, ok := conn.(behindWriter); ok {
		_, err := c.WriteBehind(head, b)
		return err
	}
	if len(head) > 0 {
		if _, err := conn.Write(head); err != nil {
			return err
		}
	}
	_, err := conn.Write(b)
	return err
}

// took settles the size of the next piece by how long one of n bytes took.
func (p *pacer) took(d time.Duration, n int) {
	switch {
	case d > slowPiece:
		p.piece = max(min(p.piece, n)/2, minPiece)
	case d < quickPiece && n >= p.piece:
		p.piece = min(2*p.piece, maxPiece)
	}
}

// write sends b, which is short, or the first that its connection carries.
func write(conn net.Conn, b []byte) error {
	var p pacer
	return p.write(conn, b)
}
