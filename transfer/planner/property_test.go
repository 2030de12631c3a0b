package planner

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world drives one receiver against peers that answer as the draw says.
type world struct {
	t     *rapid.T
	now   time.Duration
	r     *Receiver
	n     int
	here  map[Peer]bool
	holds map[Peer]*Bitset
	asked map[Peer]map[int]bool
	deals map[Peer]int
	mute  map[Peer]bool // takes requests and never answers
	liar  map[Peer]bool // sends wrong bytes
}

func (w *world) join(p Peer) {
	if w.here[p] || w.liar[p] {
		return
	}
	w.here[p] = true
	w.asked[p], w.deals[p] = map[int]bool{}, 0
	w.r.Join(w.now, p)
	w.r.Have(p, 0, w.holds[p].Bytes())
}

func (w *world) leave(p Peer) {
	delete(w.here, p)
	w.r.Leave(p)
}

// plan carries the actions out and checks each.
func (w *world) plan() {
	for _, a := range w.r.Plan(w.now) {
		if !w.here[a.Peer] && a.Kind != Drop {
			w.t.Fatalf("action %+v for a peer that is not there", a)
		}
		switch a.Kind {
		case Request:
			if !w.holds[a.Peer].Has(a.Chunk) || !w.r.Lacks(a.Chunk) || w.asked[a.Peer][a.Chunk] {
				w.t.Fatalf("request %+v is senseless", a)
			}
			w.asked[a.Peer][a.Chunk] = true
		case Withdraw:
			delete(w.asked[a.Peer], a.Chunk)
		case Deal:
			if !w.holds[a.Peer].Full() || a.N <= 0 || a.Lane >= a.Lanes {
				w.t.Fatalf("deal %+v is senseless", a)
			}
			w.deals[a.Peer] += a.N
		case Drop:
			w.leave(a.Peer)
		}
		if p := a.Peer; w.here[p] && len(w.asked[p])+w.deals[p] > 16 {
			w.t.Fatalf("%d chunks are asked of peer %d, at most 16", len(w.asked[p])+w.deals[p], p)
		}
	}
}

// answer lets a peer send one of the things that it was asked for.
func (w *world) answer(p Peer) {
	if !w.here[p] || w.mute[p] {
		return
	}
	for c := range w.n {
		if w.asked[p][c] {
			delete(w.asked[p], c)
			w.deliver(p, c)
			return
		}
	}
	if w.deals[p] == 0 {
		return
	}
	for c := range w.n {
		if w.r.Lacks(c) && c%3 != int(w.now/time.Millisecond)%3 {
			w.deals[p]--
			w.deliver(p, c)
			return
		}
	}
	w.deals[p] = 0
	w.r.NothingFresh(w.now, p)
}

func (w *world) deliver(p Peer, c int) {
	if w.liar[p] {
		w.r.Bad(p)
		return
	}
	w.r.Arrived(w.now, p, c)
}

func TestReceiverAlwaysEndsWhenOneHonestPeerStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 150).Draw(t, "chunks")
		w := &world{t: t, r: New(n, 16), n: n, here: map[Peer]bool{}, holds: map[Peer]*Bitset{},
			asked: map[Peer]map[int]bool{}, deals: map[Peer]int{}, mute: map[Peer]bool{}, liar: map[Peer]bool{}}
		peers := rapid.IntRange(1, 6).Draw(t, "peers")
		for p := range Peer(peers) {
			w.holds[p] = NewBitset(n)
			if p == 0 || rapid.Bool().Draw(t, "complete") {
				w.holds[p].Fill()
			} else {
				for c := range n {
					if rapid.Bool().Draw(t, "has") {
						w.holds[p].Add(c)
					}
				}
			}
			if p > 0 {
				w.liar[p] = rapid.IntRange(0, 3).Draw(t, "lies") == 0
				w.here[p] = false
			}
		}
		for p := range Peer(peers) {
			liar := w.liar[p]
			w.liar[p] = false
			w.join(p)
			w.liar[p] = liar
		}
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			w.now += time.Duration(rapid.IntRange(0, 1500).Draw(t, "ms")) * time.Millisecond
			p := Peer(rapid.IntRange(0, peers-1).Draw(t, "peer"))
			switch rapid.IntRange(0, 5).Draw(t, "event") {
			case 0:
				if p > 0 {
					w.leave(p)
				}
			case 1:
				w.join(p)
			case 2:
				w.mute[p] = p > 0 && !w.mute[p]
			case 3:
				if c := rapid.IntRange(0, n-1).Draw(t, "chunk"); p > 0 && w.here[p] {
					w.holds[p].Remove(c)
					delete(w.asked[p], c)
					w.r.Refused(p, c)
				}
			default:
				w.answer(p)
			}
			w.plan()
		}
		for range 40 * n * peers {
			if w.r.Missing() == 0 {
				return
			}
			w.now += 100 * time.Millisecond
			w.plan()
			for p := range Peer(peers) {
				w.answer(p)
			}
		}
		t.Fatalf("%d chunks never came", w.r.Missing())
	})
}
