package mesh

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// reaped is after how long nothing is left of a stranger who says nothing.
const reaped = 15 * time.Second

// closes checks that the other end closes conn before the handshake limit
// would be noticed by the test's own.
func closes(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(reaped))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		t.Error("still open")
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func connect(t *testing.T, n *testNode) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestGarbageIsClosed(t *testing.T) {
	n := start(t, "a", nil)
	conn := connect(t, n)
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	closes(t, conn)
}

func TestACertificateIsNeeded(t *testing.T) {
	n := start(t, "a", nil)
	for name, cfg := range map[string]*tls.Config{
		"none":        {InsecureSkipVerify: true, NextProtos: []string{wire.ALPNControl}},
		"no protocol": withoutProtocol(n),
		"old TLS":     {InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, NextProtos: []string{wire.ALPNControl}},
	} {
		conn := tls.Client(connect(t, n), cfg)
		if err := conn.HandshakeContext(soon(t)); err == nil {
			conn.SetReadDeadline(time.Now().Add(reaped))
			if b, err := io.ReadAll(conn); err == nil || isTimeout(err) || len(b) > 0 {
				t.Errorf("%s: read %d bytes, %v", name, len(b), err)
			}
		}
	}
	if !strings.Contains(n.log.String(), "no node of this mesh") {
		t.Errorf("nothing is logged: %s", n.log)
	}
}

func withoutProtocol(n *testNode) *tls.Config {
	cfg := n.trust.client(wire.ALPNControl)
	cfg.NextProtos = nil
	return cfg
}

// member returns a control connection of a member that speaks for itself, both
// hellos done.
func member(t *testing.T, n *testNode) *opened {
	t.Helper()
	stranger, err := New(Config{Name: "hostile", Context: n.cfg.Context, Key: n.cfg.Key})
	if err != nil {
		t.Fatal(err)
	}
	o, err := stranger.open(soon(t), n.addr(), wire.ALPNControl)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.conn.NetConn().Close() })
	if err := writeFrame(o.conn, wire.TypeHello, stranger.hello()); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAFrameOverTheLimitIsClosedAndNotAllocated(t *testing.T) {
	n := start(t, "a", nil)
	for name, frame := range map[string][]byte{
		"4 GiB":       append(binary.BigEndian.AppendUint32(nil, 1<<32-1), byte(wire.TypeCall)),
		"listing":     {0, 0, 0, 6, byte(wire.TypeLinkStates), 0xa1, 1, 0x9a, 0x3b, 0x9a, 0xca},
		"not CBOR":    {0, 0, 0, 1, byte(wire.TypePing), 0xff},
		"second":      {0, 0, 0, 1, byte(wire.TypeHello), 0xa0},
		"stream":      {0, 0, 0, 1, byte(wire.TypeStream), 0xa0},
		"nested":      append([]byte{0, 0, 0, 32, byte(wire.TypeCall)}, []byte(strings.Repeat("\x81", 32))...),
		"nobody":      {0, 0, 0, 4, byte(wire.TypeLinkStates), 0xa1, 1, 0x81, 0xa0},
		"half a call": {0, 0, 0, 2, byte(wire.TypeCall), 0xa1, 0x01},
	} {
		o := member(t, n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		o.conn.Write(frame)
		closes(t, o.conn)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", name, grown)
		}
	}
	friend := start(t, "b", nil)
	if err := friend.Dial(soon(t), n.addr()); err != nil {
		t.Errorf("a real node: %v", err)
	}
}

func TestSilentStrangersDoNotKeepANodeOut(t *testing.T) {
	n := start(t, "a", nil)
	var strangers []net.Conn
	for i := range 300 {
		n.gate.forgive() // as if they came from many addresses
		conn := connect(t, n)
		if i%2 == 0 {
			conn.Write([]byte{22, 3, 1, 2, 0}) // half a ClientHello
		}
		strangers = append(strangers, conn)
	}
	friend := start(t, "b", nil)
	const bearable = 4 * time.Second // strangers are sent away later
	began := time.Now()
	n.gate.forgive()
	for err := friend.Dial(soon(t), n.addr()); err != nil; err = friend.Dial(soon(t), n.addr()) {
		if time.Since(began) > bearable {
			t.Fatal(err)
		}
		n.gate.forgive() // strangers were still in the kernel's queue, and had its address's share
	}
	if took := time.Since(began); took > bearable {
		t.Errorf("a real node took %v", took)
	}
	for _, conn := range strangers {
		closes(t, conn)
	}
}

func TestOneAddressGetsItsShareOnly(t *testing.T) {
	g := newGate()
	conn, other := net.Pipe()
	defer conn.Close()
	defer other.Close()
	admitted := 0
	for range 10 * connBurst {
		if leave, ok := g.enter(conn); ok {
			leave()
			admitted++
		}
	}
	if admitted < connBurst || admitted > 2*connBurst {
		t.Errorf("%d of %d connections were admitted", admitted, 10*connBurst)
	}
}

func TestComplaintsAreFew(t *testing.T) {
	var c complaints
	now := time.Unix(0, 0)
	if !c.allow("x", now) || c.allow("x", now) || c.allow("x", now.Add(9*time.Minute)) || !c.allow("x", now.Add(11*time.Minute)) {
		t.Error("a line is not said once in ten minutes")
	}
	count := 0
	for i := range 100 {
		if c.allow(strings.Repeat("y", i), now.Add(20*time.Minute)) {
			count++
		}
	}
	if count != 10 {
		t.Errorf("%d lines in a minute", count)
	}
}

// forgive gives every address its full share again.
func (g *gate) forgive() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.buckets)
}
