package sim

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"minimega/mesh/topology"
	"minimega/mesh/wire"
)

// sim runs machines against each other: links have a latency, the clock jumps
// from event to event.
type sim struct {
	now    time.Time
	rand   *rand.Rand
	events events
	order  int
	hosts  []*host
	byAddr map[string]*host
	last   topology.LinkID
	dials  int
	over   func() bool // nothing more is to be computed
}

// host is one simulated node.
type host struct {
	*topology.Machine
	id    wire.NodeID
	addr  string
	dead  bool
	ends  map[topology.LinkID]end // own link → the other side
	dials []time.Time
	due   time.Time // when Tick is scheduled
	seen  int       // members
	sent  int64     // bytes, with what carries them
}

// end is the far side of a link.
type end struct {
	host *host
	link topology.LinkID
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

// What a network adds.
const (
	latency  = 2 * time.Millisecond // of a link, one way
	carriage = 22 + 2*52            // bytes a frame: its TLS record, and IP and TCP of it and of its acknowledgement
)

// newSim returns an empty network.
func newSim() *sim {
	return &sim{over: func() bool { return false }, now: time.Unix(0, 0), rand: rand.New(rand.NewPCG(1, 2)), byAddr: make(map[string]*host)}
}

// after has something done later.
func (s *sim) after(d time.Duration, do func()) {
	s.order++
	heap.Push(&s.events, event{s.now.Add(d), s.order, do})
}

// run advances the clock until ok holds, looking every 50 ms, or for at most d.
func (s *sim) run(d time.Duration, ok func() bool) bool {
	limit := s.now.Add(d)
	check := s.now
	for s.now.Before(limit) && !s.over() {
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
	h := &host{ends: make(map[topology.LinkID]end), addr: fmt.Sprintf("10.0.%d.%d", i/250, i%250+1)}
	binary.BigEndian.PutUint64(h.id[:], uint64(i)*0x9e3779b97f4a7c15)
	h.Machine = topology.New(topology.Config{
		Self:   wire.LinkState{ID: h.id, Name: wire.NodeName(fmt.Sprintf("kn%d", i)), Addrs: []string{h.addr}, Port: 9000},
		Degree: degree, Timing: topology.DefaultTiming(), Seed: uint64(i),
	}, s.now)
	s.hosts = append(s.hosts, h)
	s.byAddr[h.addr+":9000"] = h
	s.after(0, func() { s.settle(h) })
	return h
}

// target returns what a hint about h says.
func (h *host) target() topology.Target {
	return topology.Target{Key: h.id.String(), ID: h.id, Addrs: []string{h.addr + ":9000"}}
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

// do does one thing that a node wants.
func (s *sim) do(h *host, a topology.Action) {
	switch a := a.(type) {
	case topology.Changed:
		h.seen = len(h.Members())
	case topology.Dial:
		s.dials++
		h.dials = append(h.dials, s.now)
		s.after(4*latency, func() { s.connect(h, a.Target) })
	case topology.Send:
		s.transmit(h, a)
	case topology.Drop:
		s.cut(h, a)
	}
}

// connect dials for h.
func (s *sim) connect(h *host, t topology.Target) {
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
	s.step(h, func() { h.Up(s.now, near, peer.id, topology.Dialled, t.Key) })
	s.after(latency, func() { s.step(peer, func() { peer.Up(s.now, far, h.id, topology.Accepted, "") }) })
}

// transmit carries a frame, which is encoded and decoded as in truth.
func (s *sim) transmit(h *host, a topology.Send) {
	far, ok := h.ends[a.Link]
	b, err := wire.AppendFrame(nil, a.Type, a.Payload)
	if err != nil {
		panic(err)
	}
	h.sent += int64(len(b)) + carriage
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

// cut ends a link at both ends.
func (s *sim) cut(h *host, a topology.Drop) {
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
			if !h.dead && h.seen != count {
				return false
			}
		}
		return true
	}
}

// state tells who sees how many.
func (s *sim) state() string {
	seen := make(map[int]int)
	for _, h := range s.hosts {
		if !h.dead {
			seen[h.seen]++
		}
	}
	return fmt.Sprintf("at %v nodes by the number of members they see: %v", s.now.Sub(time.Unix(0, 0)), seen)
}
