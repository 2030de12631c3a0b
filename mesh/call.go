package mesh

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"minimega/mesh/topology"
	"minimega/mesh/wire"
)

// How a call survives that the way to its targets changes.
const (
	reviewDelay  = 100 * time.Millisecond // for the news of one change to come together
	maxLost      = 20                     // times that relays may know no way while we do
	maxCallTo    = 8192                   // targets in one frame
	minCallLimit = time.Millisecond
)

// calls are those that this node has made and that are not over.
type calls struct {
	mu   sync.Mutex // guards what follows
	last uint64
	open map[uint64]*call
}

func newCalls() *calls { return &calls{open: make(map[uint64]*call)} }

// call is one call under way.
type call struct {
	id      uint64
	method  string
	body    []byte
	limit   time.Time       // zero: none
	replies chan wire.Reply // has room for one a target

	// guarded by calls.mu
	waiting map[wire.NodeID]*awaited // who has not answered
}

// awaited is the answer of one target as far as it has come.
type awaited struct {
	member wire.Member
	part   uint32 // expected next
	body   []byte
	lost   int  // times that a relay knew no way
	resend bool // at the next review
}

// Call asks each node in to for method on body, and yields exactly one reply a
// node, as they come. It begins when it is ranged over, and asks anew each time.
// It ends at once when the range is left: the handlers' contexts end then.
//
// A node that cannot be reached, or dies meanwhile, has a reply with
// [wire.ErrUnreachable]; when ctx ends, all that were silent have one with its
// error. A handler's failure is a *[wire.RemoteError]. Of each handler it is
// sure that it does not run twice for one call, even where the way to it changes.
// The node itself may be among to.
func (n *Node) Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply] {
	return func(yield func(wire.Reply) bool) {
		c := n.beginCall(ctx, to, method, body)
		defer n.endCall(c)
		h := newHedge(cap(c.replies), len(body), time.Now())
		again := time.NewTimer(hedgeLatest)
		defer again.Stop()
		for range cap(c.replies) {
			reply, err := n.await(ctx, c, h, again)
			if err != nil {
				n.giveUp(c, err)
				reply = <-c.replies
			}
			h.answered(reply.From.ID, time.Now())
			if !yield(reply) {
				return
			}
		}
	}
}

// await returns the next reply to c, or why there will be none. Meanwhile it
// asks the silent ones again when that is due.
func (n *Node) await(ctx context.Context, c *call, h *hedge, again *time.Timer) (wire.Reply, error) {
	select {
	case r := <-c.replies:
		return r, nil
	default:
	}
	h.set(again)
	for {
		select {
		case r := <-c.replies:
			return r, nil
		case <-again.C:
			n.askAround(c, h)
			h.set(again)
		case <-ctx.Done():
			return wire.Reply{}, ctx.Err()
		case <-n.tasks.ctx.Done():
			return wire.Reply{}, fmt.Errorf("%w: this node has left", wire.ErrUnreachable)
		}
	}
}

// beginCall registers a call and sends it off.
func (n *Node) beginCall(ctx context.Context, to []wire.NodeID, method string, body []byte) *call {
	to = slices.Clone(to)
	slices.SortFunc(to, compareIDs)
	to = slices.Compact(to)
	c := &call{
		method: method, body: body,
		replies: make(chan wire.Reply, len(to)),
		waiting: make(map[wire.NodeID]*awaited, len(to)),
	}
	c.limit, _ = ctx.Deadline()
	v := n.view.Load()
	for _, id := range to {
		c.waiting[id] = &awaited{member: v.member(id)}
	}
	n.calls.mu.Lock()
	n.calls.last++
	c.id = n.calls.last
	n.calls.open[c.id] = c
	n.calls.mu.Unlock()
	if len(body) > wire.MaxCallBody || len(method) > wire.MaxMethod {
		n.giveUp(c, fmt.Errorf("call %.64q: %w: %d bytes, at most %d", method, wire.ErrTooLarge, len(body), wire.MaxCallBody))
		return c
	}
	n.sendCall(c, to)
	return c
}

// sendCall sends a call to some of its targets.
func (n *Node) sendCall(c *call, to []wire.NodeID) {
	ways, lost, self := n.split(to)
	if self {
		local := c.frame(n.trust.id)
		local.To = []wire.NodeID{n.trust.id}
		n.serveCall(local, nil)
	}
	for _, id := range lost {
		n.finishCall(c, id, nil, wire.ErrUnreachable)
	}
	for l, ids := range ways {
		for some := range slices.Chunk(ids, maxCallTo) {
			part := c.frame(n.trust.id)
			part.To = some
			if !l.out.pushBulk(frameOf(wire.TypeCall, part)) {
				n.markLost(c.id, some)
			}
		}
	}
}

// frame returns c as origin asks it now, without targets.
func (c *call) frame(origin wire.NodeID) *wire.Call {
	frame := &wire.Call{ID: c.id, Origin: origin, Method: c.method, Body: c.body}
	if !c.limit.IsZero() {
		frame.Within = max(time.Until(c.limit), minCallLimit)
	}
	return frame
}

func frameOf(t wire.Type, payload any) frame { return frame{t, payload} }

