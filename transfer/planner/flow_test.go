package planner

import (
	"testing"
	"time"
)

// crowd returns the receiver of a content of 1,000 chunks, and fellows that all hold
// 999 of them.
func crowd(fellows int) *Receiver {
	const chunks = 1000
	r := New(chunks, 64)
	have := NewBitset(chunks)
	for c := range chunks - 1 {
		have.Add(c)
	}
	for id := range fellows {
		r.Join(0, Peer(id))
		r.Have(Peer(id), 0, have.Bytes())
	}
	return r
}

// asked returns who is asked for chunks by actions, and for how many.
func asked(actions []Action) map[Peer]int {
	n := map[Peer]int{}
	for _, a := range actions {
		if a.Kind == Request {
			n[a.Peer]++
		}
	}
	return n
}

func TestManyFellowsAreNotAskedForAllAtOnce(t *testing.T) {
	r := crowd(40)
	first := asked(r.Plan(0))
	if len(first) != leastAsked {
		t.Errorf("%d of 40 fellows are asked for something, want %d, for a chunk each", len(first), leastAsked)
	}
	if again := asked(r.Plan(100 * time.Millisecond)); len(again) > 0 {
		t.Errorf("while nothing has come %d more are asked", len(again))
	}
	second := asked(r.Plan(responseHigh + time.Millisecond))
	if len(second) == 0 {
		t.Error("nobody is asked in place of those that are silent")
	}
}

func TestWhoAnswersSoonestIsAskedFirst(t *testing.T) {
	r := crowd(2)
	for id := range Peer(2) {
		r.peers[id].took = time.Second >> id
		r.peers[id].depth = minDepth
	}
	if a := r.Plan(0); len(a) == 0 || a[0].Kind != Request || a[0].Peer != 1 {
		t.Errorf("the first thing to do is %+v, want a request to 1, which takes half as long as 0", a)
	}
}

// What is late at the end all ask of somebody else, and the seed is one for all.
func TestWhatIsLateAtTheEndIsAskedOfAFellowBeforeTheSeed(t *testing.T) {
	const chunks, seed, first, second = 4, Peer(0), Peer(1), Peer(2)
	for _, test := range []struct {
		name    string
		fellows []Peer
		want    Peer
	}{
		{"another fellow has it", []Peer{first, second}, second},
		{"no other fellow has it", []Peer{first}, seed},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := New(chunks, 64)
			r.Join(0, seed)
			r.Have(seed, 0, []byte{1<<chunks - 1})
			r.NothingFresh(0, seed)
			for c := 1; c < chunks; c++ {
				r.Got(c)
			}
			r.Join(0, first)
			r.Have(first, 0, []byte{1})
			if got := asked(r.Plan(0)); got[first] != 1 || len(got) != 1 {
				t.Fatalf("asked first are %v, want only %d", got, first)
			}
			for _, id := range test.fellows[1:] {
				r.Join(0, id)
				r.Have(id, 0, []byte{1})
			}
			if got := asked(r.Plan(responseHigh)); got[test.want] != 1 || len(got) != 1 {
				t.Errorf("asked besides are %v, want only %d", got, test.want)
			}
		})
	}
}

func TestHowLongOneIsWaitedForAtTheEndFollowsHowLongChunksTake(t *testing.T) {
	const usual = 100 * time.Millisecond
	r := New(2, 64)
	r.Got(1)
	r.flow = flow{every: time.Millisecond, usual: usual}
	for id := range Peer(2) {
		r.Join(0, id)
		r.Have(id, 0, []byte{1})
	}
	r.Plan(0)
	for _, at := range []struct {
		now    time.Duration
		second int
	}{{3*usual/2 - 1, 0}, {3 * usual / 2, 1}} {
		if got := asked(r.Plan(at.now)); len(got) != at.second {
			t.Errorf("after %v %d are asked besides, want %d", at.now, len(got), at.second)
		}
	}
}

