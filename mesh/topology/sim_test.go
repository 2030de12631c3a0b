package topology

import (
	"container/heap"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"minimega/mesh/wire"
)

var simNodes = flag.Int("sim", 100, "nodes of the simulation")

// sim runs machines against each other: links have a latency, the clock jumps
// from event to event.
type sim struct {
	now    time.Time
	rand   *rand.Rand
	events events
	order  int
	hosts  []*host
	byAddr map[string]*host
	last   LinkID
	bytes  int64 // of all frames that were sent
	dials  int
}

// host is one simulated node.
type host struct {
	*Machine
	id    wire.NodeID
	addr  string
	dead  bool
	ends  map[LinkID]end // own link → the other side
	dials []time.Time
	due   time.Time // when Tick is scheduled
}

// end is the far side of a link.
type end struct {
	host *host
	link LinkID
}

type event struct {
	at    time.Time
	order int
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}

const latency = 2 * time.Millisecond

func newSim() *sim {
	return &sim{now: time.Unix(0, 0), rand: rand.New(rand.NewPCG(1, 2)), byAddr: make(map[string]*host)}
}

func (s *sim) after(d time.Duration, do func()) {
	s.order++
	heap.Push(&s.events, event{s.now.Add(d), s.order, do})
}

// run advances the clock until ok holds, looking every 50 ms, or for at most d.
func (s *sim) run(d time.Duration, ok func() bool) bool {
	limit := s.now.Add(d)
	check := s.now
	for s.now.Before(limit) {
		if ok != nil && !s.now.Before(check) {
			if ok() {
				return true
			}
			check = s.now.Add(50 * time.Millisecond)
		}
		if len(s.events) == 0 || s.events[0].at.After(limit) {
			s.now = limit
			break
		}
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
	}
	return ok != nil && ok()
}

// add starts a node.
func (s *sim) add(degree int) *host {
	i := len(s.hosts) + 1
	h := &host{ends: make(map[LinkID]end), addr: fmt.Sprintf("10.0.%d.%d", i/250, i%250+1)}
	binary.BigEndian.PutUint64(h.id[:], scramble(uint64(i)))
	h.Machine = New(Config{
		Self:   wire.LinkState{ID: h.id, Name: wire.NodeName(fmt.Sprintf("kn%d", i)), Addrs: []string{h.addr}, Port: 9000},
		Degree: degree, Timing: DefaultTiming(), Seed: uint64(i),
	}, s.now)
	s.hosts = append(s.hosts, h)
	s.byAddr[h.addr+":9000"] = h
	s.after(0, func() { s.settle(h) })
	return h
}

func (h *host) target() Target {
	return Target{Key: h.id.String(), ID: h.id, Addrs: []string{h.addr + ":9000"}}
}

// step hands an event to a node unless it is dead.
func (s *sim) step(h *host, do func()) {
	if !h.dead {
		do()
		s.settle(h)
	}
}

// settle ticks a node as far as that is due and does what it wants.
func (s *sim) settle(h *host) {
	for !h.Next().After(s.now) {
		h.Tick(s.now)
	}
	for _, a := range h.Actions() {
		s.do(h, a)
	}
	if next := h.Next(); h.due.IsZero() || !h.due.After(s.now) || next.Before(h.due) {
		h.due = next
		s.after(next.Sub(s.now), func() {
			if h.due.Equal(next) {
				s.step(h, func() {})
			}
		})
	}
}

func (s *sim) do(h *host, a Action) {
	switch a := a.(type) {
	case Dial:
		s.dials++
		h.dials = append(h.dials, s.now)
		s.after(4*latency, func() { s.connect(h, a.Target) })
	case Send:
		s.transmit(h, a)
	case Drop:
		s.cut(h, a)
	}
}

func (s *sim) connect(h *host, t Target) {
	peer := s.byAddr[t.Addrs[0]]
	if h.dead {
		return
	}
	if peer == nil || peer.dead {
		s.after(3*time.Second, func() { s.step(h, func() { h.DialFailed(s.now, t.Key, wire.NodeID{}) }) })
		return
	}
	if h.Linked(peer.id) {
		s.step(h, func() { h.DialFailed(s.now, t.Key, peer.id) })
		return
	}
	near, far := s.last+1, s.last+2
	s.last += 2
	h.ends[near], peer.ends[far] = end{peer, far}, end{h, near}
	s.step(h, func() { h.Up(s.now, near, peer.id, Dialled, t.Key) })
	s.after(latency, func() { s.step(peer, func() { peer.Up(s.now, far, h.id, Accepted, "") }) })
}

