package mesh

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"minimega/mesh/wire"
)

// Limits of what others' calls may cost us.
const (
	maxHandlers = 256      // running at once
	maxServed   = 8192     // calls that are remembered, so that none runs twice
	keepAnswer  = 1 << 20  // bytes: a longer answer is not kept to be said again
	keepAnswers = 16 << 20 // bytes of all that are kept
)

// unlimited is how long a call without a limit may take.
const unlimited = 365 * 24 * time.Hour

// callKey names a call in the whole mesh.
type callKey struct {
	origin wire.NodeID
	id     uint64
}

// served are the calls that this node was asked, the latest ones.
type served struct {
	mu      sync.Mutex // guards what follows
	calls   map[callKey]*serving
	order   []callKey // oldest first
	running int
	kept    int       // bytes of answers
	keepers []callKey // who have an answer, oldest first
}

// serving is one of them. Its fields are guarded by served.mu.
type serving struct {
	cancel context.CancelFunc // nil once it is over
	answer []*wire.Answer     // nil while it runs, and when it was too long to keep
	size   int                // of the answer, in bytes
	via    *link              // where the call came from last; nil is ourselves
	way    []wire.NodeID      // back, where the call came along one last
}

func newServed() *served { return &served{calls: make(map[callKey]*serving)} }

// routeCall answers a call that came over a link, and passes it on to those of
// its targets that are others.
func (n *Node) routeCall(c *wire.Call, from *link) {
	c.Hops++
	ways, lost, self := n.split(c.To)
	l, way := n.along(c.Way, c.Hops)
	if c.Way = way; l != nil && c.Hops <= wire.MaxHops {
		l.out.pushBulk(frameOf(wire.TypeCall, c)) // where that fails it is lost, as the first one was
		return
	}
	if c.Hops > wire.MaxHops {
		ways, lost = nil, slices.DeleteFunc(c.To, func(id wire.NodeID) bool { return id == n.trust.id })
	}
	for _, id := range lost {
		n.sayLost(c, id, from)
	}
	for l, ids := range ways {
		part := *c
		part.To = ids
		if l.out.pushBulk(frameOf(wire.TypeCall, &part)) {
			continue
		}
		for _, id := range ids {
			n.sayLost(c, id, from)
		}
	}
	if self {
		n.serveCall(c, from)
	}
}

// sayLost tells the origin that we know no way to a target.
func (n *Node) sayLost(c *wire.Call, target wire.NodeID, from *link) {
	n.sendBack(&wire.Answer{ID: c.ID, To: c.Origin, From: target, Last: true, Lost: true}, from)
}

// sendBack routes a short answer; where no way to its origin is known, it goes
// back where the call came from.
func (n *Node) sendBack(a *wire.Answer, from *link) {
	if a.To == n.trust.id {
		n.receiveAnswer(a)
		return
	}
	l := n.nextHop(a.To)
	if l == nil {
		l = from
	}
	if l != nil {
		l.out.pushBulk(frameOf(wire.TypeAnswer, a))
	}
}

// routeCancel ends what a caller does not wait for any more, here and further on.
func (n *Node) routeCancel(c *wire.Cancel) {
	if c.Hops++; c.Hops > wire.MaxHops || len(c.To) == 0 {
		return
	}
	ways, _, self := n.split(c.To)
	if self {
		n.served.cancel(callKey{c.Origin, c.ID})
	}
	for l, ids := range ways {
		for some := range slices.Chunk(ids, maxCallTo) {
			l.out.pushBulk(frameOf(wire.TypeCancel, &wire.Cancel{ID: c.ID, Origin: c.Origin, To: some, Hops: c.Hops}))
		}
	}
}

// serveCall runs a call's handler, unless it was asked already: then the answer
// is sent again, if there is one.
func (n *Node) serveCall(c *wire.Call, from *link) {
	key := callKey{c.Origin, c.ID}
	within := cmp.Or(c.Within, unlimited)
	ctx, cancel := context.WithTimeout(n.tasks.ctx, within)
	back := wayBack(c)
	known, err := n.served.begin(key, cancel, from, back)
	if err != nil {
		cancel()
		n.sendBack(n.failure(c, err), from)
		return
	}
	if known != nil {
		cancel()
		n.tasks.start(func(ctx context.Context) { n.sayAgain(ctx, known, from, back) })
		return
	}
	started := n.tasks.start(func(context.Context) {
		defer cancel()
		body, err := n.handle(ctx, c)
		answer := n.answer(c, body, err)
		from, back := n.served.end(key, answer)
		if back != nil {
			n.sayAgain(n.tasks.ctx, answer, from, back)
		}
		n.say(n.tasks.ctx, answer, from, nil)
	})
	if !started {
		cancel()
	}
}

// handle runs the handler of a call.
func (n *Node) handle(ctx context.Context, c *wire.Call) ([]byte, error) {
	h := n.methods[c.Method]
	if h == nil {
		return nil, fmt.Errorf("%w %q", wire.ErrUnknownMethod, c.Method)
	}
	return h(ctx, n.view.Load().member(c.Origin), c.Body)
}

