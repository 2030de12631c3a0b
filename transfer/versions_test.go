package transfer

import (
	"context"
	"iter"
	"sync"
	"testing"

	"minimega/mesh/wire"
)

// together is a mesh in which nobody tells versions before all have been asked
// for theirs.
type together struct {
	fakeMesh
	asked *sync.WaitGroup
}

func (m together) Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply] {
	if method == wire.MethodVersions {
		m.asked.Done()
		all := make(chan struct{})
		go func() { m.asked.Wait(); close(all) }()
		select {
		case <-all:
		case <-ctx.Done():
		}
	}
	return m.fakeMesh.Call(ctx, to, method, body)
}

func TestHoldersOfOneNameHashItAtTheSameTime(t *testing.T) {
	fab := newFabric(t)
	data := random(1, 1<<20)
	for _, name := range []string{"kn1", "kn2", "kn3"} {
		fab.add(name, "").put("image", data)
	}
	asked := &sync.WaitGroup{}
	asked.Add(3)
	n := fab.add("kn4", "", func(e *Engine) { e.cfg.Mesh = together{e.cfg.Mesh.(fakeMesh), asked} })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	items, _, err := n.engine.resolve(ctx, "image", Pick{})
	if err != nil || len(items) != 1 || len(items[0].holders) != 3 {
		t.Errorf("found %+v (%v), want one file that three hold", items, err)
	}
}

func TestAVersionFindsItsOnlyHolderThoughItNeverHashedIt(t *testing.T) {
	fab := newFabric(t)
	data := random(1, 1<<20)
	fab.add("kn1", "").put("image", data)
	elsewhere := newFabric(t).add("kn9", "")
	elsewhere.put("image", data)
	m, err := elsewhere.store.Manifest(t.Context(), "image")
	if err != nil {
		t.Fatal(err)
	}
	n := fab.add("kn2", "")
	items, _, err := n.engine.resolve(t.Context(), "image", Pick{Version: m.Version().Short()})
	if err != nil || len(items) != 1 || items[0].version != m.Version() {
		t.Errorf("found %+v (%v), want the version of kn1", items, err)
	}
}
