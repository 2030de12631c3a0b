package planner

import (
	"container/heap"
	"fmt"
	"testing"
	"time"
)

// A sim moves one content between nodes whose links carry one chunk in slot
// each way. Each connection holds up to bound chunks that its sender has chosen
// and not sent (the socket buffer); an uplink serves its connections in turn; a
// downlink queues. All news takes latency.
type sim struct {
	now     time.Duration
	events  events
	seq     int
	nodes   []*simNode
	latency time.Duration
	bound   int
	chunks  int
	news    *simNode // that this event completed
}

type simNode struct {
	id       int
	up, down time.Duration // to send, to take one chunk
	rx       *Receiver     // nil on a seed
	dealer   *Dealer
	queue    [][]int // peer → chunks bound to its connection
	turn     int
	busy     bool
	free     time.Duration // when the downlink is
	sent     int           // chunks
	twice    int           // chunks that came though they were here
	done     time.Duration
}

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

func (s *sim) after(d time.Duration, do func()) {
	s.seq++
	heap.Push(&s.events, event{s.now + d, s.seq, do})
}

const slot = 5 * time.Millisecond

// lazyNews is how late news may be of a chunk that another receiver has too.
const lazyNews = 50 * time.Millisecond

func newSim(seeds, receivers, chunks int, latency time.Duration) *sim {
	s := &sim{latency: latency, bound: 2, chunks: chunks}
	n := seeds + receivers
	for i := range n {
		node := &simNode{id: i, up: slot, down: slot, dealer: NewDealer(chunks), queue: make([][]int, n)}
		for a := range n {
			node.dealer.Join(Asker(a))
		}
		if i < seeds {
			node.dealer.OwnAll()
		} else {
			node.rx = New(chunks, 64)
		}
		s.nodes = append(s.nodes, node)
	}
	for i, node := range s.nodes {
		for j := range s.nodes {
			if i != j && node.rx != nil {
				node.rx.Join(0, Peer(j))
				if j < seeds {
					node.rx.Have(Peer(j), 0, s.nodes[j].dealer.Holds().Bytes())
				}
			}
		}
	}
	return s
}

// run returns when the last of the nodes that count is done.
func (s *sim) run(count func(*simNode) bool) time.Duration {
	for _, n := range s.nodes {
		s.plan(n)
		s.tick(n)
	}
	left := 0
	for _, n := range s.nodes {
		if n.rx != nil && count(n) {
			left++
		}
	}
	for s.events.Len() > 0 && s.now < time.Hour {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
		if s.news != nil && count(s.news) {
			if left--; left == 0 {
				return s.now
			}
		}
		s.news = nil
	}
	return 0
}

func (s *sim) tick(n *simNode) {
	if n.rx == nil || n.done > 0 {
		return
	}
	s.plan(n)
	s.after(100*time.Millisecond, func() { s.tick(n) })
}

// plan carries n's wishes to the others.
func (s *sim) plan(n *simNode) {
	if n.rx == nil {
		return
	}
	for _, a := range n.rx.Plan(s.now) {
		to := s.nodes[a.Peer]
		s.after(s.latency, func() {
			switch a.Kind {
			case Request:
				if !to.dealer.Request(Asker(n.id), a.Chunk) {
					panic("asked for what is not there")
				}
			case Withdraw:
				to.dealer.Withdraw(Asker(n.id), a.Chunk)
			case Deal:
				to.dealer.Deal(Asker(n.id), a.N, a.Lane, a.Lanes)
			case Drop:
				panic("dropped")
			}
			s.bind(to, n.id)
			s.send(to)
		})
	}
}

// bind fills the connection from n to peer with chunks.
func (s *sim) bind(n *simNode, peer int) {
	for len(n.queue[peer]) < s.bound {
		c, ok, dry := n.dealer.Next(Asker(peer))
		if dry {
			s.after(s.latency, func() {
				s.nodes[peer].rx.NothingFresh(s.now, Peer(n.id))
				s.plan(s.nodes[peer])
			})
		}
		if !ok {
			return
		}
		n.queue[peer] = append(n.queue[peer], c)
	}
}

