package mesh

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
)

// bulkBuffer is how many bytes of records are handed to the kernel, or taken
// from it, at once: those of 256 KiB, and a few more. One by one, the calls and
// packets of the 16 KiB records of TLS cost more than their encryption.
const bulkBuffer = 272 << 10

const (
	minExpect = 4 << 10  // bytes: fewer are not worth waiting for
	maxRecord = 17 << 10 // that TLS may hold of a record that is not whole
)

// A stream reads into firstBuffer until bulkAfter bytes have come: a swarm has
// many streams that carry little, and a large buffer costs time to have.
const (
	firstBuffer = 80 << 10
	bulkAfter   = 8 << 20
)

// A socket is a TCP connection below TLS that can be switched to bulk. Before
// that it passes everything on.
type socket struct {
	net.Conn

	in   *bufio.Reader // nil before bulk; the reader's alone, as came and due
	came int           // bytes read through it
	due  int           // bytes behind TLS that are on their way
	tcp  *direct       // nil: not known

	mu   sync.Mutex // guards what follows; held across writes, so that records keep their order
	held bool       // records are collected
	out  []byte
}

// NetConn returns the TCP connection.
func (s *socket) NetConn() net.Conn { return s.Conn }

func (s *socket) Read(b []byte) (int, error) {
	if s.in == nil {
		return s.Conn.Read(b)
	}
	if s.came >= bulkAfter && s.in.Size() < bulkBuffer && s.in.Buffered() == 0 {
		s.in = bufio.NewReaderSize(s.Conn, bulkBuffer)
	}
	if s.tcp != nil && s.in.Buffered() == 0 {
		s.tcp.expect(worthWaking(s.due - maxRecord))
	}
	n, err := s.in.Read(b)
	s.came += n
	return n, err
}

func (s *socket) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held {
		return s.Conn.Write(b)
	}
	if len(s.out)+len(b) > bulkBuffer {
		if err := s.flushLocked(); err != nil {
			return 0, err
		}
	}
	s.out = append(s.out, b...)
	return len(b), nil
}

func (s *socket) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
}

// release writes what was collected.
func (s *socket) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	return s.flushLocked()
}

func (s *socket) flushLocked() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.Conn.Write(s.out)
	s.out = s.out[:0]
	return err
}

// A bulkConn is TLS whose records go through the socket below many at a time.
type bulkConn struct {
	*tls.Conn
	below *socket

	mu sync.Mutex // one Write at a time
}

// batched returns conn for a stream. Nobody may be reading from it.
func batched(conn *tls.Conn) net.Conn {
	below, ok := conn.NetConn().(*socket)
	if !ok { // inside another stream, which is bulk itself
		return conn
	}
	below.in = bufio.NewReaderSize(below.Conn, firstBuffer)
	below.tcp, _ = below.Conn.(*direct)
	return &bulkConn{Conn: conn, below: below}
}

// Expect tells that n bytes are on their way for the next Read, which need not
// wake for each few of them. It belongs to the reader.
func (c *bulkConn) Expect(n int) { c.below.due = n }

// worthWaking returns for how many of n bytes to wait, of which the socket is
// told.
func worthWaking(n int) int { return min(max(n, 0)/minExpect*minExpect, bulkBuffer/2) }

// Write returns when the kernel has all of b.
func (c *bulkConn) Write(b []byte) (int, error) { return c.WriteBehind(nil, b) }

// WriteBehind writes head and b as Write would write the two in one piece. It
// returns how many bytes of both were taken.
func (c *bulkConn) WriteBehind(head, b []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.below.hold()
	if len(head) > 0 {
		n, err = c.Conn.Write(head)
	}
	if err == nil {
		var more int
		more, err = c.Conn.Write(b)
		n += more
	}
	if flushed := c.below.release(); err == nil {
		err = flushed
	}
	return n, err
}
