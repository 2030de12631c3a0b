package planner

import (
	"cmp"
	"slices"
	"time"
)

// Peer is the caller's handle of one node that holds some of the content.
type Peer int

// Times that the rules use.
const (
	Stall        = 3 * time.Second
	mostUsual    = 2 * Stall // that a chunk may take and be counted as usual
	responseLow  = 150 * time.Millisecond
	responseHigh = 400 * time.Millisecond
	mostRest     = 5 * time.Minute
	dryFor       = time.Second // then a dry peer is offered to deal again
	minPatience  = 20 * time.Millisecond
)

const (
	endgame  = 8  // chunks left when the late ones are asked for twice
	minDepth = 2  // chunks on the way from a peer: one coming, one waiting
	sample   = 16 // candidates among which the rarest is taken
	fewDeals = 4  // chunks dealt to each, that do not tell how long that takes
)

// Kind is what an [Action] does.
type Kind uint8

// Kinds of actions.
const (
	Request  Kind = iota + 1 // ask Peer for Chunk
	Withdraw                 // take that back
	Deal                     // let Peer deal N more chunks of lane Lane of Lanes
	Drop                     // have no more to do with Peer for this content
)

// Action is something that the caller is to do.
type Action struct {
	Kind        Kind
	Peer        Peer
	Chunk       int // of Request, Withdraw
	N           int // of Deal
	Lane, Lanes int // of Deal
}

// Receiver is the receiving side of one content.
type Receiver struct {
	missing  *Bitset        // not verified yet
	free     *Bitset        // missing, and asked of nobody
	holders  []uint16       // chunk → peers that hold it and are not complete
	asked    map[int][]Peer // chunk → who was asked for it
	peers    map[Peer]*peer
	order    []*peer // by handle
	maxDepth int     // chunks on the way from one peer
	limit    int     // chunks at or above it are not wanted yet
	named    int     // chunks at or above it cannot be asked for: their hashes are not known
	actions  []Action
	spread   bool          // since the last plan something came to where nobody is known to have had it
	spreadAt time.Duration // when that was, the last time
	gap      time.Duration // between two such times, smoothed
	flow     flow
	links    links
}

// peer is what is known of one holder.
type peer struct {
	id      Peer
	have    *Bitset
	seed    bool                  // it holds all that can be had, though it has not said so of each
	out     map[int]time.Duration // chunk asked for → when
	back    map[int]time.Duration // chunk taken back, that may come yet → when it was asked for
	credits []time.Duration       // when each chunk it may deal was granted
	depth   float64               // chunks that should be on the way
	cursor  int                   // where the search in have goes on
	last    time.Duration         // when it last sent anything of a chunk
	took    time.Duration         // from asking to arriving, smoothed
	least   time.Duration         // from asking for a chunk to its arriving, once; 0: unknown
	dryAt   time.Duration         // when it first said that nothing is fresh
	offered time.Duration         // when it was last offered to deal after that
	dry     bool
	waited  bool // for what it has dealt, long enough
	stalled bool
	pause   time.Duration // how long it rests, the last time
	again   time.Duration // when it may be asked, if it is stalled
}

// New returns the receiver of a content of n chunks of which none has come;
// maxDepth bounds the chunks on the way from one peer.
func New(n, maxDepth int) *Receiver {
	r := &Receiver{
		missing: NewBitset(n), free: NewBitset(n), holders: make([]uint16, n),
		asked: map[int][]Peer{}, peers: map[Peer]*peer{}, maxDepth: max(maxDepth, minDepth), limit: n, named: n,
	}
	r.missing.Fill()
	r.free.Fill()
	return r
}

// Limit makes only chunks below n wanted.
func (r *Receiver) Limit(n int) { r.limit = n }

// Named makes only chunks below n be asked for one by one. Dealing is not
// bounded: who deals knows what can be dealt.
func (r *Receiver) Named(n int) { r.named = n }

// Missing returns how many chunks have not come.
func (r *Receiver) Missing() int { return r.missing.Count() }