// transmit carries a frame, which is encoded and decoded as in truth.
func (s *sim) transmit(h *host, a Send) {
	far, ok := h.ends[a.Link]
	b, err := wire.AppendFrame(nil, a.Type, a.Payload)
	if err != nil {
		panic(err)
	}
	s.bytes += int64(len(b))
	if !ok {
		return
	}
	s.after(latency+time.Microsecond, func() {
		payload, err := wire.DecodeControl(a.Type, b[wire.HeaderSize:])
		if err != nil {
			panic(err)
		}
		s.step(far.host, func() {
			if a.Type == wire.TypePong {
				far.host.Heard(s.now, far.link)
				return
			}
			far.host.Receive(s.now, far.link, payload)
		})
	})
}

func (s *sim) cut(h *host, a Drop) {
	far, ok := h.ends[a.Link]
	if !ok {
		return
	}
	delete(h.ends, a.Link)
	s.after(latency+2*time.Microsecond, func() {
		delete(far.host.ends, far.link)
		s.step(far.host, func() { far.host.Down(s.now, far.link) })
	})
}

// allSee reports whether every living node sees count others.
func (s *sim) allSee(count int) func() bool {
	return func() bool {
		for _, h := range s.hosts {
			if !h.dead && len(h.members) != count {
				return false
			}
		}
		return true
	}
}

func (s *sim) state() string {
	seen := make(map[int]int)
	for _, h := range s.hosts {
		if !h.dead {
			seen[len(h.members)]++
		}
	}
	return fmt.Sprintf("at %v nodes by the number of members they see: %v", s.now.Sub(time.Unix(0, 0)), seen)
}

// checkRoutes follows the next hops from one node to another.
func (s *sim) checkRoutes(t *testing.T, from, to *host) {
	t.Helper()
	at := from
	for hops := 0; at != to; hops++ {
		link, ok := at.NextHop(to.id)
		if !ok || hops > wire.MaxHops {
			t.Fatalf("from %s to %s: lost at %s after %d hops", from.addr, to.addr, at.addr, hops)
		}
		at = at.ends[link].host
	}
}

func TestSixteenNodesStartedTogetherSeeEachOtherWithinThreeSeconds(t *testing.T) {
	s := newSim()
	for range 16 {
		s.add(4)
	}
	for _, h := range s.hosts {
		for _, other := range s.hosts {
			s.after(time.Duration(s.rand.IntN(1000))*time.Millisecond, func() {
				s.step(h, func() { h.Hint(s.now, other.target()) })
			})
		}
	}
	if !s.run(3*time.Second, s.allSee(15)) {
		t.Fatal(s.state())
	}
}

func TestAFewNodesAreFullyMeshed(t *testing.T) {
	s := newSim()
	for range 5 {
		s.add(4)
	}
	for _, h := range s.hosts[1:] {
		s.step(h, func() { h.Hint(s.now, s.hosts[0].target()) })
	}
	full := func() bool {
		for _, h := range s.hosts {
			if len(h.Peers()) != 4 || len(h.links) != 4 {
				return false
			}
		}
		return true
	}
	if !s.run(10*time.Second, full) {
		t.Fatal(s.state())
	}
}

func TestAStarIsThinnedOut(t *testing.T) {
	s := newSim()
	hub := s.add(4)
	for range 60 {
		h := s.add(4)
		s.step(h, func() { h.Join(s.now, hub.target()) })
	}
	few := func() bool { return len(hub.Peers()) <= 12 && s.allSee(60)() }
	if !s.run(2*time.Minute, few) {
		t.Fatalf("the hub has %d links; %s", len(hub.Peers()), s.state())
	}
	t.Logf("after %v", s.now.Sub(time.Unix(0, 0)))
	before := s.dials
	s.run(30*time.Second, nil)
	if s.dials-before > 10 {
		t.Errorf("%d dials in 30 s of rest", s.dials-before)
	}
}

// grown is a mesh that formed over hints of a few others each.
func grown(t *testing.T, nodes int) *sim {
	t.Helper()
	s := newSim()
	for i := range nodes {
		h := s.add(4)
		for range 5 {
			if i > 0 {
				other := s.hosts[s.rand.IntN(i)]
				s.after(time.Duration(s.rand.IntN(1000))*time.Millisecond, func() {
					s.step(h, func() { h.Hint(s.now, other.target()) })
				})
			}
		}
	}
	if !s.run(11*time.Second, s.allSee(nodes-1)) {
		t.Fatal(s.state())
	}
	t.Logf("%d nodes saw each other after %v, %d dials", nodes, s.now.Sub(time.Unix(0, 0)), s.dials)
	return s
}

