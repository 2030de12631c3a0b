package transfer

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// idles fails the test unless all transfers of n end soon.
func (n *node) idles(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := n.engine.Idle(ctx); err != nil {
		t.Fatalf("%+v goes on: %v", n.engine.Status(), err)
	}
}

// lent reports whether a turn is held and lent to others.
func (q *queue) lent() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.held) == 1 && q.free == largeAtOnce
}

// givesUp fails the test unless j is given up soon.
func (n *node) givesUp(t *testing.T, j *Job) {
	t.Helper()
	select {
	case <-j.Done():
	case <-time.After(10 * time.Second):
		t.Fatalf("%s goes on, as %+v", j.what, n.engine.Status())
	}
	if !errors.Is(j.Err(), ErrCanceled) {
		t.Errorf("%s ended with %v", j.what, j.Err())
	}
}

func TestDeleteEndsATransferThatIsAboutToBegin(t *testing.T) {
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.putHashed(t, "image", random(1, 1<<20))
	must(t, a.engine.SetLimit(MinLimit))
	for i := range 200 {
		j := b.get("image")
		for start := time.Now(); time.Since(start) < time.Duration(i)*2*time.Microsecond; {
		}
		must(t, b.engine.Delete("image"))
		b.givesUp(t, j)
	}
	b.nothingLeft(t)
}

func TestDeleteEndsAllThatAnEarlierProcessLeft(t *testing.T) {
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.putHashed(t, "image", random(1, 1<<20))
	m, err := a.store.Manifest(t.Context(), "image")
	must(t, err)
	for range 20 {
		b.stop()
		st, err := store.Open(b.dir, slog.New(slog.DiscardHandler))
		must(t, err)
		for i := range 30 {
			p, err := st.Create(wire.FileName(name(i)), wire.Meta{Mode: 0o644}, m)
			must(t, err)
			must(t, p.WriteChunk(0, random(1, m.Len(0))))
			must(t, p.Close())
		}
		must(t, st.Close())
		b = fab.add("kn2", b.dir)
		must(t, b.engine.Delete("*")) // while it looks what there is
		b.idles(t)
	}
	b.nothingLeft(t)
}

func TestDeleteEndsTheSearchForTheSourceOfADraft(t *testing.T) {
	h := newSlowHash()
	d := h.begin(t, 60)
	d.b.stop()
	d.a.stop()
	b := d.fab.add("kn2", d.b.dir)
	await(t, func() bool { return b.engine.large.lent() })
	must(t, b.engine.Delete("image"))
	b.idles(t)
	b.nothingLeft(t)
}