// Lacks reports whether chunk c has not come.
func (r *Receiver) Lacks(c int) bool { return r.missing.Has(c) }

// Got records a chunk that came without a peer: it was here already.
func (r *Receiver) Got(c int) { r.settle(nil, c) }

// Join adds a peer that holds nothing.
func (r *Receiver) Join(now time.Duration, id Peer) {
	if r.peers[id] != nil {
		return
	}
	p := &peer{id: id, have: NewBitset(r.missing.Len()), out: map[int]time.Duration{}, back: map[int]time.Duration{}, depth: 2 * minDepth, last: now}
	if n := r.missing.Len(); n > 0 {
		p.cursor = int(uint64(id)*2654435761%uint64(n)) &^ 63
	}
	r.peers[id] = p
	r.order = append(r.order, p)
	slices.SortFunc(r.order, func(a, b *peer) int { return int(a.id) - int(b.id) })
}

// Seed tells that a peer, which has said nothing yet, holds all that can be had:
// it is left to deal, as one that is complete.
func (r *Receiver) Seed(id Peer) {
	if p := r.peers[id]; p != nil && p.have.Count() == 0 {
		p.seed = true
	}
}

// complete reports whether p deals instead of being asked.
func (p *peer) complete() bool { return p.seed || p.have.Full() }

// Leave forgets a peer; what it was asked for is free again.
func (r *Receiver) Leave(id Peer) {
	p := r.peers[id]
	if p == nil {
		return
	}
	for c := range p.out {
		r.release(p, c)
	}
	if !p.complete() {
		r.count(p, -1)
	}
	delete(r.peers, id)
	r.order = slices.DeleteFunc(r.order, func(o *peer) bool { return o == p })
	for _, o := range r.order { // what only it held may be fresh again
		o.dry, o.waited, o.dryAt = false, false, 0
	}
}

// count adds d to the holders of every chunk of p.
func (r *Receiver) count(p *peer, d int) {
	for c := p.have.Next(0); c >= 0; c = p.have.Next(c + 1) {
		r.holders[c] = uint16(int(r.holders[c]) + d)
	}
}

// Have records that a peer holds the chunks marked in a map that begins at
// first.
func (r *Receiver) Have(id Peer, first int, marks []byte) {
	p := r.peers[id]
	if p == nil || p.have.Full() {
		return
	}
	Each(r.missing.Len(), first, marks, func(c int) {
		if p.have.Add(c) && !p.seed {
			r.spread = r.spread || r.holders[c] == 0 && r.missing.Has(c)
			r.holders[c]++
		}
	})
	if p.have.Full() && !p.seed {
		r.count(p, -1)
	}
}

// PeerHas reports whether a peer holds chunk c, as far as it has said.
func (r *Receiver) PeerHas(id Peer, c int) bool {
	p := r.peers[id]
	return p != nil && p.have.Has(c)
}

// Fresh reports whether no peer that is not complete is known to hold chunk c:
// news of it is urgent, because nobody else can pass it on.
func (r *Receiver) Fresh(c int) bool { return r.holders[c] == 0 }

// PeerFull reports whether a peer holds everything.
func (r *Receiver) PeerFull(id Peer) bool {
	p := r.peers[id]
	return p != nil && p.have.Full()
}

// Heard records that bytes of a chunk came from a peer.
func (r *Receiver) Heard(now time.Duration, id Peer) {
	if p := r.peers[id]; p != nil {
		p.alive(now)
	}
}

// Arrived records that chunk c came from a peer and is good.
func (r *Receiver) Arrived(now time.Duration, id Peer, c int) {
	p := r.peers[id]
	if p != nil {
		took, asked := p.arrived(now, c, float64(r.maxDepth))
		at, crossed := p.back[c]
		delete(p.back, c)
		switch {
		case asked:
			r.flow.came(now, took, p.least)
		case crossed:
			r.flow.lasted(now - at)
		}
	}
	r.spread = r.spread || r.holders[c] == 0 && r.missing.Has(c)
	r.settle(p, c)
}

