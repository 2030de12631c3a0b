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
// in avoid relays: the nodes that lie on it, the target last. Links that are
// silent are used where there is no other way: who was stopped may be back.
func (m *Machine) Ways(targets []wire.NodeID, avoid map[wire.NodeID]bool) map[wire.NodeID][]wire.NodeID {
	ways := make(map[wire.NodeID][]wire.NodeID, len(targets))
	for _, evenSilent := range []bool{false, true} {
		if len(ways) == len(targets) {
			break
		}
		from := m.around(avoid, evenSilent)
		for _, id := range targets {
			if way := m.wayTo(id, from); way != nil && ways[id] == nil {
				ways[id] = way
			}
		}
	}
	return ways
}

// wayTo returns how a node is reached, nil where it is not.
func (m *Machine) wayTo(id wire.NodeID, from map[*node]*node) []wire.NodeID {
	var way []wire.NodeID
	for n := m.nodes[id]; n != nil && from[n] != nil; n = from[n] {
		way = append(way, n.state.ID)
	}
	if len(way) > wire.MaxHops {
		return nil
	}
	slices.Reverse(way)
	return way
}

// around searches breadth first and returns from whom each node is reached that
// can be without a relay in avoid, and without a silent link unless evenSilent.
func (m *Machine) around(avoid map[wire.NodeID]bool, evenSilent bool) map[*node]*node {
	from := make(map[*node]*node, len(m.members))
	for queue := []*node{m.self}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		for _, next := range n.linked {
			if next == m.self || from[next] != nil || silent(n, next) && !evenSilent {
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
