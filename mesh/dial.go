package mesh

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"minimega/mesh/topology"
	"minimega/mesh/wire"
)

// How an address race is run.
const (
	raceDelay = 150 * time.Millisecond // before the next address is tried beside the last
	raceMost  = 16                     // addresses of one node
)

// opened is a connection to a server that has said hello.
type opened struct {
	conn   *tls.Conn
	reader *wire.Reader
	peer   wire.NodeID
	hello  *wire.Hello
	addr   string
}

// open connects to one address and reads the server's hello. The deadline for
// the rest of the handshake stays set. Errors are a *[ForeignError], a
// *[wire.RemoteError], [wire.ErrSelf], [wire.ErrContext], [wire.ErrProtocol],
// or the network's.
func (n *Node) open(ctx context.Context, addr, protocol string) (*opened, error) {
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	prepare(raw)
	o, err := n.meet(ctx, &socket{Conn: n.cfg.tune.wrap(directly(raw))}, addr, protocol)
	if err != nil {
		raw.Close()
		var foreign *ForeignError
		if errors.As(err, &foreign) {
			foreign.Node = addr
		}
		return nil, err
	}
	return o, nil
}

// meet runs the client's side of TLS over raw and reads the server's hello.
func (n *Node) meet(ctx context.Context, raw net.Conn, addr, protocol string) (*opened, error) {
	raw.SetDeadline(time.Now().Add(handshakeTimeout))
	stop := context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn := tls.Client(raw, n.trust.client(protocol))
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	o := &opened{conn: conn, reader: wire.NewReader(conn, wire.MaxHelloFrame), peer: peerID(conn), addr: addr}
	if o.peer == n.trust.id {
		return nil, wire.ErrSelf
	}
	var err error
	if o.hello, err = readHello(o.reader); err != nil {
		return nil, err
	}
	if err := n.matches(o.hello); err != nil {
		writeFrame(conn, wire.TypeReject, &wire.Reject{Code: wire.CodeOf(err), Text: err.Error()})
		return nil, err
	}
	if !stop() {
		return nil, ctx.Err()
	}
	return o, nil
}

// race opens connections to the addresses one after the other, each beside the
// last once that has failed or taken raceDelay, and returns the first that leads to
// want; if none does, the first that leads to anybody of our mesh and is not
// refused by accept. All others are closed.
func (n *Node) race(ctx context.Context, addrs []string, protocol string, want wire.NodeID) (*opened, error) {
	addrs = expand(ctx, addrs)
	if len(addrs) == 0 {
		return nil, errNoAddress
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	r := &racing{n: n, protocol: protocol, want: want, results: make(chan result, len(addrs))}
	best := r.run(ctx, addrs)
	won := best.o
	cancel()
	for range r.under {
		if late := <-r.results; late.o != nil {
			late.o.conn.NetConn().Close()
		}
	}
	if won == nil {
		return nil, best.err
	}
	return won, nil
}

var errNoAddress = errors.New("no address is known")

// racing is the state of one race.
type racing struct {
	n        *Node
	protocol string
	want     wire.NodeID // zero: whoever
	results  chan result
	under    int // attempts that have not ended
}

type result struct {
	o   *opened
	err error
}

// run returns the winner, or why there is none.
func (r *racing) run(ctx context.Context, addrs []string) (best result) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for len(addrs) > 0 || r.under > 0 {
		var next <-chan time.Time
		if len(addrs) > 0 {
			next = timer.C
		}
		select {
		case <-next:
			r.try(ctx, addrs[0])
			addrs = addrs[1:]
			timer.Reset(raceDelay)
		case got := <-r.results:
			r.under--
			if best = r.better(best, got); best.o != nil && (r.want.IsZero() || best.o.peer == r.want) {
				return best
			}
			timer.Reset(0)
		}
	}
	return best
}

func (r *racing) try(ctx context.Context, addr string) {
	r.under++
	go func() {
		o, err := r.n.open(ctx, addr, r.protocol)
		r.results <- result{o, err} // has room; race takes all
	}()
}

// better returns the more useful of two results: whom we want, then anybody,
// then the error that tells most.
func (r *racing) better(a, b result) result {
	switch {
	case b.o != nil && a.o != nil && b.o.peer != r.want:
		b.o.conn.NetConn().Close()
		return a
	case b.o != nil:
		if a.o != nil {
			a.o.conn.NetConn().Close()
		}
		return b
	case a.o != nil || a.err != nil && weight(a.err) >= weight(b.err):
		return a
	}
	return b
}

// weight orders errors by how much they tell the user.
func weight(err error) int {
	var remote *wire.RemoteError
	switch {
	case errors.Is(err, ErrForeign), errors.Is(err, wire.ErrContext), errors.Is(err, wire.ErrProtocol), errors.As(err, &remote):
		return 2
	case errors.Is(err, wire.ErrSelf):
		return 1
	}
	return 0
}