// arrived adapts p's depth to how long it took to answer, and reports that and whether
// it was asked for c. What crossed its withdrawal cannot be told from what was dealt,
// and counts as that: p may then deal as many more.
func (p *peer) arrived(now time.Duration, c int, most float64) (took time.Duration, asked bool) {
	p.alive(now)
	at, asked := p.out[c]
	switch {
	case asked:
		delete(p.out, c)
		took = now - at
		p.least = cmp.Or(min(p.least, took), took)
	case len(p.credits) > 0:
		took = now - p.credits[0]
		p.credits = p.credits[1:]
	default:
		return 0, false
	}
	p.took += (took - p.took) / 4
	switch {
	case took < responseLow:
		p.depth = min(p.depth+0.5, most)
	case took > responseHigh:
		p.depth = max(p.depth-0.5, minDepth)
	}
	return took, asked
}

// alive notes that something of a chunk came.
func (p *peer) alive(now time.Duration) { p.last, p.stalled, p.pause, p.again = now, false, 0, 0 }

// settle makes c no longer missing and withdraws it from whom it was asked of
// besides p.
func (r *Receiver) settle(p *peer, c int) {
	r.missing.Remove(c)
	r.free.Remove(c)
	for _, id := range r.asked[c] {
		if o := r.peers[id]; o != nil && o != p {
			delete(o.out, c)
			r.do(Action{Kind: Withdraw, Peer: id, Chunk: c})
		}
	}
	delete(r.asked, c)
}

// Lost records that chunk c came from a peer and could not be kept, or that one
// that was kept is gone: it is wanted again.
func (r *Receiver) Lost(now time.Duration, id Peer, c int) {
	if p := r.peers[id]; p != nil {
		p.arrived(now, c, float64(r.maxDepth))
	}
	if len(r.asked[c]) > 0 {
		r.asked[c] = slices.DeleteFunc(r.asked[c], func(o Peer) bool { return o == id })
	}
	if len(r.asked[c]) == 0 {
		delete(r.asked, c)
		r.free.Add(c)
	}
	r.missing.Add(c)
}

// Bad records that a peer sent wrong bytes: it is dropped.
func (r *Receiver) Bad(id Peer) {
	if r.peers[id] != nil {
		r.Leave(id)
		r.do(Action{Kind: Drop, Peer: id})
	}
}

// Refused records that a peer will not send chunk c.
func (r *Receiver) Refused(id Peer, c int) {
	p := r.peers[id]
	if p == nil {
		return
	}
	if p.complete() {
		p.seed = false
		r.count(p, 1)
	}
	if p.have.Remove(c) {
		r.holders[c]--
	}
	if _, ok := p.out[c]; ok {
		r.release(p, c)
	}
}

// NothingFresh records a peer's answer to Deal.
func (r *Receiver) NothingFresh(now time.Duration, id Peer) {
	p := r.peers[id]
	if p == nil {
		return
	}
	p.credits = nil
	if p.dryAt == 0 {
		p.dryAt = now
		p.depth = minDepth
	}
	p.dry, p.offered = true, now
}

// release takes chunk c from p; nobody may be asked for it then.
func (r *Receiver) release(p *peer, c int) {
	delete(p.out, c)
	left := slices.DeleteFunc(r.asked[c], func(id Peer) bool { return id == p.id })
	if len(left) > 0 {
		r.asked[c] = left
		return
	}
	delete(r.asked, c)
	if r.missing.Has(c) {
		r.free.Add(c)
	}
}

func (r *Receiver) do(a Action) { r.actions = append(r.actions, a) }

// Idle reports that something is missing and nobody is being asked for it.
func (r *Receiver) Idle() bool {
	if r.missing.Count() == 0 || len(r.asked) > 0 {
		return false
	}
	return !slices.ContainsFunc(r.order, func(p *peer) bool { return len(p.credits) > 0 && !p.stalled })
}