// send puts the next connection's chunk on n's uplink.
func (s *sim) send(n *simNode) {
	if n.busy {
		return
	}
	for range s.nodes {
		n.turn = (n.turn + 1) % len(s.nodes)
		if len(n.queue[n.turn]) > 0 {
			break
		}
	}
	peer := n.turn
	if len(n.queue[peer]) == 0 {
		return
	}
	c := n.queue[peer][0]
	n.queue[peer] = n.queue[peer][1:]
	n.busy = true
	n.sent++
	s.after(n.up, func() {
		n.busy = false
		s.bind(n, peer)
		s.send(n)
		to := s.nodes[peer]
		to.free = max(to.free+to.down, s.now+s.latency)
		s.after(to.free-s.now, func() { s.arrive(n, to, c) })
	})
}

func (s *sim) arrive(from, to *simNode, c int) {
	if !to.rx.Lacks(c) {
		to.twice++
	}
	delay := s.latency
	if !to.rx.Fresh(c) {
		delay += lazyNews
	}
	to.rx.Arrived(s.now, Peer(from.id), c)
	to.dealer.Own(c)
	if to.rx.Missing() == 0 && to.done == 0 {
		to.done = s.now
		s.news = to
	}
	s.plan(to)
	first, marks := c&^7, []byte{1 << (c & 7)}
	for _, other := range s.nodes {
		if other == to || other == from {
			continue
		}
		s.after(delay, func() {
			other.dealer.Have(Asker(to.id), c)
			if other.rx != nil {
				other.rx.Have(Peer(to.id), first, marks)
				s.plan(other)
			}
		})
	}
}

func TestSwarmComesCloseToTheBound(t *testing.T) {
	for _, latency := range []time.Duration{time.Millisecond, 20 * time.Millisecond} {
		for _, k := range []int{256, 1024} {
			for _, receivers := range []int{2, 4, 8, 16, 32} {
				if k*receivers > 256*32 { // long, and nothing new
					continue
				}
				s := newSim(1, receivers, k, latency)
				took := s.run(func(*simNode) bool { return true })
				bound := time.Duration(k) * slot
				twice := 0
				for _, n := range s.nodes {
					twice += n.twice
				}
				ratio := float64(took) / float64(bound)
				seed := float64(s.nodes[0].sent) / float64(k)
				t.Logf("latency %4s k %4d N %2d: time/bound %.3f, seed uploads %.2f, twice %d", latency, k, receivers, ratio, seed, twice)
				// The dealt schedule takes (k + N) / k; news and the start take latency.
				most := min(1.3, float64(k+receivers)/float64(k)+0.1)
				if ratio > most || took == 0 {
					t.Errorf("k %d, N %d, latency %s: time/bound is %.2f, want at most %.2f", k, receivers, latency, ratio, most)
				}
			}
		}
	}
}

func TestSixtyFourReceiversShareASmallFile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	const k, n = 256, 64
	s := newSim(1, n, k, time.Millisecond)
	took := s.run(func(*simNode) bool { return true })
	ratio := float64(took) / float64(k*slot)
	t.Logf("time/bound %.3f, seed uploads %.2f", ratio, float64(s.nodes[0].sent)/k)
	if took == 0 || ratio > 1.3 {
		t.Errorf("time/bound is %.2f, want at most 1.3", ratio)
	}
}

func TestSlowReceiverDoesNotHoldTheOthersUp(t *testing.T) {
	s := newSim(1, 4, 1024, 10*time.Millisecond)
	slow := s.nodes[4]
	slow.up, slow.down = 20*slot, 20*slot
	took := s.run(func(n *simNode) bool { return n != slow })
	ratio := float64(took) / float64(1024*slot)
	t.Logf("time/bound of the others %.3f, seed uploads %.2f", ratio, float64(s.nodes[0].sent)/1024)
	if took == 0 || ratio > 1.15 {
		t.Errorf("time/bound is %.2f, want at most 1.15", ratio)
	}
}

func TestSeveralSeedsShareTheWork(t *testing.T) {
	for receivers, bound := range map[int]time.Duration{1: 1024 * slot / 4, 3: 1024 * slot * 3 / 7} {
		s := newSim(4, receivers, 1024, 10*time.Millisecond)
		for _, n := range s.nodes[4:] {
			n.down = slot / 4
		}
		took := s.run(func(*simNode) bool { return true })
		ratio := float64(took) / float64(bound)
		t.Run(fmt.Sprint(receivers), func(t *testing.T) {
			t.Logf("time/bound %.3f, twice %d", ratio, s.nodes[4].twice)
			if took == 0 || ratio > 1.2 {
				t.Errorf("time/bound is %.2f, want at most 1.2", ratio)
			}
		})
	}
}