func TestWhatASlowOneOwesIsAskedOfAQuickOneThatHasItByNow(t *testing.T) {
	r := New(endgame+3, 64)
	r.Join(0, 0)
	r.Join(0, 1)
	r.Have(0, 0, []byte{3})
	if n := asked(r.Plan(0)); n[0] != 2 {
		t.Fatalf("%v are asked, want the only holder, for both chunks", n)
	}
	r.peers[0].took = 3 * responseHigh
	r.Have(1, 0, []byte{1})
	if a := r.Plan(2 * responseHigh); len(a) > 0 {
		t.Errorf("before that is late: %+v", a)
	}
	r.peers[0].last = 2 * responseHigh // it sends to others, or something else
	a := r.Plan(2*responseHigh + 1)
	if len(a) != 2 || a[0] != (Action{Kind: Withdraw, Peer: 0, Chunk: 0}) || a[1] != (Action{Kind: Request, Peer: 1, Chunk: 0}) {
		t.Errorf("then: %+v, want chunk 0 withdrawn from the slow one and asked of the other, and chunk 1 left", a)
	}
}

func TestASlowFellowIsAskedForWhatNobodyElseHas(t *testing.T) {
	r := New(5, 64)
	r.Join(0, 0)
	r.Join(0, 1)
	r.Have(0, 0, []byte{0b01101})
	r.Have(1, 0, []byte{0b01110})
	r.peers[0].took = 3 * responseHigh
	for _, a := range r.Plan(0) {
		if a.Kind != Request || (a.Peer == 0) != (a.Chunk == 0) {
			t.Errorf("%+v is to be done, want chunk 0 asked of the slow one, all others of the quick one", a)
		}
	}
	if n := len(r.asked); n != 4 {
		t.Errorf("%d chunks are asked for, want 4", n)
	}
}

// oneAsked returns a receiver that has asked peer 0 for chunk 0, which peer 1 has by now.
func oneAsked() *Receiver {
	r := New(endgame+3, 64)
	r.Join(0, 0)
	r.Join(0, 1)
	r.Have(0, 0, []byte{1})
	r.Plan(0)
	r.Have(1, 0, []byte{1})
	return r
}

func TestWhoIsSlowAndWhoIsSilentDependsOnHowLongOthersTake(t *testing.T) {
	for usual, patience := range map[time.Duration]time.Duration{0: Stall, time.Second: Stall, 4 * time.Second: 8 * time.Second, time.Minute: 12 * time.Second} {
		r := oneAsked()
		r.flow.came(0, usual, 0)
		r.peers[0].took = max(usual, responseHigh) + 1
		if a := r.Plan(patience - 1); len(a) > 0 {
			t.Errorf("usual is %v, and after %v: %+v", usual, patience-1, a)
		}
		a := r.Plan(patience)
		if len(a) != 2 || a[0] != (Action{Kind: Withdraw, Peer: 0, Chunk: 0}) || a[1] != (Action{Kind: Request, Peer: 1, Chunk: 0}) {
			t.Errorf("usual is %v, and after %v: %+v, want the chunk withdrawn from the silent one and asked of the other", usual, patience, a)
		}
	}
}

func TestWhatComesAfterItWasTakenBackTellsHowLongOthersTake(t *testing.T) {
	r := oneAsked()
	if a := r.Plan(Stall); len(a) != 2 || a[0].Kind != Withdraw {
		t.Fatalf("after %v: %+v, want the chunk withdrawn and asked of the other", Stall, a)
	}
	const took = Stall + time.Second
	r.Arrived(took, 0, 0)
	if r.flow.usual != took {
		t.Errorf("usual is %v, where all there was took %v", r.flow.usual, took)
	}
}

func TestALongFastWayHasMoreOnIt(t *testing.T) {
	r := crowd(40)
	const way = 200 * time.Millisecond
	now := time.Duration(0)
	coming := r.Plan(now)
	for round := range 4 { // all that was asked for comes in one way's time
		var next []Action
		for i, a := range coming {
			now = time.Duration(round+1)*way + time.Duration(i)*time.Millisecond
			r.Arrived(now, a.Peer, a.Chunk)
			next = append(next, r.Plan(now)...)
		}
		coming = next
	}
	if want := int(ways * way / time.Millisecond); r.flow.most() < want/2 || r.flow.most() > 2*want {
		t.Errorf("%d chunks may be asked for at a time, want about %d: one comes each millisecond and takes %v", r.flow.most(), want, way)
	}
}
