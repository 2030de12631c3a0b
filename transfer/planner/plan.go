package planner

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Plan returns what is to be done now. The caller calls it after each batch of
// events and at least a few times a second.
func (r *Receiver) Plan(now time.Duration) []Action {
	if r.missing.Count() > 0 {
		r.spreads(now)
		r.stalls(now)
		r.relieves(now)
		r.deals(now)
		r.hungers(now, r.requests(now))
		r.twice(now)
	}
	acts := r.actions
	r.actions = nil
	return acts
}

// spreads notes that what was dealt is still landing.
func (r *Receiver) spreads(now time.Duration) {
	if !r.spread {
		return
	}
	if r.spreadAt > 0 {
		r.gap += (now - r.spreadAt - r.gap) / 4
	}
	r.spread, r.spreadAt = false, now
}

// stalls takes from silent peers what others can give.
func (r *Receiver) stalls(now time.Duration) {
	patience := r.patience()
	for _, p := range r.order {
		if now-p.last < patience || now-p.oldest(now) < patience {
			continue
		}
		p.stalled = true
		p.depth = minDepth
		for _, c := range sorted(p.out) {
			if r.another(now, p, c) {
				p.rest(now)
				r.withdraw(now, p, c)
			}
		}
	}
}

// patience returns how long a peer may send nothing: where links are slow and many
// share them, each has its turn less often.
func (r *Receiver) patience() time.Duration { return max(Stall, 2*r.flow.usual) }

// relieves takes from slow peers what they have owed for long and quick fellows have
// by now: where many ask one with a slow link, what it alone had has spread long
// before it has served all.
func (r *Receiver) relieves(now time.Duration) {
	for _, p := range r.order {
		if !r.slow(p) {
			continue
		}
		for _, c := range sorted(p.out) {
			if now-p.out[c] > r.long() && slices.ContainsFunc(r.order, func(o *peer) bool {
				return !r.slow(o) && !o.stalled && !o.complete() && o.have.Has(c) && o.room(now) > 0
			}) {
				r.withdraw(now, p, c)
			}
		}
	}
}

// long returns how long a peer may take over a chunk that is not slow: on slow links
// all take long.
func (r *Receiver) long() time.Duration {
	return max(2*responseHigh, 2*r.flow.way, 3*r.flow.usual)
}

func (r *Receiver) slow(p *peer) bool { return p.took > r.long() }

// withdraw takes back that p was asked for c.
func (r *Receiver) withdraw(now time.Duration, p *peer, c int) {
	maps.DeleteFunc(p.back, func(_ int, at time.Duration) bool { return now-at > 2*mostUsual })
	p.back[c] = p.out[c]
	r.release(p, c)
	r.do(Action{Kind: Withdraw, Peer: p.id, Chunk: c})
}

// rest keeps a stalled peer from being asked at once for what was just taken
// from it: longer each time, so that however many are silent, whoever can
// answer has its turn.
func (p *peer) rest(now time.Duration) {
	if now < p.again {
		return // it has lost another chunk just now
	}
	p.pause = min(max(2*p.pause, Stall), mostRest)
	p.again = now + p.pause
}

// oldest returns when the oldest thing that p owes was asked for.
func (p *peer) oldest(now time.Duration) time.Duration {
	at := now
	if len(p.credits) > 0 {
		at = p.credits[0]
	}
	for _, t := range p.out {
		at = min(at, t)
	}
	return at
}

// another reports whether a peer besides p holds c and is not stalled, or is,
// but may be tried.
func (r *Receiver) another(now time.Duration, p *peer, c int) bool {
	return slices.ContainsFunc(r.order, func(o *peer) bool {
		return o != p && o.have.Has(c) && (!o.stalled || o.room(now) > 0)
	})
}

// requests asks those that are not left to deal for what they have: the next chunk
// of who has been asked for least, and of those of who answers soonest. Slow fellows
// are asked for what nobody else can be. It returns how many more chunks might have been
// asked for, had anybody had what is lacking.
func (r *Receiver) requests(now time.Duration) (room int) {
	if r.free.Count() == 0 {
		return 0
	}
	var open []*peer
	for _, p := range r.order {
		p.waited = p.waited || p.dry && r.waited(now, p)
		if p.answers() && p.room(now) > 0 {
			open = append(open, p)
		}
	}
	for room = r.room(now); len(open) > 0 && room > 0 && r.free.Count() > 0; {
		p := slices.MinFunc(open, func(a, b *peer) int {
			return cmp.Or(r.queue(a)-r.queue(b), cmp.Compare(a.took, b.took))
		})
		c := r.pick(p)
		if c >= 0 {
			r.request(now, p, c)
			room--
		}
		if c < 0 || p.room(now) == 0 {
			open = slices.DeleteFunc(open, func(o *peer) bool { return o == p })
		}
	}
	if r.free.Count() == 0 {
		return 0
	}
	return room
}

// answers reports whether p is asked for certain chunks: a fellow that has any, or a
// complete holder that has nothing fresh to deal.
func (p *peer) answers() bool {
	if p.complete() {
		return p.dry
	}
	return p.have.Count() > 0
}