// expand replaces host names by their addresses.
func expand(ctx context.Context, addrs []string) []string {
	var all []string
	for _, addr := range addrs {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || net.ParseIP(host) != nil {
			all = append(all, addr)
			continue
		}
		found, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			all = append(all, addr) // dialling it gives the error to show
		}
		for _, ip := range found {
			all = append(all, net.JoinHostPort(ip, port))
		}
	}
	return all[:min(len(all), raceMost)]
}

// dialTarget does what the topology wants and tells it how that went.
func (n *Node) dialTarget(ctx context.Context, t topology.Target) {
	met, err := n.connect(ctx, t.Addrs, t.ID, topology.Dialled, t.Key)
	if err == nil {
		return
	}
	n.step(func(m *topology.Machine, now time.Time) { m.DialFailed(now, t.Key, met) })
	if weight(err) == 2 {
		n.complain(err, "")
	} else if ctx.Err() == nil {
		n.log.Debug("dial failed", "target", t.Key, "addrs", t.Addrs, "err", err)
	}
}

// connect makes a link. It returns who was there, also where no link came of
// it: we ourselves ([wire.ErrSelf]) or a peer that is linked already
// ([wire.ErrDuplicate]).
func (n *Node) connect(ctx context.Context, addrs []string, want wire.NodeID, origin topology.Origin, key string) (wire.NodeID, error) {
	o, err := n.race(ctx, addrs, wire.ALPNControl, want)
	if errors.Is(err, wire.ErrSelf) {
		return n.trust.id, err
	}
	if err != nil {
		return wire.NodeID{}, err
	}
	n.mu.Lock()
	linked := n.topo.Linked(o.peer)
	n.mu.Unlock()
	if linked {
		o.conn.NetConn().Close()
		return o.peer, wire.ErrDuplicate
	}
	if err := writeFrame(o.conn, wire.TypeHello, n.hello()); err != nil {
		o.conn.NetConn().Close()
		return wire.NodeID{}, err
	}
	return o.peer, n.addLink(o, origin, key)
}

// Dial links to host, HOST[:PORT] with our own port by default, and returns
// when the node there is a member, or why it cannot be: [wire.ErrSelf],
// [wire.ErrDuplicate], a *[ForeignError], [wire.ErrContext], or the network's
// error. The name of this node, or of one that has a link, need not be an
// address.
func (n *Node) Dial(ctx context.Context, host string) error {
	if host == "" {
		return fmt.Errorf("dial: %w: must be HOST or HOST:PORT", errNoAddress)
	}
	peer, err := n.connect(ctx, []string{withPort(host, n.cfg.Port)}, wire.NodeID{}, topology.Asked, "")
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		err = cmp.Or(n.linkedAlready(host), err)
	}
	switch {
	case errors.Is(err, wire.ErrSelf):
		return &userError{"cannot mesh dial yourself", err}
	case errors.Is(err, wire.ErrDuplicate):
		return &userError{"already connected to " + host, err}
	case errors.Is(err, ErrForeign):
		return err // it names the host
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return &userError{fmt.Sprintf("dial %s: no answer within %v", host, handshakeTimeout), wire.ErrUnreachable}
	case err != nil:
		return fmt.Errorf("dial %s: %w", host, err)
	}
	return n.awaitMember(ctx, peer)
}

// linkedAlready tells why a node called name is not dialled: it is this one
// ([wire.ErrSelf]) or has a link ([wire.ErrDuplicate]); nil for all others.
func (n *Node) linkedAlready(name string) error {
	found, err := n.Lookup(name)
	if err != nil {
		return nil // the dial's error tells more
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch id := found.ID; {
	case id == n.trust.id:
		return wire.ErrSelf
	case n.topo.Linked(id):
		return wire.ErrDuplicate
	}
	return nil
}

// A userError is a failure in the words that people know it by.
type userError struct {
	text  string
	cause error // what programs know it by
}

func (e *userError) Error() string { return e.text }
func (e *userError) Unwrap() error { return e.cause }

// awaitMember blocks until a new peer's link state has come, or it has gone.
func (n *Node) awaitMember(ctx context.Context, peer wire.NodeID) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	for {
		changed := n.Changed()
		n.mu.Lock()
		reachable, linked := n.topo.Reachable(peer), n.topo.Linked(peer)
		n.mu.Unlock()
		if reachable {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if linked {
				return nil
			}
			return fmt.Errorf("%w: the link did not last", wire.ErrUnreachable)
		}
	}
}

// Hangup cuts the direct link to the node called name, and leaves it alone for
// a minute. A node without one is an error.
func (n *Node) Hangup(name string) error {
	found, err := n.Lookup(name)
	if err != nil && !errors.Is(err, wire.ErrUnreachable) {
		return err
	}
	if err == nil {
		cut := false
		n.step(func(m *topology.Machine, now time.Time) { cut = m.Hangup(now, found.ID) })
		if cut {
			return nil
		}
	}
	return &userError{"no such client " + name, wire.ErrUnreachable}
}
