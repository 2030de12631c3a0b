package mesh

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"minimega/mesh/wire"
)

// serveStream runs the server's side of a data connection from its hello on.
// Leave says that the handshake is over.
func (n *Node) serveStream(ctx context.Context, conn *tls.Conn, leave func()) {
	defer conn.NetConn().Close()
	defer conn.Close()
	defer leave()
	stop := context.AfterFunc(ctx, func() { conn.NetConn().Close() })
	defer stop()
	s, err := n.readStream(conn)
	if err != nil {
		n.judge(err, conn.RemoteAddr().String())
		return
	}
	leave()
	if err := n.detours.enter(); err != nil {
		refuse(conn, err)
		return
	}
	defer n.detours.leave()
	switch {
	case s.To != n.trust.id:
		paced(conn)
		n.relay(ctx, conn, s)
	case s.Hops > 0:
		n.serveInner(ctx, conn)
	default:
		n.serveService(ctx, conn, s)
	}
}

// readStream says hello and reads what the connection is for.
func (n *Node) readStream(conn *tls.Conn) (*wire.Stream, error) {
	if err := writeFrame(conn, wire.TypeHello, n.hello()); err != nil {
		return nil, err
	}
	reader := wire.NewReader(conn, wire.MaxHelloFrame)
	payload, err := readFrame(reader)
	if err != nil {
		return nil, err
	}
	s, ok := payload.(*wire.Stream)
	if !ok {
		return nil, &wire.DecodeError{Offset: reader.Offset(), What: "stream", Err: errPlace}
	}
	return s, nil
}

// refuse tells a client why its stream is not served.
func refuse(conn net.Conn, err error) {
	conn.SetWriteDeadline(time.Now().Add(finishTimeout))
	writeFrame(conn, wire.TypeReject, &wire.Reject{Code: wire.CodeOf(err), Text: err.Error()})
}

// serveService hands a stream to its handler.
func (n *Node) serveService(ctx context.Context, conn *tls.Conn, s *wire.Stream) {
	handler := n.services[s.Service]
	if handler == nil {
		refuse(conn, fmt.Errorf("%w: stream %q", wire.ErrUnknownMethod, s.Service))
		return
	}
	from, ok := n.waitMember(ctx, peerID(conn))
	if !ok {
		refuse(conn, fmt.Errorf("%w: you are no member here yet", wire.ErrDenied))
		return
	}
	conn.SetDeadline(time.Time{})
	if writeFrame(conn, wire.TypeStreamReady, nil) == nil {
		handler(ctx, from, batched(conn))
	}
}

// waitMember returns who id is, once that is known.
func (n *Node) waitMember(ctx context.Context, id wire.NodeID) (wire.Member, bool) {
	ctx, cancel := context.WithTimeout(ctx, memberTime)
	defer cancel()
	for {
		changed := n.Changed()
		if m, ok := n.view.Load().byID[id]; ok {
			return m, true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return wire.Member{}, false
		}
	}
}

// serveInner is the target's end of a relayed stream.
func (n *Node) serveInner(ctx context.Context, outer *tls.Conn) {
	if writeFrame(outer, wire.TypeStreamReady, nil) != nil {
		return
	}
	inner, err := n.secure(ctx, outer)
	if err != nil || inner.ConnectionState().NegotiatedProtocol != wire.ALPNData {
		return
	}
	s, err := n.readStream(inner)
	if err != nil || s.To != n.trust.id || s.Hops > 0 {
		return
	}
	defer inner.Close()
	n.serveService(ctx, inner, s)
}

// relay joins a stream to one of our own towards its target.
func (n *Node) relay(ctx context.Context, conn *tls.Conn, s *wire.Stream) {
	conn.SetDeadline(time.Time{})
	onward, err := n.onward(ctx, s)
	if err != nil {
		refuse(conn, fmt.Errorf("%w: %w", wire.ErrUnreachable, err))
		return
	}
	defer onward.NetConn().Close()
	stop := context.AfterFunc(ctx, func() { onward.NetConn().Close() })
	defer stop()
	if writeFrame(conn, wire.TypeStreamReady, nil) != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() { pipe(conn, onward) })
	pipe(onward, conn)
	back.Wait()
}

// onward opens the next part of a relayed stream.
func (n *Node) onward(ctx context.Context, s *wire.Stream) (*tls.Conn, error) {
	next := *s
	next.Hops++
	if s.Hops == 0 || next.Hops > maxRelayHops {
		return nil, fmt.Errorf("%d hops", s.Hops)
	}
	ctx, cancel := context.WithTimeout(ctx, relayTime)
	defer cancel()
	conn, err := n.direct(ctx, s.To, &next)
	if err == nil {
		return conn, nil
	}
	hop := n.nextHop(s.To)
	if hop == nil || hop.peer == s.To {
		return nil, err
	}
	return n.ask(ctx, hop.peer, &next)
}

// pipe copies one direction of a relayed stream until its end, which it passes
// on. A failure ends the other direction too.
func pipe(to, from *tls.Conn) {
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, relayBuffer))
	if err != nil {
		to.NetConn().Close()
		from.NetConn().Close()
		return
	}
	to.CloseWrite()
}
