package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"minimega/mesh/wire"
)

// Limits of streams.
const (
	maxStreams   = 1024             // served or relayed at once
	maxRelayHops = 8                // relays that a stream may go through
	detourTime   = time.Minute      // how long a node that could not be dialled is not tried again
	memberTime   = 2 * time.Second  // for the link state of a stream's client to come
	relayTime    = 10 * time.Second // to find a way over relays
	relayBuffer  = 256 << 10        // bytes, in each direction of a relayed stream
)

// detours remembers who could not be dialled directly.
type detours struct {
	mu    sync.Mutex // guards what follows
	until map[wire.NodeID]time.Time
	open  int // streams served or relayed now
}

func newDetours() *detours { return &detours{until: make(map[wire.NodeID]time.Time)} }

// OpenStream connects to a service of the node to and returns when that is
// ready to read and write. The connection is the caller's to close. It is TLS
// right on TCP, or, only where no direct connection can be made, inside another
// connection that a member relays without being able to read it.
// Errors wrap [wire.ErrUnreachable], or are a *[wire.RemoteError] when the
// service is not there.
func (n *Node) OpenStream(ctx context.Context, to wire.NodeID, service string) (net.Conn, error) {
	if to == n.trust.id {
		return nil, fmt.Errorf("stream %s: %w", service, wire.ErrSelf)
	}
	if !n.reachable(to) {
		return nil, fmt.Errorf("stream %s: %w", service, wire.ErrUnreachable)
	}
	conn, err := n.direct(ctx, to, &wire.Stream{Service: service, To: to})
	if err == nil {
		return batched(conn), nil
	}
	if !canRelay(ctx, err) {
		return nil, fmt.Errorf("stream %s: %w", service, err)
	}
	inner, relayErr := n.relayed(ctx, to, service)
	if relayErr != nil {
		return nil, fmt.Errorf("stream %s: %w: directly: %w; over others: %w", service, wire.ErrUnreachable, err, relayErr)
	}
	return inner, nil
}

// canRelay reports whether a way over others may help: not where the node was
// reached and said no.
func canRelay(ctx context.Context, err error) bool {
	var remote *wire.RemoteError
	return !errors.As(err, &remote) && ctx.Err() == nil
}

// errDetour reports a node that was tried directly a moment ago.
var errDetour = errors.New("it did not answer a moment ago")

// direct opens a stream on a connection of its own to the node to.
func (n *Node) direct(ctx context.Context, to wire.NodeID, s *wire.Stream) (*tls.Conn, error) {
	if n.detours.active(to) {
		return nil, errDetour
	}
	short, cancel := context.WithTimeout(ctx, n.cfg.tune.direct)
	defer cancel()
	conn, err := n.ask(short, to, s)
	if err != nil && canRelay(ctx, err) {
		n.detours.note(to)
	}
	return conn, err
}

// ask connects to peer, which need not be the stream's target, and opens s.
func (n *Node) ask(ctx context.Context, peer wire.NodeID, s *wire.Stream) (*tls.Conn, error) {
	o, err := n.race(ctx, n.addrsOf(peer), wire.ALPNData, peer)
	if err != nil {
		return nil, err
	}
	if o.peer != peer {
		o.conn.NetConn().Close()
		return nil, fmt.Errorf("%w: another node answers at its address %s", wire.ErrUnreachable, o.addr)
	}
	if err := request(ctx, o, s); err != nil {
		o.conn.NetConn().Close()
		return nil, err
	}
	return o.conn, nil
}

// request sends what a connection is for and waits until that is granted.
func request(ctx context.Context, o *opened, s *wire.Stream) error {
	deadline := time.Now().Add(handshakeTimeout)
	if s.To != o.peer {
		deadline = time.Now().Add(relayTime)
	}
	o.conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { o.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := writeFrame(o.conn, wire.TypeStream, s); err != nil {
		return err
	}
	answer, err := readFrame(o.reader)
	if err != nil {
		return err
	}
	if answer != wire.TypeStreamReady {
		return &wire.DecodeError{Offset: o.reader.Offset(), What: "answer to a stream", Err: errPlace}
	}
	if !stop() {
		return ctx.Err()
	}
	return o.conn.SetDeadline(time.Time{})
}

// addrsOf returns where to dial a node: where its link comes from, then what it
// says itself.
func (n *Node) addrsOf(id wire.NodeID) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	state, ok := n.topo.State(id)
	if !ok {
		return nil
	}
	var addrs []string
	if hop, ok := n.topo.LinkTo(id); ok && n.links[hop] != nil {
		if remote := addrOf(n.links[hop].conn.RemoteAddr()); remote.IsValid() {
			addrs = append(addrs, hintAddrs(remote, state.Port)[0].String())
		}
	}
	for _, addr := range state.DialAddrs() {
		if !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// relayed opens a stream over members that may reach what we cannot dial.
func (n *Node) relayed(ctx context.Context, to wire.NodeID, service string) (net.Conn, error) {
	relays := n.relaysTo(to)
	err := fmt.Errorf("%w: no other member is near it", wire.ErrUnreachable)
	for _, relay := range relays[:min(len(relays), 3)] {
		var conn net.Conn
		if conn, err = n.through(ctx, relay, to, service); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// through opens a stream over one relay: inside the connection to it, TLS and
// the hellos once more, with the target itself.
func (n *Node) through(ctx context.Context, relay, to wire.NodeID, service string) (net.Conn, error) {
	outer, err := n.ask(ctx, relay, &wire.Stream{Service: service, To: to, Hops: 1})
	if err != nil {
		return nil, err
	}
	o, err := n.meet(ctx, outer, "", wire.ALPNData)
	if err == nil && o.peer != to {
		err = fmt.Errorf("%w: the relay leads to another node", wire.ErrUnreachable)
	}
	if err == nil {
		err = request(ctx, o, &wire.Stream{Service: service, To: to})
	}
	if err != nil {
		outer.NetConn().Close()
		return nil, err
	}
	return o.conn, nil
}

// relaysTo returns members that may lead to a node we cannot dial: the next hop
// to it, or our peers that are also its own.
func (n *Node) relaysTo(to wire.NodeID) []wire.NodeID {
	n.mu.Lock()
	defer n.mu.Unlock()
	var relays []wire.NodeID
	if hop, ok := n.topo.NextHop(to); ok && n.links[hop] != nil && n.links[hop].peer != to {
		relays = append(relays, n.links[hop].peer)
	}
	state, _ := n.topo.State(to)
	for _, peer := range n.topo.Peers() {
		if peer != to && slices.Contains(state.Peers, peer) && !slices.Contains(relays, peer) {
			relays = append(relays, peer)
		}
	}
	return relays
}

// enter counts a stream in; the error is [wire.ErrBusy].
func (d *detours) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open >= maxStreams {
		return fmt.Errorf("%w: %d streams are open", wire.ErrBusy, d.open)
	}
	d.open++
	return nil
}

func (d *detours) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
}

func (d *detours) active(id wire.NodeID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.until[id])
}

func (d *detours) note(id wire.NodeID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.until) > 1024 {
		clear(d.until)
	}
	d.until[id] = time.Now().Add(detourTime)
}
