package mesh

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"minimega/mesh/wire"
)

// echoes checks that a stream gives back what is written to it.
func echoes(t *testing.T, conn net.Conn, size int) {
	t.Helper()
	sent := make([]byte, size)
	rand.Read(sent)
	var writer sync.WaitGroup
	writer.Go(func() {
		if _, err := conn.Write(sent); err != nil {
			t.Error(err)
		}
	})
	got := make([]byte, size)
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatal(err)
	}
	writer.Wait()
	if !bytes.Equal(got, sent) {
		t.Error("other bytes came back")
	}
}

func TestAStreamIsOneTLSConnection(t *testing.T) {
	nodes := meshed(t, 2, 4)
	conn, err := nodes[0].OpenStream(soon(t), nodes[1].Self().ID, "echo")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	outer, ok := conn.(*bulkConn)
	if !ok {
		t.Fatalf("it is a %T", conn)
	}
	if _, inner := outer.below.Conn.(*tls.Conn); inner {
		t.Error("it is relayed")
	}
	echoes(t, conn, 4<<20)
}

// countingConn counts its writes.
type countingConn struct {
	net.Conn
	writes int
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.writes++
	return c.Conn.Write(b)
}

func TestWhatIsWrittenBehindAHeadIsHandedOverWithIt(t *testing.T) {
	nodes := meshed(t, 2, 4)
	conn, err := nodes[0].OpenStream(soon(t), nodes[1].Self().ID, "echo")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	bulk := conn.(*bulkConn)
	below := &countingConn{Conn: bulk.below.Conn}
	bulk.below.Conn = below
	head, body := []byte("head"), bytes.Repeat([]byte("body"), 16<<10)
	if n, err := bulk.WriteBehind(head, body); err != nil || n != len(head)+len(body) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if below.writes != 1 {
		t.Errorf("%d writes below", below.writes)
	}
	got := make([]byte, len(head)+len(body))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, append(head, body...)) {
		t.Errorf("other bytes came back, %v", err)
	}
}

func TestAStreamIsRelayedWhereNoDirectOneCanBeMade(t *testing.T) {
	nodes := chain(t, 3)
	far := nodes[2]
	nodes[0].detours.note(far.Self().ID) // as if dialling it had failed
	conn, err := nodes[0].OpenStream(soon(t), far.Self().ID, "echo")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, relayed := conn.(*tls.Conn).NetConn().(*tls.Conn); !relayed {
		t.Error("it is direct")
	}
	if peerID(conn.(*tls.Conn)) != far.Self().ID {
		t.Error("another node is at its end")
	}
	echoes(t, conn, 4<<20)
}

func TestAnUnknownServiceIsRefused(t *testing.T) {
	nodes := meshed(t, 2, 4)
	_, err := nodes[0].OpenStream(soon(t), nodes[1].Self().ID, "nothing")
	if !errors.Is(err, wire.ErrUnknownMethod) {
		t.Errorf("open: %v", err)
	}
	if _, err := nodes[0].OpenStream(soon(t), wire.NodeID{1}, "echo"); !errors.Is(err, wire.ErrUnreachable) {
		t.Errorf("unknown node: %v", err)
	}
	if _, err := nodes[0].OpenStream(soon(t), nodes[0].Self().ID, "echo"); !errors.Is(err, wire.ErrSelf) {
		t.Errorf("itself: %v", err)
	}
}

func TestAStreamEndsWithItsNode(t *testing.T) {
	nodes := meshed(t, 2, 4)
	conn, err := nodes[0].OpenStream(soon(t), nodes[1].Self().ID, "echo")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	nodes[1].stop()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("it lives on")
	}
}
