package topology

import (
	"slices"

	"minimega/mesh/wire"
)

// Relays returns the nodes between here and id on the way that leads there now,
// as far as it is known here: nearest first, none for a peer.
func (m *Machine) Relays(id wire.NodeID) []wire.NodeID {
	if !m.Reachable(id) {
		return nil
	}
	var relays []wire.NodeID
	for n := m.nodes[id].from; n != nil && n != m.self; n = n.from {
		relays = append(relays, n.state.ID)
	}
	slices.Reverse(relays)
	return relays
}

// Ways returns, for each of targets that has one, the shortest way that no node
// in avoid relays, nor one whose link is silent: the nodes that lie on it, the
// target last.
func (m *Machine) Ways(targets []wire.NodeID, avoid map[wire.NodeID]bool) map[wire.NodeID][]wire.NodeID {
	from := m.around(avoid)
	ways := make(map[wire.NodeID][]wire.NodeID, len(targets))
	for _, id := range targets {
		var way []wire.NodeID
		for n := m.nodes[id]; n != nil && from[n] != nil; n = from[n] {
			way = append(way, n.state.ID)
		}
		if len(way) > 0 && len(way) <= wire.MaxHops {
			slices.Reverse(way)
			ways[id] = way
		}
	}
	return ways
}

// around searches breadth first and returns from whom each node is reached that
// can be without a relay in avoid.
func (m *Machine) around(avoid map[wire.NodeID]bool) map[*node]*node {
	from := make(map[*node]*node, len(m.members))
	for queue := []*node{m.self}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		for _, next := range n.linked {
			if next == m.self || from[next] != nil || silent(n, next) {
				continue
			}
			if n == m.self && m.byPeer[next.state.ID] == nil {
				continue // the link has just gone
			}
			from[next] = n
			if !avoid[next.state.ID] {
				queue = append(queue, next)
			}
		}
	}
	return from
}
