package mesh

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"minimega/mesh/wire"
)

// Limits of what strangers may cost us.
const (
	handshakeTimeout = 5 * time.Second
	maxHandshakes    = 64 // under way at once
	connRate         = 20 // connections a second from one address
	connBurst        = 64
	maxBuckets       = 4096 // addresses that are told apart
)

// gate bounds the handshakes that are under way. When there are too many the
// oldest is given up: a real one takes milliseconds, a silent one would stay.
type gate struct {
	mu      sync.Mutex // guards what follows
	waiting *list.List // of net.Conn, oldest first
	buckets map[netip.Addr]*rate.Limiter
}

func newGate() *gate {
	return &gate{waiting: list.New(), buckets: make(map[netip.Addr]*rate.Limiter)}
}

// enter admits a connection to its handshake, or not. Leave must be called
// when the handshake is over.
func (g *gate) enter(conn net.Conn) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.allowLocked(addrOf(conn.RemoteAddr())) {
		return nil, false
	}
	if g.waiting.Len() >= maxHandshakes {
		oldest := g.waiting.Remove(g.waiting.Front()).(net.Conn)
		oldest.Close()
	}
	place := g.waiting.PushBack(conn)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.waiting.Remove(place) // nothing if it was given up
	}, true
}

func (g *gate) allowLocked(addr netip.Addr) bool {
	bucket := g.buckets[addr]
	if bucket == nil {
		if len(g.buckets) >= maxBuckets {
			g.forgetLocked()
		}
		bucket = rate.NewLimiter(connRate, connBurst)
		g.buckets[addr] = bucket
	}
	return bucket.Allow()
}

// forgetLocked drops the buckets that are full again, or all if none is.
func (g *gate) forgetLocked() {
	for addr, bucket := range g.buckets {
		if bucket.Tokens() >= connBurst {
			delete(g.buckets, addr)
		}
	}
	if len(g.buckets) >= maxBuckets {
		clear(g.buckets)
	}
}

func addrOf(addr net.Addr) netip.Addr {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// complaints bounds the log lines that others can cause: each once in ten
// minutes, and ten a minute in all.
type complaints struct {
	mu     sync.Mutex // guards what follows
	said   map[string]time.Time
	minute time.Time // when count began
	count  int
}

// allow reports whether a line may be logged now.
func (c *complaints) allow(line string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.minute) >= time.Minute {
		c.minute, c.count = now, 0
	}
	if last, ok := c.said[line]; c.count >= 10 || ok && now.Sub(last) < 10*time.Minute {
		return false
	}
	if c.said == nil || len(c.said) >= 1024 {
		c.said = make(map[string]time.Time)
	}
	c.said[line] = now
	c.count++
	return true
}

// complain logs what is wrong with a stranger, unless that was said lately. That
// a node cannot get in is an error, since somebody has to do something; other
// strangers are worth a warning.
func (n *Node) complain(err error, addr string) {
	level := slog.LevelWarn
	if errors.Is(err, ErrForeign) || errors.Is(err, wire.ErrContext) || errors.Is(err, wire.ErrProtocol) {
		level = slog.LevelError
	}
	if n.scolded.allow(err.Error(), time.Now()) {
		n.log.Log(context.Background(), level, "connection refused: "+err.Error(), "addr", addr)
	}
}
