// Package topology decides who is alive, which links to open or drop, and
// which link leads to whom. It is a state machine without input or output: it
// starts no goroutine, reads no clock and opens no connection.
//
// # Use
//
// Each event is a method call that hands in the present time; what is to be
// done about it is collected by [Machine.Actions]. [Machine.Next] says when
// [Machine.Tick] wants to be called if nothing happens before.
//
//	events                          actions
//	Hint, Join: somebody is there   Dial
//	Up, Down: a link came, went     Send, Drop
//	DialFailed                      Changed: other members
//	Receive, Heard                  Rerouted: a way is gone
//	Tick
//
// A Machine is not safe for concurrent use; its owner holds a lock.
//
// # What it knows
//
// Every node floods its [wire.LinkState]: its direct peers, and where it can be
// dialled. A link counts when both ends name it. Floods are batched for a few
// milliseconds; nothing is flooded while nothing changes. Pings carry a digest
// of all states of reachable nodes, and two different digests in a row lead to
// a [wire.Summary], which repairs what was lost. Routes are shortest paths;
// those over peers that have been silent for a while come last.
//
// # Life and death
//
// A peer is pinged every 2 s. One that was silent for 4 s is named in the
// flooded state, so that ways around it are taken; after 7.5 s its link is
// dropped, so that all know within 8 s. If the machine itself was stopped
// meanwhile it forgives everybody as long as it slept.
//
// # Links
//
// Who is hinted and cannot be reached is dialled, at most 5 a second after a
// first burst, with growing pauses from 0.2 to 10 s. A node with less than its
// degree of links dials members, of two random ones the one with fewer links.
// One with more than twice its degree drops some that are not the only way to
// their end. Of two links between the same two nodes, the node with the lower id
// drops one: there is a single judge, so that never both go.
package topology

import (
	"math/rand/v2"
	"time"

	"minimega/mesh/wire"
)

// Timing is how long the machine waits for what.
type Timing struct {
	Ping       time.Duration // between two pings on a link
	Suspect    time.Duration // silence after which ways around a peer are taken
	Dead       time.Duration // silence after which a link is dropped
	Flood      time.Duration // news are collected this long
	Grace      time.Duration // a hint may wait this long for the mesh to reach it by itself
	BackoffMin time.Duration // pause after the first failed dial
	BackoffMax time.Duration
	Hangup     time.Duration // a peer that was hung up on is left alone this long
	Forget     time.Duration // an unreachable node's state is kept this long
	Lost       time.Duration // a lost member is dialled again this long
}

// DefaultTiming is that of the package comment.
func DefaultTiming() Timing {
	return Timing{
		Ping: 2 * time.Second, Suspect: 4 * time.Second, Dead: 7500 * time.Millisecond,
		Flood: 15 * time.Millisecond, Grace: 400 * time.Millisecond,
		BackoffMin: 200 * time.Millisecond, BackoffMax: 10 * time.Second,
		Hangup: time.Minute, Forget: 10 * time.Minute, Lost: 24 * time.Hour,
	}
}

// Limits, so that a hostile member or network cannot fill the memory.
const (
	maxNodes   = 16384 // whose states are kept
	maxTargets = 2048  // who may be dialled
	maxStates  = 256   // in one LinkStates frame
	maxDialing = 16    // dials under way
	dialRate   = 5     // a second
	dialBurst  = 10
)

// Config is what a [Machine] is made of.
type Config struct {
	Self   wire.LinkState // ID, Name, Addrs and Port
	Degree int
	Timing Timing
	Seed   uint64 // of the jitter
}

// LinkID names a link; its owner never uses one twice.
type LinkID uint64

