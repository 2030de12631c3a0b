package topology

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"minimega/mesh/wire"
)

// Receive takes in a topology frame: a *wire.Ping (with wire.TypePing; pongs
// need only Heard), *wire.LinkStates or *wire.Summary, checked by
// [wire.DecodeControl]. The machine keeps the payload.
func (m *Machine) Receive(now time.Time, id LinkID, payload any) {
	l := m.links[id]
	if l == nil {
		return
	}
	m.Heard(now, id)
	switch p := payload.(type) {
	case *wire.Ping:
		m.receivePing(now, l, p)
	case *wire.LinkStates:
		for i := range p.States {
			m.learn(now, l, &p.States[i])
		}
	case *wire.Summary:
		m.receiveSummary(now, l, p)
	}
}

func (m *Machine) receivePing(now time.Time, l *link, p *wire.Ping) {
	m.send(l, wire.TypePong, p)
	if p.Digest == m.digest {
		l.differs = 0
		return
	}
	if l.differs++; l.differs >= 2 {
		l.differs = 0
		m.sendSummary(now, l)
	}
}

// sendSummary tells the peer what we know.
func (m *Machine) sendSummary(now time.Time, l *link) {
	l.summary = now
	s := &wire.Summary{Known: make([]wire.Known, 0, len(m.members)+1)}
	for _, n := range append(m.members, m.self) {
		s.Known = append(s.Known, wire.Known{ID: n.state.ID, Seq: n.state.Seq})
	}
	m.send(l, wire.TypeSummary, s)
}

// receiveSummary sends what is missing there, and asks for what is missing here.
func (m *Machine) receiveSummary(now time.Time, l *link, s *wire.Summary) {
	there := make(map[wire.NodeID]uint64, len(s.Known))
	behind := false
	for _, k := range s.Known {
		there[k.ID] = k.Seq
		n := m.nodes[k.ID]
		behind = behind || n == nil || n.state.Seq < k.Seq
	}
	for _, n := range append(m.members, m.self) {
		if there[n.state.ID] < n.state.Seq {
			m.tell(now, l, n.state.ID)
		}
	}
	if behind && now.Sub(l.summary) >= m.timing.Ping/2 {
		m.sendSummary(now, l)
	}
}

// learn takes in one state and passes it on if it is news.
func (m *Machine) learn(now time.Time, from *link, s *wire.LinkState) {
	if s.ID == m.self.state.ID {
		if s.Seq > m.self.state.Seq {
			m.self.state.Seq = s.Seq
			m.changeSelf(now)
		}
		return
	}
	old := m.nodes[s.ID]
	switch {
	case old != nil && old.state.Seq == s.Seq:
		delete(from.news, s.ID)
		return
	case old != nil && old.state.Seq > s.Seq:
		m.tell(now, from, s.ID)
		return
	case old == nil && len(m.nodes) >= maxNodes:
		return
	}
	delete(from.news, s.ID)
	m.update(s)
	for _, l := range m.links {
		if l != from {
			m.tell(now, l, s.ID)
		}
	}
	m.routeSoon(now)
}

// tell has the next flood take a state along on one link.
func (m *Machine) tell(now time.Time, l *link, id wire.NodeID) {
	l.news[id] = true
	if m.floodAt.IsZero() {
		m.floodAt = now.Add(m.timing.Flood)
	}
}

// flood sends all news.
func (m *Machine) flood() {
	m.floodAt = time.Time{}
	for _, l := range m.sortedLinks() {
		ids := make([]wire.NodeID, 0, len(l.news))
		for id := range l.news {
			ids = append(ids, id)
		}
		clear(l.news)
		slices.SortFunc(ids, CompareIDs)
		for batch := range slices.Chunk(ids, maxStates) {
			m.sendStates(l, batch)
		}
	}
}

func (m *Machine) sendStates(l *link, ids []wire.NodeID) {
	states := &wire.LinkStates{States: make([]wire.LinkState, 0, len(ids))}
	for _, id := range ids {
		if n := m.nodes[id]; n != nil {
			states.States = append(states.States, n.state)
		}
	}
	m.send(l, wire.TypeLinkStates, states)
}

// changeSelf has our own state renewed soon, at most some times a second.
func (m *Machine) changeSelf(now time.Time) {
	if m.ownAt.IsZero() {
		m.ownAt = now.Add(m.timing.Flood)
		if gap := m.ownSent.Add(10 * m.timing.Flood); gap.After(m.ownAt) {
			m.ownAt = gap
		}
	}
}

// renewSelf makes our state say what is true now.
func (m *Machine) renewSelf(now time.Time) {
	m.ownAt, m.ownSent = time.Time{}, now
	s := m.self.state // a copy: what was sent is never changed
	s.Seq++
	s.Peers, s.Silent = nil, nil
	for peer, l := range m.byPeer {
		s.Peers = append(s.Peers, peer)
		if l.silent {
			s.Silent = append(s.Silent, peer)
		}
	}
	m.update(&s)
	for _, l := range m.links {
		m.tell(now, l, s.ID)
	}
	m.floodAt = now
	m.routeSoon(now)
}

// Leave returns our last state, which tells everybody that we are gone. It is
// sent on every link.
func (m *Machine) Leave() {
	s := m.self.state
	s.Seq++
	s.Left, s.Peers, s.Silent = true, nil, nil
	m.self.state = s
	for _, l := range m.sortedLinks() {
		m.send(l, wire.TypeLinkStates, &wire.LinkStates{States: []wire.LinkState{s}})
		m.send(l, wire.TypeLeave, nil)
	}
}

// CompareIDs orders node ids.
func CompareIDs(a, b wire.NodeID) int { return bytes.Compare(a[:], b[:]) }

// mix returns a state's share of the digest.
func mix(s *wire.LinkState) uint64 {
	x := binary.BigEndian.Uint64(s.ID[:8]) ^ scramble(binary.BigEndian.Uint64(s.ID[8:])) ^ scramble(s.Seq)
	return scramble(x)
}

// scramble is the finalizer of splitmix64 (Steele, Lea, Flood 2014).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