// answer cuts what a handler said into parts.
func (n *Node) answer(c *wire.Call, body []byte, err error) []*wire.Answer {
	if err == nil && len(body) > wire.MaxAnswer {
		err = fmt.Errorf("answer to %q: %w: %d bytes, at most %d", c.Method, wire.ErrTooLarge, len(body), wire.MaxAnswer)
	}
	if err != nil {
		return []*wire.Answer{n.failure(c, err)}
	}
	var parts []*wire.Answer
	for len(parts) == 0 || len(body) > 0 {
		size := min(len(body), wire.MaxAnswerPart)
		parts = append(parts, &wire.Answer{
			ID: c.ID, To: c.Origin, From: n.trust.id,
			Part: uint32(len(parts)), Last: size == len(body), Body: body[:size],
		})
		body = body[size:]
	}
	return parts
}

// failure is the answer that carries err.
func (n *Node) failure(c *wire.Call, err error) *wire.Answer {
	const most = 64 << 10
	text := err.Error()
	return &wire.Answer{
		ID: c.ID, To: c.Origin, From: n.trust.id,
		Last: true, Code: wire.CodeOf(err), Text: text[:min(len(text), most)],
	}
}

// sayAgain repeats an answer. Along a way back goes only what is short.
func (n *Node) sayAgain(ctx context.Context, answer []*wire.Answer, from *link, back []wire.NodeID) {
	if back == nil || sizeOf(answer) <= maxHedgeBody {
		n.say(ctx, answer, from, back)
	}
}

// say sends an answer's parts along way, or where that is nil or broken over the
// way that is shortest then. It blocks while the link is busy, at most until the
// caller is gone.
func (n *Node) say(ctx context.Context, answer []*wire.Answer, from *link, way []wire.NodeID) {
	for _, part := range answer {
		copied := *part // relays and we count its hops
		copied.Way = way
		if part.To == n.trust.id {
			n.receiveAnswer(&copied)
			continue
		}
		l, _ := n.along(way, 0)
		if l = cmp.Or(l, n.nextHop(part.To), from); l == nil || l.out.pushWaiting(ctx, frameOf(wire.TypeAnswer, &copied)) != nil {
			return // the caller asks again when the way has changed
		}
	}
}

// begin notes a call that is to run now. One that was asked before is not: it
// returns the answer again, which is empty while there is none. The error is
// [wire.ErrBusy].
func (s *served) begin(key callKey, cancel context.CancelFunc, via *link, way []wire.NodeID) (answer []*wire.Answer, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.calls[key]; old != nil {
		old.via, old.way = via, way
		if old.answer == nil && old.cancel == nil {
			return nil, fmt.Errorf("%w: the way back changed and the answer is not kept: ask again", wire.ErrBusy)
		}
		return append([]*wire.Answer{}, old.answer...), nil
	}
	if s.running >= maxHandlers {
		return nil, fmt.Errorf("%w: %d calls are being answered", wire.ErrBusy, s.running)
	}
	s.running++
	s.calls[key] = &serving{cancel: cancel, via: via, way: way}
	s.order = append(s.order, key)
	s.forgetLocked()
	return nil, nil
}

// forgetLocked drops the oldest call that is over, when there are too many.
func (s *served) forgetLocked() {
	for i := 0; len(s.order) > maxServed && i < len(s.order); i++ {
		key := s.order[i]
		if c := s.calls[key]; c.cancel == nil {
			s.kept -= c.size
			delete(s.calls, key)
			s.order = slices.Delete(s.order, i, i+1)
			return
		}
	}
}

// end notes what a call's handler said, and returns where the call came from
// last, and the way back if it came along one.
func (s *served) end(key callKey, answer []*wire.Answer) (via *link, way []wire.NodeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	c := s.calls[key]
	c.cancel = nil
	size := sizeOf(answer)
	if size <= keepAnswer {
		c.answer, c.size = answer, size
		s.kept += size
		s.keepers = append(s.keepers, key)
	}
	for s.kept > keepAnswers && len(s.keepers) > 0 {
		if old := s.calls[s.keepers[0]]; old != nil {
			s.kept -= old.size
			old.answer, old.size = nil, 0
		}
		s.keepers = s.keepers[1:]
	}
	return c.via, c.way
}

// sizeOf returns how many bytes an answer counts for.
func sizeOf(answer []*wire.Answer) int {
	size := 0
	for _, part := range answer {
		size += len(part.Body) + overhead
	}
	return size
}

// cancel ends the context of a call that runs.
func (s *served) cancel(key callKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.calls[key]; c != nil && c.cancel != nil {
		c.cancel()
	}
}

// review ends the contexts of calls whose callers are gone.
func (s *served) review(n *Node) {
	for _, key := range s.active() {
		if !n.reachable(key.origin) {
			s.cancel(key)
		}
	}
}

func (s *served) active() []callKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []callKey
	if s.running == 0 {
		return nil
	}
	for key, c := range s.calls {
		if c.cancel != nil {
			keys = append(keys, key)
		}
	}
	return keys
}
