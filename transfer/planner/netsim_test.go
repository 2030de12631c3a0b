package planner

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

// slot is how long a chunk takes over an ordinary link.
const slot = 5 * time.Millisecond

// A netsim moves one content from seeds to receivers over links of their own
// speeds. An uplink sends pieces of chunks, or whole ones, one connection after the
// other or in no order; each connection's sender has chosen one chunk ahead; a downlink
// queues. All messages take the latency. A receiver has links to all seeds and to as many
// others as [Receiver.Links] says, drawn at random; both ends of a link hear from each other.
type netsim struct {
	now     time.Duration
	events  events
	seq     int
	hosts   []*simHost
	latency time.Duration
	chunks  int
	pieces  int  // of a chunk
	unfair  bool // connections have their turn in no order
	rng     *rand.Rand
	useful  int // chunks that came and were missing
}

// simHost is one node of a netsim.
type simHost struct {
	id       int
	up, down time.Duration // to send, to take one chunk
	from     time.Duration // when it begins to fetch
	rx       *Receiver     // nil on a seed
	dealer   *Dealer
	askers   []*simConn // connections on which it gives, in turn
	turn     int
	sources  []*simHost // that it knows of, in the order in which it asks them
	links    int        // sources that it has links to
	fellows  []*simHost // whom it tells of what it has
	late     *Bitset    // of what it has told nobody yet, though somebody else has it
	busy     bool
	free     time.Duration // when the downlink is
	sent     int           // chunks
	twice    int           // chunks that came though they were here
	done     time.Duration
}

// simConn is a connection on which one host gives and another takes.
type simConn struct {
	to    *simHost
	bound int // chunk that has been chosen and not sent, -1: none
	left  int // pieces of it that have not been sent
}

// simSetup says what a netsim is made of.
type simSetup struct {
	seeds, receivers, chunks int
	pieces                   int  // in which a chunk is sent; 0: one
	unfair                   bool // connections that share a link get unequal parts of it for a time
	latency                  time.Duration
	shape                    func(h *simHost) // sets what is not usual about a host; may be nil
}

func newNetsim(c simSetup) *netsim {
	s := &netsim{latency: c.latency, chunks: c.chunks, pieces: max(c.pieces, 1), unfair: c.unfair, rng: rand.New(rand.NewPCG(uint64(c.receivers), uint64(c.chunks)))}
	for i := range c.seeds + c.receivers {
		h := &simHost{id: i, up: slot, down: slot, dealer: NewDealer(c.chunks), late: NewBitset(c.chunks)}
		if i < c.seeds {
			h.dealer.OwnAll()
		} else {
			h.rx = New(c.chunks, 64)
		}
		if c.shape != nil {
			c.shape(h)
		}
		s.hosts = append(s.hosts, h)
	}
	for _, h := range s.hosts[:c.seeds] {
		s.after(0, func() { s.alive(h) })
	}
	receivers := s.hosts[c.seeds:]
	for _, h := range receivers {
		s.after(h.from, func() { s.begin(h, s.hosts[:c.seeds], receivers) })
	}
	return s
}

func (s *netsim) after(d time.Duration, do func()) {
	s.seq++
	heap.Push(&s.events, event{s.now + d, s.seq, do})
}

// begin lets h fetch from the seeds and from some that fetch already, who hear of it.
func (s *netsim) begin(h *simHost, seeds, receivers []*simHost) {
	h.sources = slices.Clone(seeds)
	for _, i := range s.rng.Perm(len(receivers)) {
		if o := receivers[i]; o != h && o.from <= s.now {
			h.sources = append(h.sources, o)
		}
	}
	s.link(h)
	s.plan(h)
	s.after(time.Duration(s.rng.IntN(100))*time.Millisecond, func() { s.tick(h) })
}

// link gives h the links that it should have, to the first of its sources.
func (s *netsim) link(h *simHost) {
	for most := h.rx.Links(s.now, len(h.sources)); h.links < most; h.links++ {
		s.connect(h, h.sources[h.links])
	}
}

// conn returns the connection on which h gives to another, nil where there is
// none.
func (h *simHost) conn(to *simHost) *simConn {
	for _, c := range h.askers {
		if c.to == to {
			return c
		}
	}
	return nil
}

// connect lets h ask o; both hear from then on what the other has, and o has one more
// that it could ask.
func (s *netsim) connect(h, o *simHost) {
	o.askers = append(o.askers, &simConn{to: h, bound: -1})
	o.dealer.Join(Asker(h.id))
	h.rx.Join(s.now, Peer(o.id))
	h.rx.Have(Peer(o.id), 0, o.dealer.Holds().Bytes())
	if h.conn(o) == nil {
		h.fellows, o.fellows = append(h.fellows, o), append(o.fellows, h)
	}
	if o.rx != nil && o.from < h.from {
		o.sources = append(o.sources, h)
		last, any := len(o.sources)-1, o.links+s.rng.IntN(len(o.sources)-o.links)
		o.sources[any], o.sources[last] = o.sources[last], o.sources[any]
	}
}

