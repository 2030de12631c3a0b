package topology

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"minimega/mesh/wire"
)

// Target is somebody who may be dialled.
type Target struct {
	Key   string      // tells targets apart
	ID    wire.NodeID // zero: whoever answers
	Name  wire.NodeName
	Addrs []string // HOST:PORT
}

// target is a Target and how it went so far.
type target struct {
	Target
	keep    bool        // a -join: never given up
	met     wire.NodeID // who answered there last
	due     time.Time   // not dialled before
	backoff time.Duration
	dialing bool
	fails   int
	since   time.Time // first failure in a row, or when it was found
}

// host returns where t is dialled, without the port: one who claims a thousand
// nodes on one host takes one turn with them.
func (t *target) host() string {
	return t.Addrs[0][:max(0, strings.LastIndexByte(t.Addrs[0], ':'))]
}

// Hint reports that t may be there. It is dialled when it is no member.
func (m *Machine) Hint(now time.Time, t Target) {
	if t.ID == m.self.state.ID || len(t.Addrs) == 0 {
		return
	}
	if known := m.targets[t.Key]; known != nil {
		if !slices.Equal(known.Addrs, t.Addrs) {
			known.Addrs, known.backoff = t.Addrs, 0
			known.due = minTime(known.due, now.Add(m.jitter(m.timing.Grace)))
		}
		known.since = now
		m.dialAt = minTime(m.dialAt, known.due)
		return
	}
	if len(m.targets) >= maxTargets && !m.evict() {
		return
	}
	added := &target{Target: t, due: now, since: now}
	if len(m.byPeer)+m.dialing >= m.degree {
		added.due = now.Add(m.jitter(m.timing.Grace)) // others may reach it first
	}
	m.targets[t.Key] = added
	m.dialAt = minTime(m.dialAt, added.due)
}

// Join reports a target that the user named: it is dialled until it is a
// member, whatever the degree.
func (m *Machine) Join(now time.Time, t Target) {
	m.targets[t.Key] = &target{Target: t, keep: true, due: now, since: now}
	m.dialAt = now
}

// DialFailed reports that a Dial led to no link; with met it says who was
// there, if somebody of our mesh was (also when that is linked already).
func (m *Machine) DialFailed(now time.Time, key string, met wire.NodeID) {
	m.dialDone(now, key, met)
	t := m.targets[key]
	if t == nil {
		return
	}
	if met == m.self.state.ID && !t.keep {
		delete(m.targets, key)
		return
	}
	t.fails++
}

// longest returns how long a pause between dials may grow: one that has not
// been seen for minutes is not expected back every moment.
func (m *Machine) longest(now time.Time, t *target) time.Duration {
	if !t.keep && now.Sub(t.since) > m.timing.Forget {
		return 6 * m.timing.BackoffMax
	}
	return m.timing.BackoffMax
}

// dialDone ends a dial and sets when the next one may be.
func (m *Machine) dialDone(now time.Time, key string, met wire.NodeID) {
	t := m.targets[key]
	if t == nil || !t.dialing {
		return
	}
	m.dialing--
	t.dialing = false
	if !met.IsZero() {
		t.met, t.backoff, t.fails, t.since = met, 0, 0, now
	}
	t.backoff = min(max(2*t.backoff, m.timing.BackoffMin), m.longest(now, t))
	t.due = now.Add(m.jitter(t.backoff))
	m.dialAt = now // there is room for another dial
}

// lost has a member dialled again that did not say goodbye.
func (m *Machine) lost(now time.Time, n *node) {
	if n.state.Left || n.state.Port == 0 {
		return
	}
	t := m.memberTarget(n)
	t.due = now.Add(m.jitter(m.timing.BackoffMin))
	t.backoff, t.since = 0, now
	m.dialAt = minTime(m.dialAt, t.due)
}

// memberTarget returns the target of a node that says itself where it is.
func (m *Machine) memberTarget(n *node) *target {
	key := n.state.ID.String()
	t := m.targets[key]
	if t == nil {
		t = &target{Target: Target{Key: key, ID: n.state.ID, Name: n.state.Name}}
		m.targets[key] = t
	}
	for _, addr := range n.state.DialAddrs() {
		if !slices.Contains(t.Addrs, addr) && len(t.Addrs) < 2*wire.MaxAddrs {
			t.Addrs = append(t.Addrs, addr)
		}
	}
	return t
}

// leaveAlone keeps a peer from being dialled for a while.
func (m *Machine) leaveAlone(now time.Time, peer wire.NodeID) {
	if n := m.nodes[peer]; n != nil && n != m.self {
		m.memberTarget(n)
	}
	m.alone[peer] = now.Add(m.timing.Hangup)
}

// dueAt returns when t may be dialled.
func (m *Machine) dueAt(t *target) time.Time {
	due := t.due
	for _, peer := range []wire.NodeID{t.ID, t.met} {
		if until := m.alone[peer]; until.After(due) {
			due = until
		}
	}
	return due
}

