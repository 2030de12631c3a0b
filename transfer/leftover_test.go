package transfer

import (
	"errors"
	"path/filepath"
	"testing"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// idleQueue gives turns only to what somebody waits for.
func idleQueue(e *Engine) { e.large = newQueue(0, urgentAtOnce) }

// urgent waits for a file as `file:` does.
func (n *node) urgent(t *testing.T, name string) *Job {
	t.Helper()
	j := n.get(name)
	j.Hurry()
	n.wait(j)
	return j
}

// nothingLeft fails the test where transfers have left anything.
func (n *node) nothingLeft(t *testing.T) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(n.dir, "transfer_*"))
	if err != nil || len(dirs) > 0 || len(n.engine.left) > 0 {
		t.Errorf("left are %v, %v, and %d to take up", dirs, err, len(n.engine.left))
	}
}

// hurryAll gives turns to all that waits, and awaits the end of it.
func (n *node) hurryAll(t *testing.T) {
	t.Helper()
	n.engine.mu.Lock()
	var jobs []*Job
	for j := range n.engine.jobs {
		jobs = append(jobs, j)
	}
	n.engine.mu.Unlock()
	for _, j := range jobs {
		j.Hurry()
		n.wait(j)
	}
}

// interrupted has 2 MiB of a file of 8 MiB from a, where a restart interrupts
// it. What was left waits for its turn.
func interrupted(t *testing.T) (data []byte, a, b *node) {
	t.Helper()
	fab := newFabric(t)
	data = random(1, 8<<20)
	a, b = fab.add("kn1", ""), fab.add("kn2", "")
	a.putHashed(t, "image", data)
	must(t, a.engine.SetLimit(4_000_000))
	j := b.get("image")
	await(t, func() bool { return j.Progress().BytesDone > 2<<20 })
	b.stop()
	must(t, a.engine.SetLimit(0))
	b = fab.add("kn2", b.dir, idleQueue)
	await(t, func() bool { return len(b.engine.Status()) == 1 })
	return data, a, b
}

// began gets n files at once, and at that rate when all have begun, until more
// than some bytes of each came. None can have come by then: it takes seconds to
// send one at the rate at which they begin, tens of milliseconds to begin.
func began(t *testing.T, seed, b *node, n int, rate, some int64) {
	t.Helper()
	must(t, seed.engine.SetLimit(1_000_000))
	var jobs []*Job
	for i := range n {
		j := b.get(name(i))
		j.Hurry()
		<-j.Begun()
		jobs = append(jobs, j)
	}
	must(t, seed.engine.SetLimit(rate))
	for _, j := range jobs {
		await(t, func() bool { return j.Progress().BytesDone > some })
	}
}

