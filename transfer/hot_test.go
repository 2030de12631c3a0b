package transfer

import (
	"testing"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// blankDraft is a draft of n chunks.
func blankDraft(t *testing.T, n int) *content {
	t.Helper()
	m, err := store.NewDraft(int64(n)*wire.MinChunkSize, wire.MinChunkSize)
	if err != nil {
		t.Fatal(err)
	}
	return newContent(newDraftID(), "f", wire.Meta{}, m, nil)
}

// hotDraft is a draft of n chunks whose hashing lends each in order, and a topic
// that may be dealt all of them.
func hotDraft(t *testing.T, n int) (*content, *served) {
	t.Helper()
	c := blankDraft(t, n)
	c.origin = true
	c.dealer.Grow(true)
	c.hashesWith(&countHasher{n: n})
	topic := &served{}
	c.join(topic, func([]byte) {})
	c.dealer.Deal(topic.asker, n, 0, 1)
	return c, topic
}

// countHasher hashes n chunks, of which each begins with its number.
type countHasher struct{ n, next, later int }

func (h *countHasher) HashNext(buf []byte) (int, []byte, bool) {
	i := h.next
	h.next++
	buf = buf[:wire.MinChunkSize]
	buf[0] = byte(i)
	return i, buf, i < h.n
}

func (h *countHasher) HashLater() { h.later++ }

// tell tells the hashes of the next n chunks, which are no chunk's of zeros.
func tell(c *content, n int) {
	sums := make([]byte, n*wire.HashSize)
	for i := range sums {
		sums[i] = 1
	}
	delete(c.topics, 1) // nobody listens
	c.named(c.known, sums)
}

func TestWhatWasHashedToBeSentIsNotReadAgain(t *testing.T) {
	c, topic := hotDraft(t, 3)
	var from buffers
	for c.hashOne(&from) {
	}
	tell(c, 3)
	for want := range 3 {
		i, ok, _ := c.dealer.Next(0, topic.asker)
		if !ok || i != want {
			t.Fatalf("chunk %d is dealt, want %d", i, want)
		}
		if buf := c.takeHot(i); buf == nil || buf.behind(0, 1)[0] != byte(i) {
			t.Errorf("chunk %d does not lie in memory", i)
		}
		if c.takeHot(i) != nil {
			t.Errorf("chunk %d lies in memory after it was taken", i)
		}
	}
}

func TestFewChunksLieHotAtATime(t *testing.T) {
	c, topic := hotDraft(t, 100)
	var from buffers
	hashed := func() (n int) {
		for c.hashOne(&from) {
			n++
		}
		return n
	}
	if n := hashed(); n != maxHot {
		t.Errorf("%d chunks were hashed ahead, want %d", n, maxHot)
	}
	if n := hashed(); n != 0 {
		t.Errorf("%d more were hashed before any was sent", n)
	}
	tell(c, maxHot)
	c.takeHot(0)
	if n := hashed(); n != 1 {
		t.Errorf("%d chunks were hashed after one was sent, want 1", n)
	}
	c.dealer.Have(0, topic.asker, 1) // it came from elsewhere
	c.dealer.Have(0, topic.asker, 2)
	if n := hashed(); n != 2 {
		t.Errorf("%d chunks were hashed after two were needless, want 2", n)
	}
}

// gatedHasher hashes a chunk for each token.
type gatedHasher struct {
	countHasher
	tokens chan struct{}
}

func (h *gatedHasher) HashNext(buf []byte) (int, []byte, bool) {
	<-h.tokens
	return h.countHasher.HashNext(buf)
}

func TestOneChunkIsHashedWhileAnotherIsSent(t *testing.T) {
	c, _ := hotDraft(t, 100)
	h := &gatedHasher{countHasher{n: 100}, make(chan struct{}, 2)}
	c.hashesWith(h)
	e := &Engine{ctx: t.Context()}
	done := make(chan struct{}, 2)
	ahead := func() { c.hashAhead(e, func() { done <- struct{}{} }) }
	ahead()
	ahead() // the first is still under way
	h.tokens <- struct{}{}
	h.tokens <- struct{}{}
	<-done
	e.tasks.Wait()
	if h.next != 1 || len(done) > 0 {
		t.Fatalf("%d chunks were hashed at a time, want 1", h.next)
	}
	ahead()
	<-done
	e.tasks.Wait()
	for want := range 2 {
		if buf := c.takeHot(want); buf == nil || buf.behind(0, 1)[0] != byte(want) {
			t.Errorf("chunk %d does not lie in memory", want)
		}
	}
	e.closed = true
	if ahead(); c.hot.ahead {
		t.Error("an engine that has ended is waited for")
	}
}

// Who names a draft's version has the engine's lock and then takes the content's.
func TestHashingAheadHoldsNothingTheEngineWaitsFor(t *testing.T) {
	c, _ := hotDraft(t, 100)
	e := &Engine{ctx: t.Context()}
	e.mu.Lock()
	done := make(chan struct{})
	go c.hashAhead(e, func() { close(done) })
	await(t, func() bool {
		if !c.mu.TryLock() {
			return false
		}
		defer c.mu.Unlock()
		return c.hot.ahead
	})
	e.mu.Unlock()
	<-done
	e.tasks.Wait()
}

func TestNobodyHoldsUpAVersionThatIsWaitedFor(t *testing.T) {
	c, topic := hotDraft(t, 100)
	var from buffers
	hasher := c.hot.from.(*countHasher)
	if !c.hashOne(&from) {
		t.Fatal("nothing is hashed ahead")
	}
	tell(c, 2)
	c.dealer.Have(0, topic.asker, 1)
	if c.takeHot(1); hasher.later != 1 {
		t.Errorf("the hashing was put off %d times, want once", hasher.later)
	}
	c.hashAlone()
	if c.takeHot(1); hasher.later != 1 {
		t.Error("the hashing is put off after somebody waits for its end")
	}
	if c.hashOne(&from) {
		t.Error("a chunk is hashed in its place after somebody waits for its end")
	}
	if c.takeHot(0) == nil {
		t.Error("what was hashed before does not lie in memory any more")
	}
}

// stuckHasher hashes nothing until it is closed, and nothing then.
type stuckHasher chan struct{}

func (h stuckHasher) HashNext([]byte) (int, []byte, bool) {
	<-h
	return 0, nil, false
}

func (h stuckHasher) HashLater() {}

func TestWhoAsksForAVersionHurriesTheDraft(t *testing.T) {
	t.Parallel()
	h := newSlowHash()
	d := h.begin(t, 20)
	e := d.a.engine
	e.mu.Lock()
	c := e.drafts["image"].c
	e.mu.Unlock()
	stuck := make(stuckHasher)
	c.mu.Lock()
	c.hot.from = stuck
	c.mu.Unlock()
	if got := e.versions(t.Context(), e.cfg.Mesh.Self().ID, []wire.FileName{"image"}); len(got) != 1 || got[0].IsZero() {
		t.Errorf("the versions are %v, want one", got)
	}
	c.mu.Lock()
	if c.hot.from != nil {
		t.Error("receivers may still hold up the hashing")
	}
	c.mu.Unlock()
	close(stuck)
	h.rest()
	d.b.wait(d.j)
	d.b.has("image", d.data)
}