// wanted reports whether t should be linked to because nobody reaches it.
func (m *Machine) wanted(t *target) bool {
	if t.dialing || t.met == m.self.state.ID || m.Reachable(t.ID) || m.Reachable(t.met) || m.byPeer[t.ID] != nil || m.byPeer[t.met] != nil {
		return false
	}
	if n := m.nodes[t.ID]; n != nil && n.state.Left && !t.keep {
		return false
	}
	return t.keep || m.degree > 0
}

// planDials dials who is wanted, the named ones first, then where it was tried
// least lately, as far as the budget goes.
func (m *Machine) planDials(now time.Time) {
	m.tokens = min(dialBurst, m.tokens+now.Sub(m.tokenAt).Seconds()*dialRate)
	m.tokenAt = now
	m.dialAt = now.Add(m.jitter(m.timing.BackoffMax))
	for _, t := range m.candidates(now) {
		if !m.dial(now, t) {
			return
		}
	}
	m.fill(now)
}

// candidates returns who is wanted and due, most urgent first, and sees to it
// that those who are not due yet are looked at in time.
func (m *Machine) candidates(now time.Time) []*target {
	var list []*target
	for _, t := range m.targets {
		switch {
		case !m.wanted(t):
		case m.dueAt(t).After(now):
			m.dialAt = minTime(m.dialAt, m.dueAt(t))
		default:
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *target) int {
		return cmp.Or(
			-compareBool(a.keep, b.keep),
			m.groups[a.host()].Compare(m.groups[b.host()]),
			cmp.Compare(a.fails, b.fails),
			cmp.Compare(a.Key, b.Key))
	})
	return list
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// dial starts a dial, unless the budget is used up.
func (m *Machine) dial(now time.Time, t *target) bool {
	if m.tokens < 1 {
		m.dialAt = now.Add(time.Second / dialRate)
		return false
	}
	if m.dialing >= maxDialing {
		return false // the next end of a dial leads here again
	}
	m.tokens--
	m.dialing++
	t.dialing = true
	if len(m.groups) > maxTargets {
		clear(m.groups)
	}
	m.groups[t.host()] = now
	m.do(Dial{t.Target})
	return true
}

// fill dials members until there are as many links as wanted.
func (m *Machine) fill(now time.Time) {
	missing := m.degree - len(m.byPeer) - m.dialing
	for ; missing > 0; missing-- {
		n := m.choose(now)
		if n == nil || !m.dial(now, m.memberTarget(n)) {
			break
		}
	}
	if missing > 0 && len(m.members) > len(m.byPeer) {
		m.dialAt = minTime(m.dialAt, now.Add(m.jitter(m.timing.Grace)))
	}
}

// choose returns a member to link with: of two random ones that with fewer
// links, which keeps the degrees even.
func (m *Machine) choose(now time.Time) *node {
	var free []*node
	for _, n := range m.members {
		if n.hops < 2 || n.state.Port == 0 || len(n.state.Addrs) == 0 || m.byPeer[n.state.ID] != nil {
			continue
		}
		if t := m.targets[n.state.ID.String()]; t != nil && (t.dialing || m.dueAt(t).After(now)) {
			continue
		}
		free = append(free, n)
	}
	if len(free) == 0 {
		return nil
	}
	a, b := free[m.rand.IntN(len(free))], free[m.rand.IntN(len(free))]
	if len(b.linked) < len(a.linked) {
		return b
	}
	return a
}

// evict makes room for a new hint: who failed most often goes.
func (m *Machine) evict() bool {
	var worst *target
	for _, t := range m.targets {
		if t.keep || t.dialing || !t.met.IsZero() {
			continue
		}
		if worst == nil || cmp.Or(cmp.Compare(t.fails, worst.fails), cmp.Compare(t.Key, worst.Key)) > 0 {
			worst = t
		}
	}
	if worst == nil || worst.fails == 0 {
		return false
	}
	delete(m.targets, worst.Key)
	return true
}

// forgetTargets drops who was never met and not hinted lately, and members
// that have been lost for long.
func (m *Machine) forgetTargets(now time.Time) {
	maps.DeleteFunc(m.alone, func(_ wire.NodeID, until time.Time) bool { return !until.After(now) })
	for key, t := range m.targets {
		most := m.timing.Forget
		if !t.met.IsZero() || m.nodes[t.ID] != nil {
			most = m.timing.Lost
		}
		if !t.keep && !t.dialing && now.Sub(t.since) > most {
			delete(m.targets, key)
		}
	}
}

// Forming reports whether the mesh is about to change by what is known already: a
// dial is under way, a target that was never tried waits for its first, or a peer
// has a link, but its state has not come, so that it is no member yet.
func (m *Machine) Forming() bool {
	if m.dialing > 0 {
		return true
	}
	for _, t := range m.targets {
		if t.fails == 0 && t.met.IsZero() && m.wanted(t) {
			return true
		}
	}
	for _, l := range m.links {
		if !l.silent && !m.Reachable(l.peer) {
			return true
		}
	}
	return false
}