// run lets time pass until all that count are done, and returns when that is;
// zero where it never is.
func (s *netsim) run(count func(*simHost) bool) time.Duration {
	var waited []*simHost
	for _, h := range s.hosts {
		if h.rx != nil && count(h) {
			waited = append(waited, h)
		}
	}
	for s.events.Len() > 0 && s.now < time.Hour {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
		for len(waited) > 0 && waited[0].done > 0 {
			waited = waited[1:]
		}
		if len(waited) == 0 {
			return s.now
		}
	}
	return 0
}

// tick is what a fetch does ten times a second: it tells what is not urgent, and
// plans.
func (s *netsim) tick(h *simHost) {
	if h.late.Count() > 0 {
		marks := h.late.Bytes()
		h.late = NewBitset(s.chunks)
		for _, o := range h.fellows {
			s.after(s.latency, func() { s.hear(o, h, 0, marks) })
		}
	}
	if h.done > 0 {
		return
	}
	s.link(h)
	s.plan(h)
	s.after(100*time.Millisecond, func() { s.tick(h) })
}

// plan carries h's wishes to the others.
func (s *netsim) plan(h *simHost) {
	if h.rx == nil {
		return
	}
	for _, a := range h.rx.Plan(s.now) {
		to := s.hosts[a.Peer]
		s.after(s.latency, func() {
			switch a.Kind {
			case Request:
				to.dealer.Request(Asker(h.id), a.Chunk)
			case Withdraw:
				to.dealer.Withdraw(Asker(h.id), a.Chunk)
			case Deal:
				to.dealer.Deal(Asker(h.id), a.N, a.Lane, a.Lanes)
			}
			s.choose(to, to.conn(h))
			s.send(to)
		})
	}
}

// choose fills a connection with the next chunk.
func (s *netsim) choose(h *simHost, c *simConn) {
	if c.bound >= 0 {
		return
	}
	i, ok, dry := h.dealer.Next(s.now, Asker(c.to.id))
	if ok {
		c.bound, c.left = i, s.pieces
	}
	if dry {
		s.after(s.latency, func() {
			c.to.rx.NothingFresh(s.now, Peer(h.id))
			s.plan(c.to)
		})
		s.wakeSpared(h)
	}
}

// wakeSpared lets those be dealt to who were passed over.
func (s *netsim) wakeSpared(h *simHost) {
	for _, a := range h.dealer.Spared() {
		s.choose(h, h.conn(s.hosts[a]))
	}
	s.send(h)
}

// alive is what wakes the senders of a host that nobody else does.
func (s *netsim) alive(h *simHost) {
	s.wakeSpared(h)
	s.after(2*time.Second, func() { s.alive(h) })
}

// send puts the next piece of the next connection's chunk on h's uplink.
func (s *netsim) send(h *simHost) {
	if h.busy {
		return
	}
	if s.unfair && len(h.askers) > 0 {
		h.turn = s.rng.IntN(len(h.askers))
	}
	for range h.askers {
		h.turn = (h.turn + 1) % len(h.askers)
		if c := h.askers[h.turn]; c.bound >= 0 {
			s.carry(h, c)
			return
		}
	}
}

// carry sends a piece of what c is bound to.
func (s *netsim) carry(h *simHost, c *simConn) {
	i := c.bound
	c.left--
	last := c.left == 0
	if last {
		c.bound = -1
		h.sent++
	}
	h.busy = true
	s.after(h.up/time.Duration(s.pieces), func() {
		h.busy = false
		if last {
			s.choose(h, c)
		}
		s.send(h)
		c.to.free = max(c.to.free+c.to.down/time.Duration(s.pieces), s.now+s.latency)
		if last {
			s.after(c.to.free-s.now, func() { s.arrive(h, c.to, i) })
		}
	})
}

func (s *netsim) arrive(from, to *simHost, i int) {
	if to.rx.Lacks(i) {
		s.useful++
	} else {
		to.twice++
	}
	fresh := to.rx.Fresh(i)
	to.rx.Arrived(s.now, Peer(from.id), i)
	to.dealer.Own(i)
	if to.rx.Missing() == 0 && to.done == 0 {
		to.done = s.now
		s.after(s.latency, func() {
			for _, o := range s.hosts {
				if o.conn(to) != nil {
					o.dealer.Done(Asker(to.id))
					s.wakeSpared(o)
				}
			}
		})
	}
	s.plan(to)
	if !fresh {
		to.late.Add(i)
		return
	}
	first, marks := i&^7, []byte{1 << (i & 7)}
	for _, o := range to.fellows {
		if o.rx == nil || !to.rx.PeerHas(Peer(o.id), i) {
			s.after(s.latency, func() { s.hear(o, to, first, marks) })
		}
	}
}

// hear lets o know what another has.
func (s *netsim) hear(o, of *simHost, first int, marks []byte) {
	Each(s.chunks, first, marks, func(i int) { o.dealer.Have(s.now, Asker(of.id), i) })
	if o.rx != nil && of.conn(o) != nil {
		o.rx.Have(Peer(of.id), first, marks)
		s.plan(o)
	}
}

// event is something that happens at a time; of one time, in order.
type event struct {
	at  time.Duration
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}
