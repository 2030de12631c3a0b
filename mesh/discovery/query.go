package discovery

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/time/rate"
)

// One round of questions: asked twice, as packets get lost.
const (
	askAgain    = 300 * time.Millisecond
	listenFor   = 900 * time.Millisecond
	hopLimit    = 255     // RFC 6762 section 11
	answerQueue = 1 << 20 // bytes of socket buffer, as far as the system allows
)

// Limits of what one round takes.
const (
	maxPacketRate = 2000 // packets decoded a second, each socket
	maxRoundNodes = 1024 // nodes in a round
	maxFromHost   = 16   // nodes in a round that one address may answer for
)

// A round is one question on every link, and the answers to it.
type round struct {
	tag      string
	id       uint16
	question []byte

	mu      sync.Mutex
	seen    map[string]bool    // node id and source → reported
	perHost map[netip.Addr]int // source → nodes that it has answered for
}

func newRound(tag string) (*round, error) {
	id := uint16(rand.Uint32())
	question, err := formatQuestion(tag, id)
	if err != nil {
		return nil, err
	}
	return &round{
		tag: tag, id: id, question: question,
		seen: make(map[string]bool), perHost: make(map[netip.Addr]int),
	}, nil
}

// run asks on all links, over IPv4 and IPv6, and reports what is answered. It
// returns after listenFor, or when ctx ends. Links that cannot be asked are left
// out: one that is just coming up is asked in the next round.
func (r *round) run(ctx context.Context, links []link, out outlet) {
	ctx, cancel := context.WithTimeout(ctx, listenFor)
	defer cancel()
	var asking sync.WaitGroup
	for i := range links {
		l := &links[i]
		if l.has4() {
			asking.Go(func() { r.ask(ctx, l, out, open4) })
		}
		if l.has6() {
			asking.Go(func() { r.ask(ctx, l, out, open6) })
		}
	}
	asking.Wait()
}

// ask runs the round on one link with a socket of its own: the answers come to
// it alone, and whatever floods the multicast port does not.
func (r *round) ask(ctx context.Context, l *link, out outlet, open func(*link) (*net.UDPConn, *net.UDPAddr, error)) {
	conn, group, err := open(l)
	if err != nil {
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Now()) })
	defer stop()

	var again sync.WaitGroup
	defer again.Wait()
	again.Go(func() { r.send(ctx, conn, group) })
	r.listen(ctx, conn, l, out)
}

// send asks at once and once more.
func (r *round) send(ctx context.Context, conn *net.UDPConn, group *net.UDPAddr) {
	timer := time.NewTimer(askAgain)
	defer timer.Stop()
	conn.WriteToUDP(r.question, group) // an error is a lost packet
	select {
	case <-timer.C:
		conn.WriteToUDP(r.question, group)
	case <-ctx.Done():
	}
}

// listen reports answers on l until conn's deadline.
func (r *round) listen(ctx context.Context, conn *net.UDPConn, l *link, out outlet) {
	packets := rate.NewLimiter(maxPacketRate, maxPacketRate)
	buf := make([]byte, maxAnswer+1)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed), ctx.Err() != nil:
			return
		case err != nil || !packets.Allow(): // an ICMP error says nothing about the others
			continue
		}
		entries, err := parseAnswer(buf[:n], r.id)
		if err != nil {
			continue
		}
		for i := range entries {
			if r.accept(&entries[i], from.Addr().Unmap()) {
				out.report(ctx, entries[i].hint(from.Addr().Unmap(), l))
			}
		}
	}
}

// accept reports whether e, which from answered, is of this mesh, new in this
// round, and within the round's limits.
func (r *round) accept(e *entry, from netip.Addr) bool {
	if e.tag != r.tag {
		return false
	}
	key := e.id.String() + from.String()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[key] || len(r.seen) == maxRoundNodes || r.perHost[from] == maxFromHost {
		return false
	}
	r.seen[key] = true
	r.perHost[from]++
	return true
}

// open4 returns a socket that asks on l over IPv4. Naming the interface makes
// the question leave there even where no route says so.
func open4(l *link) (*net.UDPConn, *net.UDPAddr, error) {
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return nil, nil, err
	}
	p := ipv4.NewPacketConn(conn)
	err = errors.Join(
		p.SetMulticastInterface(&l.Interface), p.SetMulticastTTL(hopLimit),
		p.SetMulticastLoopback(true), conn.SetReadBuffer(answerQueue))
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}, nil
}

// open6 is open4 for IPv6.
func open6(l *link) (*net.UDPConn, *net.UDPAddr, error) {
	conn, err := net.ListenUDP("udp6", nil)
	if err != nil {
		return nil, nil, err
	}
	p := ipv6.NewPacketConn(conn)
	err = errors.Join(
		p.SetMulticastInterface(&l.Interface), p.SetMulticastHopLimit(hopLimit),
		p.SetMulticastLoopback(true), conn.SetReadBuffer(answerQueue))
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, &net.UDPAddr{IP: net.ParseIP("ff02::fb"), Port: 5353, Zone: l.Name}, nil
}
