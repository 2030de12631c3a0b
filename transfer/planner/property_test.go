package planner

import (
	"flag"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "3000"); err != nil { // what goes wrong here is rare; the command line still overrides it
		panic(err)
	}
	os.Exit(m.Run())
}

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
	over  map[Peer]int  // chunks that crossed their withdrawal and so were taken for dealt
	mute  map[Peer]bool // takes requests and never answers
	liar  map[Peer]bool // sends wrong bytes
}

func (w *world) join(p Peer) {
	if w.here[p] || w.liar[p] {
		return
	}
	w.here[p] = true
	w.asked[p], w.deals[p], w.over[p] = map[int]bool{}, 0, 0
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
		if p := a.Peer; w.here[p] && len(w.asked[p])+w.deals[p] > 16+w.over[p] {
			w.t.Fatalf("%d chunks are asked of peer %d, at most 16 and %d that crossed", len(w.asked[p])+w.deals[p], p, w.over[p])
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
			if !w.r.Lacks(c) && w.deals[p] > 0 {
				w.over[p]++
			}
			w.deliver(p, c)
			return
		}
	}
	if w.deals[p] == 0 {
		return
	}
	for c := range w.n {
		if w.r.Lacks(c) && c%3 != int(w.now/time.Millisecond)%3 {
			if w.deals[p]--; w.deals[p] == 0 {
				w.over[p] = 0
			}
			w.deliver(p, c)
			return
		}
	}
	w.deals[p], w.over[p] = 0, 0
	w.r.NothingFresh(w.now, p)
}

func (w *world) deliver(p Peer, c int) {
	if w.liar[p] {
		w.r.Bad(p)
		return
	}
	w.r.Arrived(w.now, p, c)
}

// draw makes a world of up to six peers. Where one is to be honest, peer 0 holds
// all, never lies, stalls or leaves.
func draw(t *rapid.T, honest bool) *world {
	n := rapid.IntRange(1, 150).Draw(t, "chunks")
	w := &world{t: t, r: New(n, 16), n: n, here: map[Peer]bool{}, holds: map[Peer]*Bitset{},
		asked: map[Peer]map[int]bool{}, deals: map[Peer]int{}, over: map[Peer]int{}, mute: map[Peer]bool{}, liar: map[Peer]bool{}}
	liars := map[Peer]bool{}
	for p := range Peer(rapid.IntRange(1, 6).Draw(t, "peers")) {
		w.holds[p] = NewBitset(n)
		if honest && p == 0 || rapid.Bool().Draw(t, "complete") {
			w.holds[p].Fill()
		} else {
			for c := range n {
				if rapid.Bool().Draw(t, "has") {
					w.holds[p].Add(c)
				}
			}
		}
		liars[p] = !(honest && p == 0) && rapid.IntRange(0, 3).Draw(t, "lies") == 0
		w.join(p)
	}
	w.liar = liars // none is known as one before it has lied
	return w
}

// disturb lets peers leave, come back, fall silent, lose chunks and answer.
func (w *world) disturb(steady Peer) {
	for range rapid.IntRange(0, 60).Draw(w.t, "events") {
		w.now += time.Duration(rapid.IntRange(0, 1500).Draw(w.t, "ms")) * time.Millisecond
		p := Peer(rapid.IntRange(0, len(w.holds)-1).Draw(w.t, "peer"))
		switch rapid.IntRange(0, 5).Draw(w.t, "event") {
		case 0:
			if p != steady {
				w.leave(p)
			}
		case 1:
			w.join(p)
		case 2:
			w.mute[p] = p != steady && !w.mute[p]
		case 3:
			if c := rapid.IntRange(0, w.n-1).Draw(w.t, "chunk"); p != steady && w.here[p] {
				w.holds[p].Remove(c)
				delete(w.asked[p], c)
				w.r.Refused(p, c)
			}
		default:
			w.answer(p)
		}
		w.plan()
	}
}

// settle lets all who are there answer until over says that it is enough; it
// reports whether that came.
func (w *world) settle(over func() bool) bool {
	for range 20000 {
		if over() {
			return true
		}
		w.now += 100 * time.Millisecond
		w.plan()
		for p := range Peer(len(w.holds)) {
			w.answer(p)
		}
	}
	return over()
}

func TestReceiverAlwaysEndsWhenOneHonestPeerStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t, true)
		w.disturb(0)
		if !w.settle(func() bool { return w.r.Missing() == 0 }) {
			t.Fatalf("%d chunks never came", w.r.Missing())
		}
	})
}

// had reports whether some peer that is there holds a chunk that is missing.
func (w *world) had() bool {
	for p := range w.here {
		for c := range w.n {
			if w.r.Lacks(c) && w.holds[p].Has(c) {
				return true
			}
		}
	}
	return false
}

func TestReceiverEndsCompleteOrIdleForWantOfAHolder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t, false)
		w.disturb(-1)
		clear(w.mute)
		over := func() bool { return w.r.Missing() == 0 || w.r.Idle() && !w.had() }
		if !w.settle(over) {
			t.Fatalf("%d chunks are missing, idle is %t, somebody has some of them: %t", w.r.Missing(), w.r.Idle(), w.had())
		}
	})
}