// Machine is one node's view of the mesh.
type Machine struct {
	self    *node
	degree  int
	timing  Timing
	rand    *rand.Rand
	actions []Action

	links   map[LinkID]*link
	byPeer  map[wire.NodeID]*link // the one used where there are several
	ticked  time.Time             // last Tick
	planned time.Time             // when Tick was due to be called next

	nodes    map[wire.NodeID]*node // all whose state is known, self included
	members  []*node               // reachable, without self, in the order of their distance
	epoch    uint64                // of the last routing: node.seen
	digest   uint64                // of the states of self and members
	ownAt    time.Time             // our state is to be flooded anew; zero: it holds
	ownSent  time.Time
	floodAt  time.Time // something waits in a link's news; zero: nothing
	routeAt  time.Time // routes are to be computed anew; zero: they hold
	forgetAt time.Time

	targets map[string]*target
	alone   map[wire.NodeID]time.Time // peer hung up on → not dialled before, whatever is heard of it
	groups  map[string]time.Time      // host → last dial there
	dialing int
	tokens  float64 // dials that may be made now
	tokenAt time.Time
	dialAt  time.Time // the next look at the targets
	pruneAt time.Time
}

// New returns the view of a node that knows nobody.
func New(cfg Config, now time.Time) *Machine {
	m := &Machine{
		degree:   cfg.Degree,
		timing:   cfg.Timing,
		rand:     rand.New(rand.NewPCG(cfg.Seed, cfg.Seed^0x9e3779b97f4a7c15)),
		links:    make(map[LinkID]*link),
		byPeer:   make(map[wire.NodeID]*link),
		nodes:    make(map[wire.NodeID]*node),
		targets:  make(map[string]*target),
		alone:    make(map[wire.NodeID]time.Time),
		groups:   make(map[string]time.Time),
		tokens:   dialBurst,
		tokenAt:  now,
		ticked:   now,
		dialAt:   now,
		forgetAt: now.Add(cfg.Timing.Forget),
		pruneAt:  now.Add(2 * cfg.Timing.Ping),
	}
	m.self = &node{state: cfg.Self}
	m.self.state.Seq = 1
	m.self.state.Want = uint16(cfg.Degree)
	m.nodes[cfg.Self.ID] = m.self
	m.digest = mix(&m.self.state)
	return m
}

// Actions returns what is to be done, in order, and forgets it.
func (m *Machine) Actions() []Action {
	actions := m.actions
	m.actions = nil
	return actions
}

// Degree returns how many links the machine tries to keep.
func (m *Machine) Degree() int { return m.degree }

// SetDegree changes how many links the machine tries to keep.
func (m *Machine) SetDegree(now time.Time, degree int) {
	m.degree = degree
	m.self.state.Want = uint16(min(degree, 1<<16-1))
	m.changeSelf(now)
	m.dialAt = now
}

// SetPort changes the port that the node says it listens on.
func (m *Machine) SetPort(now time.Time, port uint16) {
	m.self.state.Port = port
	m.changeSelf(now)
}

// SetAddrs changes where the node says it can be dialled.
func (m *Machine) SetAddrs(now time.Time, addrs []string) {
	m.self.state.Addrs = addrs
	m.changeSelf(now)
}

// Tick does what is due at now.
func (m *Machine) Tick(now time.Time) {
	m.forgive(now)
	m.checkLinks(now)
	if due(m.ownAt, now) {
		m.renewSelf(now)
	}
	if due(m.floodAt, now) {
		m.flood()
	}
	if due(m.routeAt, now) {
		m.route(now)
	}
	if due(m.dialAt, now) {
		m.planDials(now)
	}
	if due(m.pruneAt, now) {
		m.prune(now)
	}
	if due(m.forgetAt, now) {
		m.forget(now)
	}
	m.ticked, m.planned = now, m.Next()
}

// Next returns when Tick wants to be called.
func (m *Machine) Next() time.Time {
	next := earliest(m.dialAt, m.pruneAt, m.forgetAt, m.ownAt, m.floodAt, m.routeAt)
	for _, l := range m.links {
		next = earliest(next, l.pingAt, l.deadline(m.timing))
	}
	return next
}

// forgive extends everybody's time when we were stopped ourselves: what they
// said meanwhile still waits to be read.
func (m *Machine) forgive(now time.Time) {
	late := now.Sub(m.planned)
	if m.planned.IsZero() || late < m.timing.Ping/2 || now.Sub(m.ticked) < m.timing.Ping/2 {
		return
	}
	for _, l := range m.links {
		l.heard = minTime(l.heard.Add(late), now)
	}
}

func due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// earliest returns the first of the times that are set.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// jitter returns a random duration between half of d and d.
func (m *Machine) jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(m.rand.Int64N(int64(d/2)+1))
}
