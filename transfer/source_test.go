package transfer

import (
	"context"
	"fmt"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/planner"
	"minimega/transfer/store"
)

// usualLinks is how many links a fetch has that finds enough to ask for.
var usualLinks = planner.New(1, 1).Links(0, 1000)

func TestLinksBecomeMoreWithTimeOrProgress(t *testing.T) {
	const chunks = 4 * linkShares
	m := &store.Manifest{Size: chunks << 16, ChunkSize: 1 << 16, Hashes: make([]byte, chunks*wire.HashSize)}
	for _, c := range []struct {
		took time.Duration
		held int // chunks
		want int
	}{
		{0, 0, linksAtOnce},
		{linkPace - 1, 0, linksAtOnce},
		{3 * linkPace, 0, linksAtOnce + 3},
		{3 * linkPace, 4, linksAtOnce + 3}, // the more of both, not their sum
		{0, 40, linksAtOnce + 10},
		{0, chunks, usualLinks},
	} {
		f := &fetch{manifest: m, begun: time.Minute, sources: map[wire.NodeID]*source{}}
		for i := range byte(100) {
			f.sources[wire.NodeID{i}] = &source{}
		}
		if n := f.mostLinksLocked(time.Minute + c.took); n != linksAtOnce {
			t.Errorf("%d before it has begun", n)
		}
		f.rx = planner.New(chunks, 8)
		for i := range c.held {
			f.rx.Got(i)
		}
		if n := f.mostLinksLocked(time.Minute + c.took); n != c.want {
			t.Errorf("after %s with %d of %d chunks: %d, want %d", c.took, c.held, chunks, n, c.want)
		}
	}
}

// A fetch with many sources begins with few of them, and has all in the end.
func TestManySourcesAreNotAllTurnedToAtOnce(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	data := random(1, 32<<20)
	const sources = linksAtOnce + 4
	for i := range sources {
		n := fab.add(fmt.Sprintf("kn%d", i), "")
		n.put("image", data)
		n.wrap = throttle
	}
	to := fab.add("to", "")
	job := to.get("image")
	first, most := 0, 0
	await(t, func() bool {
		to.engine.mu.Lock()
		links, f := len(to.engine.links), to.engine.fetches["image"]
		to.engine.mu.Unlock()
		if f == nil {
			return most > 0
		}
		f.mu.Lock()
		may := f.mostLinksLocked(f.e.now())
		f.mu.Unlock()
		if links > may {
			t.Fatalf("%d links, where %d may be", links, may)
		}
		if first == 0 {
			first = links
		}
		most = max(most, links)
		return most == sources
	})
	if first > linksAtOnce || most != sources {
		t.Errorf("%d links at first and %d later, want at most %d and then %d", first, most, linksAtOnce, sources)
	}
	to.wait(job)
	to.has("image", data)
}

// What a draft is, only its origin tells: there is a link to it however many there are.
func TestADraftsOriginIsAlwaysLinkedTo(t *testing.T) {
	t.Parallel()
	f := newFabric(t).add("to", "").engine.newFetch("image", wire.Version{}, wire.Meta{})
	m, err := store.NewDraft(1<<20, 1<<16)
	must(t, err)
	f.draft, f.manifest, f.rx = wire.Version{1}, m, planner.New(m.Count(), 8)
	for i := range byte(100) {
		node := wire.Member{ID: wire.NodeID{i + 1}}
		f.sources[node.ID] = &source{f: f, node: node}
		if i < byte(usualLinks) {
			f.sources[node.ID].link = &link{}
		}
	}
	origin := f.sources[wire.NodeID{100}]
	f.origin = origin.node
	f.connect(t.Context())
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sources {
		if dialed := s.dialedAt > 0; dialed != (s == origin) {
			t.Errorf("source %v is dialed: %t", s.node.ID, dialed)
		}
	}
}

func TestWhoAnswersASearchIsASourceBeforeAllHaveAnswered(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	holder := fab.add("holder", "")
	holder.put("image", random(1, 1<<20))
	fab.add("silent", "").mute = true
	f := fab.add("to", "").engine.newFetch("image", wire.Version{}, wire.Meta{})
	f.searchNow = true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.search(ctx)
	state := func() (found, searching bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.sources[holder.self.ID] != nil, f.searching
	}
	await(t, func() bool { found, _ := state(); return found })
	if _, searching := state(); !searching {
		t.Error("the search has not waited for who is silent")
	}
	cancel()
	await(t, func() bool { _, searching := state(); return !searching })
}
