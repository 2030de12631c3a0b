package topology

import (
	"slices"
	"time"

	"minimega/mesh/wire"
)

// node is somebody whose state is known.
type node struct {
	state  wire.LinkState // never changed in place: it may be on its way
	linked []*node        // with whom it names each other

	seen uint64    // the epoch that reached it last
	hops int       // distance then
	via  *link     // the first link of the way then
	from *node     // the last node before it on the way then
	gone time.Time // since when it is not reachable; zero before
}

// update stores a newer state and joins it to those that name its node.
func (m *Machine) update(s *wire.LinkState) {
	n := m.nodes[s.ID]
	if n == nil {
		n = &node{}
		m.nodes[s.ID] = n
	}
	for _, other := range n.linked {
		other.linked = slices.DeleteFunc(other.linked, func(x *node) bool { return x == n })
	}
	slices.SortFunc(s.Peers, CompareIDs)
	s.Peers = slices.Compact(s.Peers)
	n.state = *s
	before := n.linked
	n.linked = nil
	if !s.Left {
		m.join(n)
	}
	if len(s.Silent) > 0 || slices.ContainsFunc(before, func(x *node) bool { return !slices.Contains(n.linked, x) }) {
		m.do(Rerouted{})
	}
}

// join links n with all who name it and are named by it.
func (m *Machine) join(n *node) {
	for _, id := range n.state.Peers {
		other := m.nodes[id]
		if other == nil || other == n || other.state.Left {
			continue
		}
		if _, named := slices.BinarySearchFunc(other.state.Peers, n.state.ID, CompareIDs); named {
			n.linked = append(n.linked, other)
			other.linked = append(other.linked, n)
		}
	}
}

// routeSoon has routes computed once for all the news of a moment.
func (m *Machine) routeSoon(now time.Time) {
	if m.routeAt.IsZero() {
		m.routeAt = now.Add(m.timing.Flood + time.Duration(len(m.nodes))*20*time.Microsecond)
	}
}

// route finds the shortest ways from here to all others, those over silent
// peers last: a breadth-first search over the loud links, continued over the
// silent ones from whatever it found.
func (m *Machine) route(now time.Time) {
	m.routeAt = time.Time{}
	m.epoch++
	before := m.members
	m.members = make([]*node, 0, len(before)+8)
	m.self.seen, m.self.hops = m.epoch, 0
	level := [][]*node{{m.self}}
	for len(level) > 0 {
		level = m.spread(level)
	}
	m.compare(now, before)
}

// spread searches on from the nodes in level, which are ordered by their hops,
// and returns those that lie behind silent links in the same order.
func (m *Machine) spread(level [][]*node) (behind [][]*node) {
	for hops := 0; hops < len(level); hops++ {
		for _, n := range level[hops] {
			for _, next := range n.linked {
				if next.seen == m.epoch {
					continue
				}
				if silent(n, next) {
					behind = put(behind, hops, n)
					continue
				}
				if m.reach(n, next) {
					level = put(level, hops+1, next)
				}
			}
		}
	}
	return m.cross(behind)
}

// cross steps over the silent links of the nodes in from.
func (m *Machine) cross(from [][]*node) (level [][]*node) {
	for hops, nodes := range from {
		for _, n := range nodes {
			for _, next := range n.linked {
				if next.seen != m.epoch && m.reach(n, next) {
					level = put(level, hops+1, next)
				}
			}
		}
	}
	return level
}

// reach notes that next is reached over n. It fails only next to us, where the
// link may just have gone.
func (m *Machine) reach(n, next *node) bool {
	next.via = n.via
	if n == m.self {
		next.via = m.byPeer[next.state.ID]
	}
	if next.via == nil {
		return false
	}
	next.seen, next.hops, next.from = m.epoch, n.hops+1, n
	m.members = append(m.members, next)
	return true
}

// put appends n to the nodes of a distance.
func put(level [][]*node, hops int, n *node) [][]*node {
	for len(level) <= hops {
		level = append(level, nil)
	}
	level[hops] = append(level[hops], n)
	return level
}

// silent reports whether one of two linked nodes hears nothing from the other.
func silent(a, b *node) bool {
	return slices.Contains(a.state.Silent, b.state.ID) || slices.Contains(b.state.Silent, a.state.ID)
}

// compare notes who came and who went since the last routing.
func (m *Machine) compare(now time.Time, before []*node) {
	same := len(before) == len(m.members)
	for _, n := range before {
		if n.seen != m.epoch {
			same = false
			n.gone = now
			m.lost(now, n)
		}
	}
	if !same {
		m.do(Changed{})
		m.dialAt = minTime(m.dialAt, now.Add(m.jitter(m.timing.Grace)))
	}
	m.digest = mix(&m.self.state)
	for _, n := range m.members {
		n.gone = time.Time{}
		m.digest ^= mix(&n.state)
	}
}

// forget drops what was not reachable for long.
func (m *Machine) forget(now time.Time) {
	m.forgetAt = now.Add(m.timing.Forget / 4)
	for id, n := range m.nodes {
		if n == m.self || n.seen == m.epoch {
			continue
		}
		if n.gone.IsZero() {
			n.gone = now
		}
		if now.Sub(n.gone) >= m.timing.Forget {
			for _, other := range n.linked {
				other.linked = slices.DeleteFunc(other.linked, func(x *node) bool { return x == n })
			}
			delete(m.nodes, id)
		}
	}
	m.forgetTargets(now)
}

// Members returns the states of all that can be reached, nearest first. They
// must not be changed.
func (m *Machine) Members() []wire.LinkState {
	states := make([]wire.LinkState, len(m.members))
	for i, n := range m.members {
		states[i] = n.state
	}
	return states
}

// Self returns our own state, which must not be changed.
func (m *Machine) Self() wire.LinkState { return m.self.state }

// Reachable reports whether a way leads to id.
func (m *Machine) Reachable(id wire.NodeID) bool {
	n := m.nodes[id]
	return n != nil && n != m.self && n.seen == m.epoch && m.epoch > 0
}

// NextHop returns the link over which to reach id.
func (m *Machine) NextHop(id wire.NodeID) (LinkID, bool) {
	if !m.Reachable(id) {
		return 0, false
	}
	return m.nodes[id].via.id, true
}

// Peers returns the direct peers, in no order.
func (m *Machine) Peers() []wire.NodeID {
	peers := make([]wire.NodeID, 0, len(m.byPeer))
	for peer := range m.byPeer {
		peers = append(peers, peer)
	}
	return peers
}

// LinkTo returns the link to a direct peer.
func (m *Machine) LinkTo(peer wire.NodeID) (LinkID, bool) {
	if l := m.byPeer[peer]; l != nil {
		return l.id, true
	}
	return 0, false
}

// State returns what is known of a node, reachable or not; it must not be
// changed.
func (m *Machine) State(id wire.NodeID) (wire.LinkState, bool) {
	n := m.nodes[id]
	if n == nil {
		return wire.LinkState{}, false
	}
	return n.state, true
}
