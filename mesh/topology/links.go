package topology

import (
	"cmp"
	"slices"
	"time"

	"minimega/mesh/wire"
)

// link is one connection to a peer, from the end of its handshake on.
type link struct {
	id     LinkID
	peer   wire.NodeID
	pinned bool // somebody asked for it: not ours to drop
	up     time.Time
	heard  time.Time // the last sign of life
	pingAt time.Time
	pings  uint64
	silent bool // for longer than Timing.Suspect

	differs int // pings in a row whose digest was not ours
	summary time.Time
	news    map[wire.NodeID]bool // states to be sent with the next flood
}

// deadline returns when the peer's silence changes what we think of it.
func (l *link) deadline(t Timing) time.Time {
	if l.silent {
		return l.heard.Add(t.Dead)
	}
	return l.heard.Add(t.Suspect)
}

// Origin tells who wanted a link.
type Origin int

// Origins of a link.
const (
	Accepted Origin = iota // the peer dialled
	Dialled                // a Dial action led to it
	Asked                  // the user did: it is not dropped as one too many
)

// Up reports a new link to peer. For a dialled one key is the target's.
func (m *Machine) Up(now time.Time, id LinkID, peer wire.NodeID, origin Origin, key string) {
	if origin != Accepted {
		m.dialDone(now, key, peer)
	}
	l := &link{
		id: id, peer: peer, pinned: origin == Asked,
		up: now, heard: now, pingAt: now.Add(m.jitter(m.timing.Ping)),
		news: make(map[wire.NodeID]bool),
	}
	m.links[id] = l
	delete(m.alone, peer) // its user, or ours, wants it again
	old := m.byPeer[peer]
	m.byPeer[peer] = l
	if old != nil {
		m.judge(old, l)
	}
	if m.links[id] == nil {
		return
	}
	if old != nil {
		m.route(now) // what led over the old one may lead over this one now
	}
	m.changeSelf(now)
	m.ownAt = now // the peer should hear it before all
	m.sendSummary(now, l)
}

// judge decides between two links to one peer, if that is up to us.
func (m *Machine) judge(old, fresh *link) {
	if !old.silent {
		m.byPeer[old.peer] = old
	}
	if CompareIDs(m.self.state.ID, old.peer) > 0 {
		return // the peer decides, we use what it leaves us
	}
	loser := old
	if !old.silent {
		loser = fresh
		old.pinned = old.pinned || fresh.pinned
	}
	m.remove(loser)
	m.do(Drop{Link: loser.id, Why: "a second link to the same node"})
}

// Linked reports whether there is a link to peer that is not silent.
func (m *Machine) Linked(peer wire.NodeID) bool {
	l := m.byPeer[peer]
	return l != nil && !l.silent
}

// Down reports that a link is gone; one that the machine dropped itself may be
// reported or not.
func (m *Machine) Down(now time.Time, id LinkID) {
	l := m.links[id]
	if l == nil {
		return
	}
	m.remove(l)
	m.changeSelf(now)
	m.route(now)
	m.dialAt = now
}

// Hangup drops the links to peer on the user's wish, and leaves it alone for a
// while. It reports whether there was any.
func (m *Machine) Hangup(now time.Time, peer wire.NodeID) bool {
	found := false
	for _, l := range m.sortedLinks() {
		if l.peer == peer {
			found = true
			reject := &wire.Reject{Code: wire.CodeOf(wire.ErrDenied), Text: "hung up"}
			m.drop(now, l, "hung up", reject)
		}
	}
	m.leaveAlone(now, peer)
	return found
}

// Refused reports that the peer of a link said why it will close it.
func (m *Machine) Refused(now time.Time, id LinkID, reject wire.Reject) {
	if l := m.links[id]; l != nil && reject.Code == wire.CodeOf(wire.ErrDenied) {
		m.leaveAlone(now, l.peer)
	}
}

func (m *Machine) drop(now time.Time, l *link, why string, reject *wire.Reject) {
	m.do(Drop{Link: l.id, Why: why, Reject: reject})
	m.Down(now, l.id)
}

// remove forgets a link; another one to the same peer takes its place.
func (m *Machine) remove(l *link) {
	delete(m.links, l.id)
	if m.byPeer[l.peer] != l {
		return
	}
	delete(m.byPeer, l.peer)
	for _, other := range m.sortedLinks() {
		if other.peer == l.peer {
			m.byPeer[l.peer] = other
		}
	}
}

// sortedLinks returns the links in the order of their age, so that the same
// events always lead to the same actions.
func (m *Machine) sortedLinks() []*link {
	links := make([]*link, 0, len(m.links))
	for _, l := range m.links {
		links = append(links, l)
	}
	slices.SortFunc(links, func(a, b *link) int { return cmp.Compare(a.id, b.id) })
	return links
}

// Heard reports that something came over a link.
func (m *Machine) Heard(now time.Time, id LinkID) {
	l := m.links[id]
	if l == nil {
		return
	}
	l.heard = now
	if l.silent {
		l.silent = false
		m.changeSelf(now)
	}
}

// checkLinks sends pings and notes who is silent.
func (m *Machine) checkLinks(now time.Time) {
	for _, l := range m.sortedLinks() {
		switch {
		case !now.Before(l.heard.Add(m.timing.Dead)):
			m.drop(now, l, "no sign of life", nil)
			continue
		case !l.silent && !now.Before(l.heard.Add(m.timing.Suspect)):
			l.silent = true
			m.changeSelf(now)
		}
		if !now.Before(l.pingAt) {
			l.pings++
			l.pingAt = now.Add(m.timing.Ping)
			m.send(l, wire.TypePing, &wire.Ping{Seq: l.pings, Digest: m.digest})
		}
	}
}

// prune drops some links when there are more than twice as many as wanted:
// those whose other end has other links too, and shares a peer with us.
func (m *Machine) prune(now time.Time) {
	m.pruneAt = now.Add(m.jitter(2 * m.timing.Ping))
	surplus := len(m.byPeer) - max(2*m.degree, m.degree+4)
	if m.degree == 0 || surplus <= 0 {
		return
	}
	var spare []*link
	for _, l := range m.sortedLinks() {
		if !l.pinned && now.Sub(l.up) > 2*m.timing.Ping && m.canSpare(l) {
			spare = append(spare, l)
		}
	}
	m.rand.Shuffle(len(spare), func(i, j int) { spare[i], spare[j] = spare[j], spare[i] })
	for _, l := range spare[:min(len(spare), (surplus+3)/4)] {
		reject := &wire.Reject{Code: wire.CodeOf(wire.ErrBusy), Text: "more links than needed"}
		m.drop(now, l, reject.Text, reject)
	}
}

// canSpare reports whether the peer has other links, one of them to a peer of
// ours. Should it then have fewer than it wants, it dials somebody with few.
func (m *Machine) canSpare(l *link) bool {
	peer := m.nodes[l.peer]
	if peer == nil || peer.state.Want == 0 || len(peer.linked) < 3 {
		return false
	}
	return slices.ContainsFunc(peer.linked, func(n *node) bool {
		return n != m.self && slices.Contains(m.self.linked, n)
	})
}