// finishCall delivers one target's reply, unless it has one.
func (n *Node) finishCall(c *call, from wire.NodeID, body []byte, err error) {
	n.calls.mu.Lock()
	defer n.calls.mu.Unlock()
	c.finishLocked(from, body, err)
}

func (c *call) finishLocked(from wire.NodeID, body []byte, err error) {
	if a := c.waiting[from]; a != nil {
		delete(c.waiting, from)
		c.replies <- wire.Reply{From: a.member, Body: body, Err: err} // has room
	}
}

// giveUp delivers err for all that have not answered, and tells them.
func (n *Node) giveUp(c *call, err error) {
	n.calls.mu.Lock()
	silent := c.silentLocked()
	for _, id := range silent {
		c.finishLocked(id, nil, err)
	}
	n.calls.mu.Unlock()
	n.routeCancel(&wire.Cancel{ID: c.id, Origin: n.trust.id, To: silent})
}

// silentLocked returns who has not answered, sorted.
func (c *call) silentLocked() []wire.NodeID {
	ids := make([]wire.NodeID, 0, len(c.waiting))
	for id := range c.waiting {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareIDs)
	return ids
}

// endCall forgets a call.
func (n *Node) endCall(c *call) {
	n.giveUp(c, context.Canceled)
	n.calls.mu.Lock()
	defer n.calls.mu.Unlock()
	delete(n.calls.open, c.id)
}

// routeAnswer takes in an answer to a call of ours, or passes it on.
func (n *Node) routeAnswer(a *wire.Answer) {
	if a.To == n.trust.id {
		n.receiveAnswer(a)
		return
	}
	if a.Hops++; a.Hops > wire.MaxHops {
		return
	}
	l, way := n.along(a.Way, a.Hops)
	a.Way = way
	if l = cmp.Or(l, n.nextHop(a.To)); l == nil || l.out.pushBulk(frameOf(wire.TypeAnswer, a)) {
		return
	}
	busy := *a // a gap would leave the caller waiting: end the answer
	busy.Last, busy.Body = true, nil
	busy.Code, busy.Text = wire.CodeOf(wire.ErrBusy), "the way back is too busy"
	l.out.pushUrgent(frameOf(wire.TypeAnswer, &busy))
}

// receiveAnswer adds one part to what a target has said.
func (n *Node) receiveAnswer(a *wire.Answer) {
	n.calls.mu.Lock()
	defer n.calls.mu.Unlock()
	c := n.calls.open[a.ID]
	if c == nil || c.waiting[a.From] == nil {
		return
	}
	w := c.waiting[a.From]
	switch {
	case a.Lost:
		if w.lost++; w.lost > maxLost {
			c.finishLocked(a.From, nil, wire.ErrUnreachable)
			return
		}
		w.resend = true
		nudge(n.review)
	case a.Part < w.part: // said again because the way had changed
	case a.Part > w.part && !(a.Last && a.Code != 0):
		c.finishLocked(a.From, nil, &wire.RemoteError{Code: wire.CodeOf(wire.ErrBusy), Text: "a part of the answer was lost"})
	case len(w.body)+len(a.Body) > wire.MaxAnswer:
		c.finishLocked(a.From, nil, fmt.Errorf("answer of %s: %w: more than %d bytes", w.member.Name, wire.ErrTooLarge, wire.MaxAnswer))
	case a.Last && a.Code != 0:
		c.finishLocked(a.From, nil, &wire.RemoteError{Code: a.Code, Text: a.Text})
	case a.Last:
		c.finishLocked(a.From, append(w.body, a.Body...), nil)
	default:
		w.part++
		w.body = append(w.body, a.Body...)
	}
}

// markLost has a call of ours sent again to targets at the next review.
func (n *Node) markLost(id uint64, to []wire.NodeID) {
	for _, from := range to {
		n.receiveAnswer(&wire.Answer{ID: id, From: from, Lost: true})
	}
}

// watchCalls looks after the calls under way whenever links were lost.
func (n *Node) watchCalls(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.review:
		}
		n.reviewCalls(false)
		timer.Reset(reviewDelay)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		n.reviewCalls(true)
	}
}

// reviewCalls ends what waits for nodes that are gone. With resend it also asks
// the others again, whose question or answer may have been lost with a relay:
// they know it and do not run it twice.
func (n *Node) reviewCalls(resend bool) {
	n.calls.mu.Lock()
	open := make(map[*call][]wire.NodeID, len(n.calls.open))
	for _, c := range n.calls.open {
		open[c] = c.silentLocked()
	}
	n.calls.mu.Unlock()
	for c, silent := range open {
		silent = slices.DeleteFunc(silent, func(id wire.NodeID) bool { return id == n.trust.id })
		_, lost, _ := n.split(silent)
		for _, id := range lost {
			n.finishCall(c, id, nil, wire.ErrUnreachable)
		}
		if resend && len(silent) > len(lost) {
			n.sendCall(c, slices.DeleteFunc(silent, func(id wire.NodeID) bool { return slices.Contains(lost, id) }))
		}
	}
	n.served.review(n)
}

// reachable reports whether a way leads to id.
func (n *Node) reachable(id wire.NodeID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return id == n.trust.id || n.topo.Reachable(id)
}

func compareIDs(a, b wire.NodeID) int { return topology.CompareIDs(a, b) }
