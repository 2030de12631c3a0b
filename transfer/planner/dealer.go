package planner

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Asker is the caller's handle of one topic that is served.
type Asker int

// Dealer is the sending side of one content: it keeps what was asked for and
// what may be dealt, and says which chunk goes out next.
type Dealer struct {
	own    *Bitset // chunks that can be sent
	fresh  *Bitset // chunks that no asker holds or was promised
	copies []uint16
	askers map[Asker]*asker
	grows  bool           // what is not owned yet will be
	flying map[int]flight // chunk dealt, and that nobody has said to hold since
	dealt  int            // deals so far
	landed int            // the number of the latest one that has landed
}

// flight is a deal that has not landed.
type flight struct {
	number int
	to     *asker
	at     time.Duration
}

// asker is one topic's state.
type asker struct {
	has         *Bitset       // held by it, or promised to it by a deal
	asked       []int         // explicit requests, in order; what is fresh goes first
	credits     int           // chunks it lets us deal
	lane, lanes int           // chunks c with c % lanes == lane are dealt
	cursor      int           // where the search for something fresh goes on
	took        time.Duration // from a deal to its landing, smoothed; 0: unknown
	last        time.Duration // when it was dealt something
	fed         bool          // it got something from others since it was dealt to, or passed over
	spared      bool          // it was passed over since Spared told
}

// NewDealer returns the dealer of a content of n chunks that holds none yet.
func NewDealer(n int) *Dealer {
	d := &Dealer{own: NewBitset(n), fresh: NewBitset(n), flying: map[int]flight{}, copies: make([]uint16, n), askers: map[Asker]*asker{}}
	d.fresh.Fill()
	return d
}

// Own tells that chunk c can be sent from now on.
func (d *Dealer) Own(c int) { d.own.Add(c) }

// OwnAll tells that every chunk can be sent.
func (d *Dealer) OwnAll() { d.own.Fill() }

// Void tells that everybody has chunk c: it can be sent, but is never dealt.
func (d *Dealer) Void(c int) {
	d.own.Add(c)
	d.fresh.Remove(c)
	d.copies[c]++
}

// Grow tells whether there will be more to own soon: then leave to deal is kept
// until there is, instead of given up.
func (d *Dealer) Grow(grows bool) { d.grows = grows }

// Holds returns the set of chunks that can be sent; the caller does not change
// it.
func (d *Dealer) Holds() *Bitset { return d.own }

// Join adds an asker that holds nothing.
func (d *Dealer) Join(a Asker) {
	d.askers[a] = &asker{has: NewBitset(d.own.Len()), lanes: 1}
}

// Leave forgets an asker; what only it held or was promised is fresh again.
func (d *Dealer) Leave(a Asker) {
	as := d.askers[a]
	if as == nil {
		return
	}
	delete(d.askers, a)
	for c := as.has.Next(0); c >= 0; c = as.has.Next(c + 1) {
		if d.copies[c]--; d.copies[c] == 0 {
			d.fresh.Add(c)
		}
	}
	d.ground(d.fresh)
}

// Done forgets an asker that needs no more but stays: what it holds is not fresh
// again.
func (d *Dealer) Done(a Asker) {
	if as := d.askers[a]; as != nil {
		delete(d.askers, a)
		d.ground(as.has)
	}
}

// ground forgets the deals of chunks.
func (d *Dealer) ground(chunks *Bitset) {
	maps.DeleteFunc(d.flying, func(c int, _ flight) bool { return chunks.Has(c) })
}

// Have records that asker a holds chunk c.
func (d *Dealer) Have(now time.Duration, a Asker, c int) {
	if as := d.askers[a]; as != nil {
		d.lands(now, as, c)
		as.fed = as.fed || !as.has.Has(c)
		d.promise(as, c)
	}
}

// promise records that as holds chunk c, or will.
func (d *Dealer) promise(as *asker, c int) {
	if as.has.Add(c) {
		d.copies[c]++
		d.fresh.Remove(c)
	}
}

// lands records that as holds chunk c.
func (d *Dealer) lands(now time.Duration, as *asker, c int) {
	f, ok := d.flying[c]
	if !ok {
		return
	}
	delete(d.flying, c)
	d.landed = max(d.landed, f.number)
	if f.to == as {
		as.took = cmp.Or(as.took, now-f.at)
		as.took += (now - f.at - as.took) / 4
	}
}

// AskerHas reports whether a holds c or was promised it.
func (d *Dealer) AskerHas(a Asker, c int) bool {
	as := d.askers[a]
	return as != nil && as.has.Has(c)
}

// Fresh reports whether no asker holds c or was promised it.
func (d *Dealer) Fresh(c int) bool { return d.fresh.Has(c) }

// Deal lets n more chunks of a lane be dealt to a.
func (d *Dealer) Deal(a Asker, n, lane, lanes int) {
	as := d.askers[a]
	if as == nil {
		return
	}
	as.credits += n
	as.lane, as.lanes = lane, max(lanes, 1)
}

