package mesh

import (
	"context"
	"slices"
	"time"

	"minimega/mesh/topology"
	"minimega/mesh/wire"
)

// step hands one event to the topology and does what it wants.
func (n *Node) step(event func(m *topology.Machine, now time.Time)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stepLocked(event)
}

func (n *Node) stepLocked(event func(m *topology.Machine, now time.Time)) {
	now := time.Now()
	event(n.topo, now)
	if !n.topo.Next().After(now) {
		n.topo.Tick(now)
	}
	for _, action := range n.topo.Actions() {
		n.doLocked(now, action)
	}
	nudge(n.wake)
}

// nudge puts a token into a channel of capacity 1.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// doLocked does one thing that the topology wants; none of it blocks.
func (n *Node) doLocked(now time.Time, action topology.Action) {
	switch a := action.(type) {
	case topology.Dial:
		n.tasks.start(func(ctx context.Context) { n.dialTarget(ctx, a.Target) })
	case topology.Send:
		if l := n.links[a.Link]; l != nil && !l.out.pushUrgent(frame{a.Type, a.Payload}) {
			l.abort("it reads too slowly")
		}
	case topology.Drop:
		if l := n.links[a.Link]; l != nil {
			delete(n.links, a.Link)
			l.drop(a)
		}
	case topology.Changed:
		n.calm = now
		n.view.Store(newView(n.topo))
		close(n.changed)
		n.changed = make(chan struct{})
		nudge(n.review)
	case topology.Rerouted:
		nudge(n.review)
	}
}

// clock ticks the topology when it wants that.
func (n *Node) clock(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		n.mu.Lock()
		next := n.topo.Next()
		n.mu.Unlock()
		timer.Reset(max(time.Until(next), time.Millisecond))
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		case <-timer.C:
			n.tick()
		}
	}
}

func (n *Node) tick() {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	n.topo.Tick(now)
	for _, action := range n.topo.Actions() {
		n.doLocked(now, action)
	}
}

// watchAddrs notes when this host gets other addresses.
func (n *Node) watchAddrs(ctx context.Context) {
	ticker := time.NewTicker(10 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		addrs := n.cfg.tune.addrs()
		n.step(func(m *topology.Machine, now time.Time) {
			if !slices.Equal(addrs, m.Self().Addrs) {
				m.SetAddrs(now, addrs)
			}
		})
	}
}

// nextHop returns the link over which to reach id, or nil.
func (n *Node) nextHop(id wire.NodeID) *link {
	n.mu.Lock()
	defer n.mu.Unlock()
	if hop, ok := n.topo.NextHop(id); ok {
		return n.links[hop]
	}
	return nil
}

// split sorts targets by the links that lead to them. Those that no link leads
// to are returned apart, and so is whether we are one of them.
func (n *Node) split(to []wire.NodeID) (ways map[*link][]wire.NodeID, lost []wire.NodeID, self bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ways = make(map[*link][]wire.NodeID)
	for _, id := range to {
		if id == n.trust.id {
			self = true
			continue
		}
		hop, ok := n.topo.NextHop(id)
		if l := n.links[hop]; ok && l != nil {
			ways[l] = append(ways[l], id)
		} else {
			lost = append(lost, id)
		}
	}
	return ways, lost, self
}