// queue returns how many chunks p owes, to be compared with others. All ask the few
// that are complete; so they are asked for certain chunks where fellows are busy. A
// slow fellow owes more than anybody.
func (r *Receiver) queue(p *peer) int {
	switch {
	case p.complete():
		return len(p.out) + minDepth
	case r.slow(p):
		return len(p.out) + minDepth + r.maxDepth
	}
	return len(p.out)
}

// waited reports whether what p has dealt must have landed by now. Where there
// are few chunks for many, p has dealt us too little to know how long that takes:
// they are landing as long as there is news of them.
func (r *Receiver) waited(now time.Duration, p *peer) bool {
	if r.missing.Len() >= fewDeals*len(r.order) {
		return now-p.dryAt > 2*p.took+minPatience
	}
	return now-max(p.dryAt, r.spreadAt) > 2*max(p.took, r.gap)+minPatience
}

// room returns how many more chunks all peers together should be asked for. What
// one that sends nothing should have sent by now does not count: others are to be
// asked meanwhile.
func (r *Receiver) room(now time.Duration) int {
	room := r.flow.most()
	for _, p := range r.order {
		room -= len(p.out)
		patience := max(responseHigh, 2*p.took)
		if now-p.last <= patience {
			continue
		}
		for _, at := range p.out {
			if now-at > patience {
				room++
			}
		}
	}
	return room
}

// room returns how many more chunks p should be asked for.
func (p *peer) room(now time.Duration) int {
	depth := int(p.depth)
	switch {
	case p.stalled && now < p.again:
		return 0
	case p.stalled:
		depth = 1
	}
	return max(depth-len(p.out)-len(p.credits), 0)
}

// pick returns the rarest of the next few free chunks that p is asked for, or -1.
// What no fellow has at all a complete holder most likely dealt to one just now: it
// is worth waiting for that news as long as a deal usually takes.
func (r *Receiver) pick(p *peer) int {
	known := uint16(0) // fellows that must hold it
	if p.complete() && !p.waited {
		known = 1
	}
	best, seen := -1, 0
	look := func(from, to int) {
		for c := nextBoth(r.free, p.have, from); c >= 0 && c < to && seen < sample; c = nextBoth(r.free, p.have, c+1) {
			if r.holders[c] < known {
				continue
			}
			if seen++; best < 0 || r.holders[c] < r.holders[best] {
				best = c
			}
		}
	}
	end := min(r.limit, r.named)
	start := min(p.cursor, end)
	look(start, end)
	look(0, start)
	return best
}

func (r *Receiver) request(now time.Duration, p *peer, c int) {
	p.out[c] = now
	r.asked[c] = append(r.asked[c], p.id)
	r.free.Remove(c)
	r.do(Action{Kind: Request, Peer: p.id, Chunk: c})
}

// deals keeps complete holders supplied with leave to deal.
func (r *Receiver) deals(now time.Duration) {
	seeds := slices.DeleteFunc(slices.Clone(r.order), func(p *peer) bool { return !p.complete() || p.stalled && p.room(now) == 0 })
	if r.limit < r.missing.Len() {
		for _, p := range seeds { // a window is wanted: only requests can tell which
			p.dry, p.offered = true, now
		}
		return
	}
	for lane, p := range seeds {
		if p.dry && now-p.offered > dryFor {
			p.dry = false
		}
		n := min(p.room(now), r.free.Count()-len(p.credits))
		if p.dry || n <= 0 || len(p.credits) > int(p.depth)/2 {
			continue
		}
		for range n {
			p.credits = append(p.credits, now)
		}
		r.do(Action{Kind: Deal, Peer: p.id, N: n, Lane: lane, Lanes: len(seeds)})
	}
}

// twice asks a second, idle holder for what is late when little is left: a fellow, if
// there is one, since all ask the few that are complete.
func (r *Receiver) twice(now time.Duration) {
	if r.missing.Count() > endgame {
		return
	}
	for c := r.missing.Next(0); c >= 0; c = r.missing.Next(c + 1) {
		ids := r.asked[c]
		if len(ids) != 1 || now-r.peers[ids[0]].out[c] < r.overdue() {
			continue
		}
		var second *peer
		for _, o := range r.order {
			idle := o.id != ids[0] && !o.stalled && len(o.out) == 0 && o.have.Has(c)
			if idle && (second == nil || second.complete() && !o.complete()) {
				second = o
			}
		}
		if second != nil {
			r.request(now, second, c)
		}
	}
}

// overdue returns how long a chunk may be on its way before somebody else is asked too.
func (r *Receiver) overdue() time.Duration {
	if r.flow.every == 0 { // too few have come to tell
		return max(responseHigh, r.flow.usual)
	}
	return max(minPatience, 3*r.flow.usual/2)
}

// sorted returns the keys of m in order.
func sorted(m map[int]time.Duration) []int {
	keys := make([]int, 0, len(m))
	for c := range m {
		keys = append(keys, c)
	}
	slices.Sort(keys)
	return keys
}