func TestWhatAnEarlierProcessLeftIsTakenUpByWhoWaitsForIt(t *testing.T) {
	t.Parallel()
	const n, size = largeAtOnce + 2, 8 << 20
	fab := newFabric(t)
	seed, b := fab.add("kn1", ""), fab.add("kn2", "")
	for i := range n {
		seed.put(name(i), random(uint64(i), size))
	}
	for i := range n {
		seed.awaitHashed(t, name(i))
	}
	began(t, seed, b, n, 4_000_000, 1<<20)
	b.stop()
	must(t, seed.engine.SetLimit(MinLimit)) // none of them ends before one of those that wait was found
	b = fab.add("kn2", b.dir)
	await(t, func() bool { return len(b.engine.Status()) == n })
	waits := ""
	for _, s := range b.engine.Status() {
		if s.Queued {
			waits = string(s.Name)
		}
	}
	if waits == "" {
		t.Fatal("none waits")
	}
	j := b.get(waits)
	j.Hurry()
	must(t, seed.engine.SetLimit(16_000_000))
	b.wait(j)
	must(t, seed.engine.SetLimit(0))
	must(t, b.engine.Idle(t.Context()))
	for i := range n {
		b.has(name(i), random(uint64(i), size))
	}
	for _, s := range b.engine.Ended() {
		if s.Reused < 1<<20 || s.Err != nil {
			t.Errorf("%s reused %d bytes: %v", s.Name, s.Reused, s.Err)
		}
	}
	left, err := filepath.Glob(filepath.Join(b.dir, "transfer_*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestDeleteRemovesWhatAnEarlierProcessLeft(t *testing.T) {
	t.Parallel()
	const n = largeAtOnce + 3
	seed, b, _ := crowd(t, n, 4<<20, 1_000_000)
	began(t, seed, b, n, 1_000_000, 0)
	b.stop()
	must(t, seed.engine.SetLimit(MinLimit)) // none of them ends
	b = b.fab.add("kn2", b.dir)
	await(t, func() bool {
		waiting, _ := queued(b.engine)
		return waiting > 0
	})
	must(t, b.engine.Delete("*"))
	must(t, b.engine.Idle(t.Context()))
	if left, err := filepath.Glob(filepath.Join(b.dir, "transfer_*")); err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestDraftThatWasLeftIsTakenUpByWhoWaitsForIt(t *testing.T) {
	t.Parallel()
	const before = 60 * wire.MinChunkSize
	h := newSlowHash()
	d := h.begin(t, 60)
	d.b.stop()
	sent := d.a.engine.uploaded.Load()
	b := d.fab.add("kn2", d.b.dir, idleQueue)
	await(t, func() bool { return len(b.engine.Status()) == 1 })
	j := b.get("image")
	j.Hurry()
	h.rest() // the origin was hashing still
	b.wait(j)
	b.has("image", d.data)
	if more := d.a.engine.uploaded.Load() - sent; more != int64(len(d.data)-before) {
		t.Errorf("%d bytes were sent after the restart, want %d", more, len(d.data)-before)
	}
	if row := b.engine.Ended()[0]; row.Reused != before {
		t.Errorf("%d bytes were reused, want %d", row.Reused, before)
	}
	b.hurryAll(t)
	b.nothingLeft(t)
}

func TestOfJobsThatWantOneFileTheOneThatFetchedItTellsItsEnd(t *testing.T) {
	t.Parallel()
	_, _, b := interrupted(t)
	b.urgent(t, "image")
	want := b.engine.Ended()[0]
	if want.Reused < 2<<20 || want.Peers != 1 {
		t.Errorf("it ended as %+v", want)
	}
	b.hurryAll(t)
	if got := b.engine.Ended(); len(got) != 1 || got[0] != want {
		t.Errorf("it ended as %+v, and now as %+v", want, got)
	}
	b.nothingLeft(t)
}

func TestWhatWasLeftOfAnotherVersionIsRemoved(t *testing.T) {
	t.Parallel()
	_, a, b := interrupted(t)
	data := random(2, 8<<20)
	a.put("image", data)
	b.urgent(t, "image")
	b.nothingLeft(t)
	b.hurryAll(t)
	b.has("image", data)
	if got := b.engine.Ended(); len(got) != 1 || got[0].Err != nil {
		t.Errorf("it ended as %+v", got)
	}
}

func TestDeleteOfWhatWasLeftAndWaitsRemovesIt(t *testing.T) {
	t.Parallel()
	_, _, b := interrupted(t)
	must(t, b.engine.Delete("image"))
	must(t, b.engine.Idle(t.Context()))
	b.nothingLeft(t)
	if got := b.engine.Ended(); len(got) != 1 || !errors.Is(got[0].Err, ErrCanceled) {
		t.Errorf("it ended as %+v", got)
	}
}

func TestWhatWasLeftStaysForTheNextProcess(t *testing.T) {
	t.Parallel()
	data, a, b := interrupted(t)
	b.stop()
	sent := a.engine.uploaded.Load()
	b = a.fab.add("kn2", b.dir)
	await(t, func() bool { return len(b.engine.Ended()) == 1 })
	must(t, b.engine.Idle(t.Context()))
	b.has("image", data)
	if more := a.engine.uploaded.Load() - sent; more > 6<<20 {
		t.Errorf("%d bytes were sent again", more)
	}
	b.nothingLeft(t)
}

func TestWhatIsFoundToBeLeftOfARunningTransferIsRemovedAtItsEnd(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	data := random(1, 4<<20)
	a.putHashed(t, "image", data)
	m, err := a.store.Manifest(t.Context(), "image")
	must(t, err)
	must(t, a.engine.SetLimit(MinLimit))
	j := b.get("image")
	await(t, func() bool { return b.engine.Status()[0].Dir != "" })
	var left []*store.Partial
	for range 2 {
		p, err := b.store.Create("image", wire.Meta{Mode: 0o644}, m)
		must(t, err)
		left = append(left, p)
	}
	b.engine.goOn(left)
	must(t, a.engine.SetLimit(0))
	b.wait(j)
	must(t, b.engine.Idle(t.Context()))
	b.has("image", data)
	b.nothingLeft(t)
}
