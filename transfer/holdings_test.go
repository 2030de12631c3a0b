package transfer

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// knowing runs a Holdings of n, and counts how often it says that more is known.
func knowing(t *testing.T, n *node) (*Holdings, *atomic.Int64) {
	var told atomic.Int64
	h := NewHoldings(n.engine, func() { told.Add(1) })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h, &told
}

// nodesOf tells rows as node:size.
func nodesOf(rows []Holding) string {
	text := ""
	for _, r := range rows {
		text += fmt.Sprintf(" %s:%d", r.Node, r.Meta.Size)
	}
	return text
}

func TestHoldingsAreKnownByTheirVersionsWithoutAWait(t *testing.T) {
	fab := newFabric(t)
	fab.add("kn1", "").put("image", random(1, 1000))
	fab.add("kn2", "").put("image", random(2, 2000))
	fab.add("kn3", "").put("image", random(1, 1000))
	fab.add("kn4", "").put("images/other", random(3, 10))
	n := fab.add("kn5", "")
	n.put("image", random(4, 3000))
	h, told := knowing(t, n)
	if rows, soon := h.Known("image"); len(rows) != 0 || !soon {
		t.Errorf("at first %v, %v: want nothing that is known, and more soon", rows, soon)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	rows := h.Ask(ctx, "image")
	versions := map[wire.Version]string{}
	for _, r := range rows {
		versions[r.Version] += nodesOf([]Holding{r})
	}
	want := map[string]bool{" kn1:1000 kn3:1000": true, " kn2:2000": true, " kn5:3000": true}
	for v, who := range versions {
		if v.IsZero() || !want[who] {
			t.Errorf("%s is held by%s", v.Short(), who)
		}
	}
	if again, soon := h.Known("image"); len(versions) != 3 || soon || len(again) != 4 || told.Load() == 0 {
		t.Errorf("%d versions, then %d rows, more soon: %v, told %d times; want 3, 4, none and some", len(versions), len(again), soon, told.Load())
	}
	if rows := h.Ask(ctx, "nothing"); len(rows) != 0 {
		t.Errorf("of a name that nobody has: %v", rows)
	}
}

func TestANodeThatIsSilentKeepsNoHoldingsBack(t *testing.T) {
	fab := newFabric(t)
	fab.add("kn1", "").put("image", random(1, 1000))
	mute := fab.add("kn2", "")
	mute.put("image", random(2, 2000))
	fab.mu.Lock()
	mute.mute = true
	fab.mu.Unlock()
	h, _ := knowing(t, fab.add("kn3", ""))
	for end := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		got := nodesOf(h.Ask(ctx, "image"))
		cancel()
		if got == " kn1:1000" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("known: %q, want what the other node has", got)
		}
	}
}

func TestWhatIsKnownOfManyNamesIsBounded(t *testing.T) {
	fab := newFabric(t)
	h, _ := knowing(t, fab.add("kn1", ""))
	for i := range 3 * heldNames {
		h.Ask(t.Context(), wire.FileName(fmt.Sprint("name", i)))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.held) > heldNames {
		t.Errorf("%d names are kept, want at most %d", len(h.held), heldNames)
	}
}
