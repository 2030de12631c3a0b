package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"minimega/mesh/discovery"
	"minimega/mesh/topology"
	"minimega/mesh/wire"
)

// Limits of a link, beside those of package wire.
const (
	writeTimeout  = 8 * time.Second // of one frame
	finishTimeout = time.Second     // of all that is left at the end
	controlUnsent = 64 << 10        // bytes that the kernel may hold back
)

// errLeft reports a peer that said goodbye.
var errLeft = errors.New("it left")

// link is a control connection whose handshake is done. One goroutine reads it,
// another one writes it; the reader never writes.
type link struct {
	id     topology.LinkID
	peer   wire.NodeID
	name   wire.NodeName // as the peer calls itself
	host   string        // where it was dialled, or came from
	conn   *tls.Conn
	reader *wire.Reader
	out    *queue
	done   chan struct{} // closed when both goroutines are gone

	once sync.Once
	why  error // set by once
}

// addLink starts a link on a connection whose hellos are exchanged. Key is the
// target's that led to it. It fails when the node stops.
func (n *Node) addLink(o *opened, origin topology.Origin, key string) error {
	l := &link{
		peer: o.peer, name: o.hello.Name, host: o.addr,
		conn: o.conn, reader: o.reader,
		out: newQueue(), done: make(chan struct{}),
	}
	o.conn.SetDeadline(time.Time{})
	o.reader.SetLimit(wire.MaxControlFrame)
	limitUnsent(o.conn, controlUnsent)
	n.mu.Lock()
	n.lastLink++
	l.id = n.lastLink
	n.links[l.id] = l
	started := n.tasks.start(func(ctx context.Context) { n.runLink(ctx, l) })
	if started {
		n.stepLocked(func(m *topology.Machine, now time.Time) { m.Up(now, l.id, l.peer, origin, key) })
	} else {
		delete(n.links, l.id)
	}
	n.mu.Unlock()
	if !started {
		o.conn.NetConn().Close()
		return net.ErrClosed
	}
	n.log.Debug("link up", "node", l.name, "id", l.peer.Short(), "addr", l.host)
	n.reached(l, o)
	return nil
}

// reached tells the cache of peers where one was met.
func (n *Node) reached(l *link, o *opened) {
	remote, ok := o.conn.RemoteAddr().(*net.TCPAddr)
	if n.cfg.Reached == nil || !ok || o.hello.Port == 0 {
		return
	}
	addr := remote.AddrPort().Addr().Unmap()
	n.cfg.Reached(discovery.Hint{ID: l.peer, Name: l.name, Addrs: hintAddrs(addr, o.hello.Port), Source: "mesh"})
}

// runLink serves a link until it ends, and reports that.
func (n *Node) runLink(ctx context.Context, l *link) {
	defer close(l.done)
	stop := context.AfterFunc(ctx, func() { l.abort("this node stops") })
	defer stop()
	var writer sync.WaitGroup
	writer.Go(l.write)
	err := n.read(l)
	l.end(err, l.out.abort)
	writer.Wait()
	l.conn.NetConn().Close()
	n.step(func(m *topology.Machine, now time.Time) {
		delete(n.links, l.id)
		m.Down(now, l.id)
	})
	n.log.Debug("link down", "node", l.name, "id", l.peer.Short(), "addr", l.host, "why", l.why)
}

// end notes the first reason why the link ends and does what makes it end.
func (l *link) end(why error, how func()) {
	l.once.Do(func() {
		l.why = why
		how()
	})
}

// abort cuts the link at once.
func (l *link) abort(why string) {
	l.end(errors.New(why), func() {
		l.out.abort()
		l.conn.NetConn().Close()
	})
}

// finish writes what the topology still has to say and closes the link.
func (l *link) finish() {
	l.end(errClosed, func() {
		l.conn.SetDeadline(time.Now().Add(finishTimeout))
		l.out.finish()
	})
}

// drop ends the link as the topology wants it.
func (l *link) drop(d topology.Drop) {
	if d.Reject == nil {
		l.abort(d.Why)
		return
	}
	l.out.pushUrgent(frame{wire.TypeReject, d.Reject})
	l.finish()
}

// write writes frames until the queue ends or the peer takes none.
func (l *link) write() {
	var buf []byte
	for {
		f, ok := l.out.take()
		if !ok {
			l.conn.NetConn().Close()
			return
		}
		var err error
		buf, err = wire.AppendFrame(buf[:0], f.t, f.payload)
		if err == nil && len(buf) > wire.MaxControlFrame+wire.HeaderSize {
			err = fmt.Errorf("frame %d: %w: %d bytes", f.t, wire.ErrTooLarge, len(buf))
		}
		if err == nil {
			l.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
			_, err = l.conn.Write(buf)
		}
		if err != nil {
			l.abort(err.Error())
			return
		}
		if cap(buf) > 256<<10 {
			buf = nil // rare, and not worth keeping on every link
		}
	}
}

// read takes in frames until the connection ends; the error says why.
func (n *Node) read(l *link) error {
	for {
		t, b, err := l.reader.Next()
		if err != nil {
			return err
		}
		payload, err := wire.DecodeControl(t, b)
		if err == nil {
			err = n.receive(l, t, payload)
		}
		if err == nil {
			continue
		}
		if errors.Is(err, errLeft) || err == io.EOF {
			return err
		}
		bad := &wire.DecodeError{Offset: l.reader.Offset(), What: fmt.Sprintf("frame of type %d", t), Err: err}
		n.log.Warn("link closed: "+bad.Error(), "node", l.name, "addr", l.host)
		return bad
	}
}

// errPlace reports a frame that may not come here.
var errPlace = errors.New("out of place")

// receive hands a frame to whom it concerns; it never blocks on the network.
func (n *Node) receive(l *link, t wire.Type, payload any) error {
	switch p := payload.(type) {
	case *wire.LinkStates, *wire.Summary:
		n.step(func(m *topology.Machine, now time.Time) { m.Receive(now, l.id, p) })
		return nil
	case *wire.Ping:
		n.step(func(m *topology.Machine, now time.Time) {
			if m.Heard(now, l.id); t == wire.TypePing {
				m.Receive(now, l.id, p)
			}
		})
		return nil
	case *wire.Reject:
		n.step(func(m *topology.Machine, now time.Time) { m.Refused(now, l.id, *p) })
		l.end(fmt.Errorf("closed by the peer: %s", p.Text), l.out.abort)
		return io.EOF
	}
	n.step(func(m *topology.Machine, now time.Time) { m.Heard(now, l.id) })
	switch p := payload.(type) {
	case *wire.Call:
		n.routeCall(p, l)
	case *wire.Answer:
		n.routeAnswer(p)
	case *wire.Cancel:
		n.routeCancel(p)
	case nil:
		if t == wire.TypeLeave {
			return errLeft
		}
	default:
		return errPlace
	}
	return nil
}
