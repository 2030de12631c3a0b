package mesh

import (
	"maps"
	"slices"
	"time"

	"minimega/mesh/wire"
)

// When a call is asked again over other ways. A node that has stopped takes with
// it what it was to relay, until its peers notice, some seconds later; a call
// that waits for people asks around it at once.
const (
	hedgeSoonest = 40 * time.Millisecond  // after the call
	hedgeLatest  = 250 * time.Millisecond // where fewer than half have answered by then
	maxHedges    = 3                      // times that a call is asked again, with pauses that double
	maxHedged    = 64                     // targets, each time
	maxHedgeBody = 64 << 10               // bytes: a longer call is not asked twice, nor a longer answer said twice
)

// A hedge decides when those that are silent about a call are asked again, and
// around whom. It belongs to the caller's goroutine.
type hedge struct {
	began   time.Time
	targets int
	heard   map[wire.NodeID]bool // targets that have answered
	tried   map[wire.NodeID]bool // relays that may be why nothing came
	half    time.Duration        // when half of the targets had answered; 0: not yet
	rounds  int                  // times that it was asked again
	last    time.Time            // of these
}

// newHedge returns the hedge of a call to some targets with a body of some bytes.
func newHedge(targets, body int, now time.Time) *hedge {
	h := &hedge{began: now, targets: targets, heard: make(map[wire.NodeID]bool), tried: make(map[wire.NodeID]bool)}
	if body > maxHedgeBody {
		h.rounds = maxHedges
	}
	return h
}

// answered notes that one of the targets has said something.
func (h *hedge) answered(id wire.NodeID, now time.Time) {
	h.heard[id] = true
	if h.half == 0 && 2*len(h.heard) >= h.targets {
		h.half = max(now.Sub(h.began), 1)
	}
}

// due returns when the silent ones are asked again: first in twice the time that
// half of the targets took. It is zero when they are not asked any more.
func (h *hedge) due() time.Time {
	switch {
	case h.rounds >= maxHedges || len(h.heard) == h.targets:
		return time.Time{}
	case h.rounds > 0:
		return h.last.Add(hedgeSoonest << h.rounds)
	case h.half > 0:
		return h.began.Add(min(max(2*h.half, hedgeSoonest), hedgeLatest))
	}
	return h.began.Add(hedgeLatest)
}

// set makes timer fire when the silent ones are due.
func (h *hedge) set(timer *time.Timer) {
	timer.Stop()
	if at := h.due(); !at.IsZero() {
		timer.Reset(max(time.Until(at), 0))
	}
}

// round begins a new round about silent targets and returns who is not to relay
// it: they, and who was to relay before and was not heard. relays are those on the
// usual way to each target.
func (h *hedge) round(now time.Time, silent []wire.NodeID, relays map[wire.NodeID][]wire.NodeID) map[wire.NodeID]bool {
	h.rounds++
	h.last = now
	for _, some := range relays {
		h.try(some)
	}
	avoid := maps.Clone(h.tried)
	for _, id := range silent {
		avoid[id] = true
	}
	return avoid
}

// try notes who relays.
func (h *hedge) try(relays []wire.NodeID) {
	for _, id := range relays {
		h.tried[id] = true
	}
	maps.DeleteFunc(h.tried, func(id wire.NodeID, _ bool) bool { return h.heard[id] })
}

// askAround asks those again that have said nothing yet, over ways that avoid
// each other and those who have relayed in vain.
func (n *Node) askAround(c *call, h *hedge) {
	silent := n.calls.untouched(c)
	for _, way := range n.waysAround(silent, h) {
		target, relays := way[len(way)-1], way[:len(way)-1]
		l := n.linkTo(way[0])
		if len(relays) == 0 || l == nil {
			continue // a peer: it was asked this way
		}
		h.try(relays)
		again := c.frame(n.trust.id)
		again.To, again.Way = []wire.NodeID{target}, way
		l.out.pushBulk(frameOf(wire.TypeCall, again))
	}
}

// untouched returns some of those that have said nothing about c, sorted.
func (cs *calls) untouched(c *call) []wire.NodeID {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	silent := slices.DeleteFunc(c.silentLocked(), func(id wire.NodeID) bool { return c.waiting[id].part > 0 })
	return silent[:min(len(silent), maxHedged)]
}

// waysAround returns ways to silent targets, for one round of h: new ones, and
// the first time also the usual ones, since what stopped may have been on the
// way back, which differs from the way there unless it is told.
func (n *Node) waysAround(silent []wire.NodeID, h *hedge) [][]wire.NodeID {
	n.mu.Lock()
	defer n.mu.Unlock()
	relays := make(map[wire.NodeID][]wire.NodeID, len(silent))
	for _, id := range silent {
		relays[id] = n.topo.Relays(id)
	}
	var ways [][]wire.NodeID
	for id, some := range relays {
		mute := slices.ContainsFunc(some, func(r wire.NodeID) bool { return slices.Contains(silent, r) })
		if h.rounds == 0 && len(some) > 0 && !mute {
			ways = append(ways, append(slices.Clone(some), id))
		}
	}
	around := n.topo.Ways(silent, h.round(time.Now(), silent, relays))
	return slices.AppendSeq(ways, maps.Values(around))
}

// linkTo returns the link to a peer, or nil.
func (n *Node) linkTo(peer wire.NodeID) *link {
	n.mu.Lock()
	defer n.mu.Unlock()
	if id, ok := n.topo.LinkTo(peer); ok {
		return n.links[id]
	}
	return nil
}

// along returns the link that a frame takes next which has crossed hops links of
// its way, nil where there is none or it is at its end, and the way as the frame
// is to have it from here on: where the link is gone it goes on without.
func (n *Node) along(way []wire.NodeID, hops uint8) (*link, []wire.NodeID) {
	if int(hops) >= len(way) {
		return nil, way
	}
	if l := n.linkTo(way[hops]); l != nil {
		return l, way
	}
	return nil, nil
}

// wayBack returns the way of the answer to a call that came along one, nil where
// it came along none.
func wayBack(c *wire.Call) []wire.NodeID {
	if len(c.Way) == 0 {
		return nil
	}
	back := slices.Clone(c.Way[:len(c.Way)-1])
	slices.Reverse(back)
	return append(back, c.Origin)
}
