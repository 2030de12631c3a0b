package plumb

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"minimega/mesh/wire"
)

// network joins plumbers by calls that take a millisecond.
type network struct {
	mu      sync.Mutex
	nodes   map[wire.NodeID]*host
	away    map[wire.NodeID]bool // is no member for the others
	frozen  map[wire.NodeID]bool // never answers
	forgets int                  // answers that get lost
	calls   int
	changed chan struct{}
}

func newNetwork() *network {
	return &network{nodes: map[wire.NodeID]*host{}, away: map[wire.NodeID]bool{}, frozen: map[wire.NodeID]bool{}, changed: make(chan struct{})}
}

// host is one node's view of the network.
type host struct {
	net  *network
	self wire.Member
	*Plumber
}

// node adds a running plumber, which ends with the test.
func (n *network) node(t *testing.T, name string) *host {
	t.Helper()
	h := &host{net: n, self: wire.Member{ID: wire.NodeID{byte(len(n.nodes) + 1)}, Name: wire.NodeName(name)}}
	h.Plumber = New(h, slog.New(slog.DiscardHandler))
	n.change(func() { n.nodes[h.self.ID] = h })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

// change changes the network and tells the members.
func (n *network) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	close(n.changed)
	n.changed = make(chan struct{})
}

func (h *host) Self() wire.Member { return h.self }

func (h *host) Members() []wire.Member {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	var all []wire.Member
	for id, other := range h.net.nodes {
		if id != h.self.ID && !h.net.away[id] && !h.net.away[h.self.ID] {
			all = append(all, other.self)
		}
	}
	return all
}

func (h *host) Changed() <-chan struct{} {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return h.net.changed
}

func (h *host) Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply] {
	return func(yield func(wire.Reply) bool) {
		replies := make(chan wire.Reply, len(to))
		for _, id := range to {
			go func() { replies <- h.ask(ctx, id, method, body) }()
		}
		for range to {
			if !yield(<-replies) {
				return
			}
		}
	}
}

// ask has one node handle a call.
func (h *host) ask(ctx context.Context, id wire.NodeID, method string, body []byte) wire.Reply {
	time.Sleep(time.Millisecond)
	h.net.mu.Lock()
	h.net.calls++
	other, frozen, away := h.net.nodes[id], h.net.frozen[id], h.net.away[id] || h.net.away[h.self.ID]
	h.net.mu.Unlock()
	reply := wire.Reply{From: other.self}
	switch {
	case away:
		reply.Err = wire.ErrUnreachable
		return reply
	case frozen:
		<-ctx.Done()
		reply.Err = ctx.Err()
		return reply
	}
	reply.Body, reply.Err = other.Methods()[method](ctx, h.self, body)
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.net.forgets > 0 {
		h.net.forgets--
		reply.Body, reply.Err = nil, wire.ErrUnreachable
	}
	return reply
}

// gathered are the lines that a reader has got.
type gathered struct {
	*Joint
	mu    sync.Mutex
	lines []string
	ended error
}

// gather reads a pipe until it ends.
func gather(t *testing.T, p *host, name Name) *gathered {
	t.Helper()
	j, err := p.Reader(name)
	if err != nil {
		t.Fatal(err)
	}
	g := &gathered{Joint: j}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			lines, err := j.Next(ctx)
			g.mu.Lock()
			g.lines, g.ended = append(g.lines, lines...), err
			g.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done; j.Close() })
	return g
}

// got returns the lines so far, and how reading ended.
func (g *gathered) got() ([]string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.lines), g.ended
}

// numbered returns n lines.
func numbered(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d\n", i)
	}
	return lines
}

// expect compares what a reader has got, once all is calm.
func expect(t *testing.T, g *gathered, want []string) {
	t.Helper()
	synctest.Wait()
	if got, _ := g.got(); !slices.Equal(got, want) {
		t.Errorf("got %d lines %s, want %d %s", len(got), short(got), len(want), short(want))
	}
}

func short(lines []string) string {
	text := strings.Join(lines, "")
	return fmt.Sprintf("%.60q…", text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// foo is the pipe that most tests are about.
func foo() Name { return Name{"minimega", "foo"} }

// calm waits until all that is on its way has come.
func calm() {
	time.Sleep(time.Second)
	synctest.Wait()
}