// Request queues chunk c for a. It reports false where c cannot be sent.
func (d *Dealer) Request(a Asker, c int) bool {
	as := d.askers[a]
	if as == nil || !d.own.Has(c) {
		return false
	}
	if !slices.Contains(as.asked, c) {
		as.asked = append(as.asked, c)
	}
	return true
}

// Withdraw takes a request back, if c has not been sent.
func (d *Dealer) Withdraw(a Asker, c int) {
	if as := d.askers[a]; as != nil {
		if i := slices.Index(as.asked, c); i >= 0 {
			as.asked = slices.Delete(as.asked, i, i+1)
		}
	}
}

// Pending returns how many chunks a is waiting for.
func (d *Dealer) Pending(a Asker) int {
	as := d.askers[a]
	if as == nil {
		return 0
	}
	return len(as.asked) + as.credits
}

// Next returns the chunk to send to a now. Where there is none, dry reports
// that a's leave to deal has just been given up for want of anything fresh; it may also
// have been passed over, see [Dealer.Spared].
func (d *Dealer) Next(now time.Duration, a Asker) (c int, ok, dry bool) {
	as := d.askers[a]
	if as == nil {
		return 0, false, false
	}
	if len(as.asked) > 0 {
		at := max(slices.IndexFunc(as.asked, d.fresh.Has), 0)
		c = as.asked[at]
		as.asked = slices.Delete(as.asked, at, at+1)
		d.promise(as, c)
		return c, true, false
	}
	if as.credits == 0 {
		return 0, false, false
	}
	c = d.pick(as)
	if c < 0 && d.grows {
		return 0, false, false
	}
	if c >= 0 && as.fed && d.behind(now, as) {
		as.spared, as.fed = true, false
		return 0, false, false
	}
	if c < 0 {
		c = d.late(now, as)
	}
	if c < 0 {
		as.credits = 0
		return 0, false, true
	}
	as.credits--
	as.cursor = c + 1
	as.last, as.fed = now, false
	d.dealt++
	d.flying[c] = flight{d.dealt, as, now}
	d.promise(as, c)
	return c, true, false
}

// behind reports whether deals take several times as long to land with as as with half
// of all, of whom some are being dealt to. What a slow one alone has reaches all others
// over its slow link, for which they wait; so it is dealt nothing while something is
// fresh, as long as others give it something. Who lacks much of what others have, as one that joins late, takes a few
// times as long as well, but not as long as a slow one.
func (d *Dealer) behind(now time.Duration, as *asker) bool {
	times := time.Duration(4)
	if as.took > responseHigh {
		times = 2
	}
	half, busy := d.quicker(now, times, as.took)
	return half && busy
}

// quicker reports whether deals take so many times less than took to land with half of all
// of whom that is known, and whether some of these are being dealt to.
func (d *Dealer) quicker(now, times, took time.Duration) (half, busy bool) {
	known, quicker := 0, 0
	for _, o := range d.askers {
		if o.took == 0 {
			continue
		}
		known++
		if times*o.took < took {
			quicker++
			busy = busy || o.credits > 0 || now-o.last < dryFor
		}
	}
	return 2*quicker >= known, busy
}

// Spared returns whom Next passed over, though it had something fresh, since it was
// last called. When there is nothing fresh any more, they are to be served again.
func (d *Dealer) Spared() []Asker {
	var spared []Asker
	for a, as := range d.askers {
		if as.spared {
			as.spared = false
			spared = append(spared, a)
		}
	}
	return spared
}

// late returns the chunk of the oldest deal with somebody slow, to whom one with as
// is preferred: one that has had more than twice the time that deals take to land with half
// of all, while others landed that were made later, by as many as there are askers and
// more. Of many that share a link some are always overtaken. It returns -1 where there is none.
func (d *Dealer) late(now time.Duration, as *asker) int {
	late, oldest := -1, d.landed-len(d.askers)+1
	for c, f := range d.flying {
		if f.number < oldest && !as.has.Has(c) {
			late, oldest = c, f.number
		}
	}
	if late < 0 {
		return -1
	}
	if half, _ := d.quicker(now, 2, now-d.flying[late].at); !half {
		return -1
	}
	return late
}

// pick returns something fresh of as's lane that can be sent, or -1. It goes
// round, so that disks are read forwards.
func (d *Dealer) pick(as *asker) int {
	if d.own.Count() == 0 {
		return -1
	}
	find := func(from, to int) int {
		for c := from; c < to; c++ {
			if c = nextBoth(d.fresh, d.own, c); c < 0 || c >= to {
				return -1
			}
			if c%as.lanes == as.lane%as.lanes {
				return c
			}
		}
		return -1
	}
	c := find(as.cursor, d.own.Len())
	if c < 0 {
		c = find(0, as.cursor)
	}
	return c
}
