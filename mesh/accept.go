package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"minimega/mesh/topology"
	"minimega/mesh/wire"
)

// accept takes connections until the listener is closed. Nothing that one of
// them does, or fails to do, holds up the next.
func (n *Node) accept(ctx context.Context, listener net.Listener) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // most likely too many open files
			n.complain(fmt.Errorf("cannot accept: %w", err), "")
			pause.Reset(50 * time.Millisecond)
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
				continue
			}
		}
		leave, ok := n.gate.enter(conn)
		if !ok || !n.tasks.start(func(ctx context.Context) { n.welcome(ctx, conn, leave) }) {
			conn.Close()
		}
	}
}

// welcome runs the server's side of a handshake and then what it was for.
func (n *Node) welcome(ctx context.Context, raw net.Conn, leave func()) {
	addr := raw.RemoteAddr().String()
	prepare(raw)
	conn, err := n.secure(ctx, &socket{Conn: n.cfg.tune.wrap(directly(raw))})
	if err == nil && conn.ConnectionState().NegotiatedProtocol == wire.ALPNData {
		n.serveStream(ctx, conn, leave)
		return
	}
	if err == nil {
		paced(raw)
		err = n.greet(conn, addr)
	}
	leave()
	if err != nil {
		raw.Close()
		n.judge(err, addr)
	}
}

// secure runs the server's side of TLS, within handshakeTimeout. The deadline
// stays set for the hellos that follow.
func (n *Node) secure(ctx context.Context, raw net.Conn) (*tls.Conn, error) {
	raw.SetDeadline(time.Now().Add(handshakeTimeout))
	cfg := n.trust.server()
	var pin string // that the client showed, unproved: for the log only
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		pin = clientPin(hello.ServerName)
		return nil, nil
	}
	conn := tls.Server(raw, cfg)
	err := conn.HandshakeContext(ctx)
	if err == nil {
		return conn, nil
	}
	raw.Close()
	if pin != "" && pin != n.trust.pin {
		return nil, &ForeignError{Pin: pin, Ours: n.trust.pin}
	}
	return nil, err
}

// greet exchanges hellos with a client and makes the connection a link.
func (n *Node) greet(conn *tls.Conn, addr string) error {
	peer := peerID(conn)
	if peer == n.trust.id {
		return wire.ErrSelf
	}
	if err := writeFrame(conn, wire.TypeHello, n.hello()); err != nil {
		return err
	}
	reader := wire.NewReader(conn, wire.MaxHelloFrame)
	hello, err := readHello(reader)
	if err != nil {
		return err
	}
	if err := n.matches(hello); err != nil {
		writeFrame(conn, wire.TypeReject, &wire.Reject{Code: wire.CodeOf(err), Text: err.Error()})
		return err
	}
	return n.addLink(&opened{conn: conn, reader: reader, peer: peer, hello: hello, addr: addr}, topology.Accepted, "")
}

// judge logs why a client was not let in, if that may interest somebody.
func (n *Node) judge(err error, addr string) {
	host, _, _ := net.SplitHostPort(addr)
	var foreign *ForeignError
	var reject *wire.RemoteError
	switch {
	case errors.As(err, &foreign):
		foreign.Node = host
		n.complain(foreign, addr)
	case errors.As(err, &reject):
		n.complain(fmt.Errorf("%s: %w", host, reject), addr)
	case errors.Is(err, wire.ErrContext), errors.Is(err, wire.ErrProtocol):
		n.complain(fmt.Errorf("%s: %w", host, err), addr)
	case errors.Is(err, wire.ErrSelf), errors.Is(err, net.ErrClosed):
	case strings.Contains(err.Error(), "tls:"):
		n.complain(fmt.Errorf("%s is no node of this mesh: %w", host, err), addr)
	default:
		n.log.Debug("handshake failed", "addr", addr, "err", err)
	}
}

// hello returns what we say first on every connection.
func (n *Node) hello() *wire.Hello {
	return &wire.Hello{Protocol: wire.Protocol, Name: n.cfg.Name, Context: n.cfg.Context, Port: uint16(n.Port())}
}

// matches reports whether we may mesh with the sender of a hello: the error
// wraps [wire.ErrContext] or [wire.ErrProtocol] and is written for the reader
// of a log on either side.
func (n *Node) matches(h *wire.Hello) error {
	if h.Protocol != wire.Protocol {
		return fmt.Errorf("%w: %d there, %d here: run the same release on both", wire.ErrProtocol, h.Protocol, wire.Protocol)
	}
	if h.Context != n.cfg.Context {
		return fmt.Errorf("%w: node %s is in context %q, node %s in %q: start one of them with -context of the other",
			wire.ErrContext, h.Name, h.Context, n.cfg.Name, n.cfg.Context)
	}
	return nil
}

// readHello reads the first frame of a connection. A Reject in its place is a
// *[wire.RemoteError].
func readHello(r *wire.Reader) (*wire.Hello, error) {
	payload, err := readFrame(r)
	if err != nil {
		return nil, err
	}
	hello, ok := payload.(*wire.Hello)
	if !ok {
		return nil, &wire.DecodeError{Offset: r.Offset(), What: "hello", Err: errPlace}
	}
	return hello, nil
}

// readFrame reads and decodes one frame of a handshake.
func readFrame(r *wire.Reader) (any, error) {
	t, b, err := r.Next()
	if err != nil {
		return nil, err
	}
	if t == wire.TypeStreamReady {
		return t, nil
	}
	payload, err := wire.DecodeControl(t, b)
	if err != nil {
		return nil, &wire.DecodeError{Offset: r.Offset(), What: "handshake", Err: err}
	}
	if reject, ok := payload.(*wire.Reject); ok {
		return nil, &wire.RemoteError{Code: reject.Code, Text: reject.Text}
	}
	return payload, nil
}

// writeFrame writes one frame of a handshake.
func writeFrame(conn net.Conn, t wire.Type, payload any) error {
	b, err := wire.AppendFrame(nil, t, payload)
	if err != nil {
		return err
	}
	_, err = conn.Write(b)
	return err
}
