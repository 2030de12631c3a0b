package mesh

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"minimega/mesh/topology"
	"minimega/mesh/wire"
)

// patient are nodes that notice a silent one no sooner than in production.
func patient(c *Config) { c.tune.timing = topology.DefaultTiming() }

// square returns four nodes, a linked to b and c, and these to d, and whether d's
// handler of "count" has run.
func square(t *testing.T) (a, b, c, d *testNode, ran *atomic.Int32) {
	a, b, c, d = start(t, "a", patient), start(t, "b", patient), start(t, "c", patient), start(t, "d", patient)
	ran = new(atomic.Int32)
	all := []*testNode{a, b, c, d}
	for _, n := range all {
		n.SetDegree(0)
		n.add("count", func(context.Context, wire.Member, []byte) ([]byte, error) {
			if n == d {
				ran.Add(1)
			}
			return []byte(n.cfg.Name), nil
		})
	}
	for _, link := range [][2]*testNode{{a, b}, {a, c}, {b, d}, {c, d}} {
		if err := link[0].Dial(soon(t), link[1].addr()); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range all {
		n.await("a square", func() bool {
			links := n.Links()
			return len(links) == 4 && !slices.ContainsFunc(links, func(l Adjacency) bool { return len(l.Peers) != 2 })
		})
	}
	return a, b, c, d, ran
}

// relayTo returns which of two nodes a's way to d leads over.
func relayTo(a, d, one, other *testNode) *testNode {
	if a.nextHop(d.Self().ID).peer == one.Self().ID {
		return one
	}
	return other
}

func TestACallGoesAroundARelayThatNobodyMissesYet(t *testing.T) {
	for name, toAll := range map[string]bool{"to one": false, "to all": true} {
		t.Run(name, func(t *testing.T) {
			a, b, c, d, ran := square(t)
			relay := relayTo(a, d, b, c)
			relay.nets.freeze()
			to := ids(d)
			if toAll {
				to = ids(b, c, d)
			}
			ctx, cancel := context.WithTimeout(t.Context(), topology.DefaultTiming().Suspect-time.Second)
			defer cancel()
			for r := range a.Call(ctx, to, "count", nil) {
				if silent := r.From.ID == relay.Self().ID; silent != (r.Err != nil) {
					t.Errorf("%s, with %s frozen: %q, %v", r.From.Name, relay.cfg.Name, r.Body, r.Err)
				} else if r.From.ID == d.Self().ID && toAll {
					cancel()
				}
			}
			if n := ran.Load(); n != 1 {
				t.Errorf("the handler ran %d times", n)
			}
		})
	}
}

func TestTheSilentAreFirstAskedAgainOverTheUsualWayToo(t *testing.T) {
	a, b, c, d, _ := square(t)
	usual, other := b, c
	if relayTo(a, d, b, c) == c {
		usual, other = c, b
	}
	over := func(relays ...*testNode) (ways [][]wire.NodeID) {
		for _, r := range relays {
			ways = append(ways, []wire.NodeID{r.Self().ID, d.Self().ID})
		}
		return ways
	}
	one, all := newHedge(1, 0, time.Now()), newHedge(3, 0, time.Now())
	for _, test := range []struct {
		what   string
		h      *hedge
		silent []wire.NodeID
		want   [][]wire.NodeID
	}{
		{"d alone", one, ids(d), over(usual, other)},
		{"d and its relay", all, ids(d, usual), append(over(other), ids(usual))}, // who needs no relay
	} {
		ways := a.waysAround(test.silent, test.h)
		slices.SortFunc(test.want, compareWays)
		slices.SortFunc(ways, compareWays)
		if !slices.EqualFunc(ways, test.want, slices.Equal) {
			t.Errorf("%s: asked over %v, not %v", test.what, ways, test.want)
		}
	}
}

func compareWays(a, b []wire.NodeID) int { return slices.CompareFunc(a, b, compareIDs) }

func TestAnAnswerComesBackTheWayThatWasAskedAround(t *testing.T) {
	a, b, c, d, _ := square(t)
	relay := relayTo(d, a, b, c)
	release := make(chan struct{})
	d.add("slow", func(context.Context, wire.Member, []byte) ([]byte, error) {
		relay.nets.freeze()
		<-release
		return []byte("done"), nil
	})
	first := time.AfterFunc(hedgeLatest, func() { close(release) }) // by then or soon after it is asked again
	defer first.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), topology.DefaultTiming().Suspect-time.Second)
	defer cancel()
	for r := range a.Call(ctx, ids(d), "slow", nil) {
		if r.Err != nil || string(r.Body) != "done" {
			t.Errorf("%q, %v", r.Body, r.Err)
		}
	}
}

func TestTheSilentAreAskedAgainWhenTheOthersTellThatTheyAreLate(t *testing.T) {
	start := time.Unix(0, 0)
	for name, test := range map[string]struct {
		answers []time.Duration // of four targets
		rounds  int
		want    time.Duration // from the start, or from the last round; 0: not any more
	}{
		"nobody yet":         {nil, 0, hedgeLatest},
		"one of four":        {[]time.Duration{time.Millisecond}, 0, hedgeLatest},
		"half, at once":      {[]time.Duration{1, time.Millisecond}, 0, hedgeSoonest},
		"half, late":         {[]time.Duration{1, 30 * time.Millisecond}, 0, 60 * time.Millisecond},
		"half, very late":    {[]time.Duration{1, time.Second}, 0, hedgeLatest},
		"the second time":    {[]time.Duration{1, 2}, 1, 2 * hedgeSoonest},
		"the last time":      {[]time.Duration{1, 2}, maxHedges - 1, hedgeSoonest << (maxHedges - 1)},
		"often enough":       {[]time.Duration{1, 2}, maxHedges, 0},
		"all have answered":  {[]time.Duration{1, 2, 3, 4}, 0, 0},
		"all but one, early": {[]time.Duration{1, 2, 3}, 0, hedgeSoonest},
	} {
		h := newHedge(4, 0, start)
		for i, after := range test.answers {
			h.answered(wire.NodeID{byte(i + 1)}, start.Add(after))
		}
		h.rounds, h.last = test.rounds, start
		got := time.Duration(0)
		if due := h.due(); !due.IsZero() {
			got = due.Sub(start)
		}
		if got != test.want {
			t.Errorf("%s: asked again after %v, not %v", name, got, test.want)
		}
	}
	if due := newHedge(4, maxHedgeBody+1, start).due(); !due.IsZero() {
		t.Errorf("a long call is asked again at %v", due)
	}
}