func TestManyNodesMeshIdleCheaplyAndNoticeADeath(t *testing.T) {
	s := grown(t, *simNodes)
	count := len(s.hosts)
	s.run(20*time.Second, nil)
	for range 100 {
		s.checkRoutes(t, s.hosts[s.rand.IntN(count)], s.hosts[s.rand.IntN(count)])
	}
	before := s.bytes
	s.run(10*time.Second, nil)
	if idle := (s.bytes - before) / 10 / int64(count); idle > 2048 {
		t.Errorf("idle traffic: %d bytes a second and node", idle)
	} else {
		t.Logf("idle traffic: %d bytes a second and node", idle)
	}
	for _, h := range s.hosts {
		if links := len(h.Peers()); links < 4 || links > 12 {
			t.Errorf("%s has %d links", h.addr, links)
		}
	}
	s.hosts[count/2].dead = true
	died := s.now
	if !s.run(12*time.Second, s.allSee(count-2)) {
		t.Fatal(s.state())
	}
	t.Logf("a death was known after %v", s.now.Sub(died))
}

func TestAPartitionHeals(t *testing.T) {
	s := grown(t, 6)
	apart := func(a, b *host) bool { return (a.addr < s.hosts[3].addr) != (b.addr < s.hosts[3].addr) }
	for _, h := range s.hosts {
		for link, far := range h.ends {
			if apart(h, far.host) {
				delete(h.ends, link)
			}
		}
	}
	hidden := s.byAddr
	s.byAddr = nil
	if !s.run(12*time.Second, s.allSee(2)) {
		t.Fatal(s.state())
	}
	s.run(20*time.Second, nil)
	s.byAddr = hidden
	if !s.run(10*time.Second, s.allSee(5)) {
		t.Fatal(s.state())
	}
}

func TestALeavingNodeIsNotDialledAgain(t *testing.T) {
	s := grown(t, 4)
	gone := s.hosts[3]
	gone.Leave()
	s.settle(gone)
	s.run(time.Second, nil)
	gone.dead = true
	s.run(10*time.Second, s.allSee(2))
	before := s.dials
	s.run(time.Minute, nil)
	if s.dials != before {
		t.Errorf("%d dials", s.dials-before)
	}
	if !s.allSee(2)() {
		t.Error(s.state())
	}
}

func TestForgedHintsNeitherStormNorHideARealNode(t *testing.T) {
	s := newSim()
	a, b := s.add(4), s.add(4)
	b.SetDegree(s.now, 0) // it does not dial itself
	for i := range 1000 {
		forged := Target{Key: fmt.Sprint("forged", i), ID: wire.NodeID{1, byte(i), byte(i >> 8)}, Addrs: []string{fmt.Sprintf("10.9.9.9:%d", i+1)}}
		s.step(a, func() { a.Hint(s.now, forged) })
	}
	s.step(a, func() { a.Hint(s.now, b.target()) })
	if !s.run(10*time.Second, s.allSee(1)) {
		t.Error(s.state())
	}
	s.run(time.Minute-s.now.Sub(time.Unix(0, 0)), nil)
	if most := dialBurst + dialRate*60; len(a.dials) > most {
		t.Errorf("%d dials in a minute, at most %d", len(a.dials), most)
	}
}

func TestASleeperForgivesThoseItDidNotHear(t *testing.T) {
	s := grown(t, 3)
	s.run(5*time.Second, nil)
	h := s.hosts[0]
	s.now = s.now.Add(15 * time.Second) // nobody ran meanwhile
	s.settle(h)
	if len(h.members) != 2 || len(h.links) != 2 {
		t.Errorf("it sees %d members over %d links", len(h.members), len(h.links))
	}
}

func TestASilentRelayIsAvoided(t *testing.T) {
	s := newSim()
	for range 4 {
		s.add(0)
	}
	for _, pair := range [][2]int{{0, 1}, {0, 2}, {1, 3}, {2, 3}} {
		a, b := s.hosts[pair[0]], s.hosts[pair[1]]
		s.connect(a, b.target())
	}
	if !s.run(time.Second, s.allSee(3)) {
		t.Fatal(s.state())
	}
	link, _ := s.hosts[0].NextHop(s.hosts[3].id)
	relay := s.hosts[0].ends[link].host
	relay.dead = true
	avoided := func() bool {
		link, ok := s.hosts[0].NextHop(s.hosts[3].id)
		return ok && s.hosts[0].ends[link].host != relay
	}
	if !s.run(5*time.Second, avoided) {
		t.Error("the way still leads over the silent node")
	}
	if !s.hosts[0].Reachable(relay.id) {
		t.Error("a silent node was given up too soon")
	}
}
