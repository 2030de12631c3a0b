package transfer

import "time"

const (
	firstInflight = 64 << 10 // bytes
	leastInflight = 16 << 10 // many connections may share a slow link
	freeInflight  = 4 << 20  // of one that is larger the kernel decides alone

	// mostDelay is what a connection's data may wait in queues. Where queues are
	// longer than that, calls wait as long, and are lost when they overflow.
	mostDelay = 45 * time.Millisecond

	lookFirst = 5 * time.Millisecond  // until there was a queue, or a round trip, if that is longer
	lookEvery = 20 * time.Millisecond // from then on, or a round trip
	rateTime  = 50 * time.Millisecond // of sending, that tells a rate
	foreign   = 2 * time.Second       // of queues twice as long as ours may be: others make them
	restTime  = 10 * time.Second      // that such queues are not yielded to
)

// A route is what the kernel knows about the way that a connection takes.
type route struct {
	rtt   time.Duration // of late
	base  time.Duration // the shortest rtt: with empty queues
	acked int64         // bytes that have arrived
	busy  time.Duration // for how long there was something to send or on its way
	sent  int64         // bytes that were sent, again ones counted again
	again int64         // of these the ones that were sent again
}

// Where a way is longer than farAway, or more than one byte in lossOf gets lost on
// it, packets are worth pacing.
const (
	farAway   = 5 * time.Millisecond
	lossOf    = 1000
	firstLoss = 128 << 10 // bytes, that a queue may overflow by when a connection begins
)

// hard reports whether congestion control has more to do on the way than to stay
// out of it.
func (r route) hard() bool {
	return r.base > farAway || r.again > firstLoss && r.again*lossOf > r.sent
}

// fits returns how many bytes arrived, since the route was as before, in the
// time that the way takes with queues of the given length. It is the most that
// can be on its way without making them longer.
func (r route) fits(before route, queues time.Duration) int {
	busy := max(r.busy-before.busy, time.Microsecond)
	return int(float64(r.acked-before.acked) * (r.base + queues).Seconds() / busy.Seconds())
}

// An inflight bounds the bytes of a connection that are on their way, so that
// they make no long queue anywhere: congestion control by itself fills queues
// until they overflow, and all that shares the link waits as long. The bound
// grows, doubling at first, while what is on its way arrives quickly. Where it
// is slow the bound becomes what arrives in the time that the way may take.
// Queues that last nevertheless are others', and not yielded to. It does no
// I/O; the zero inflight is ready.
type inflight struct {
	bytes   int       // the bound; 0: none
	begun   bool      // there was a first bound
	settled bool      // there was a queue: it grows slowly from then on
	looked  time.Time // when it was last changed
	last    route     // at that time
	from    route     // where the rate is measured from
	slow    time.Time // since when queues were longer than ours can be, at every look; zero: they are not
	rest    time.Time // until when queues are taken for others'
}

// begin sets the first bound.
func (w *inflight) begin(r route, now time.Time) {
	w.begun, w.bytes, w.looked, w.last, w.from = true, firstInflight, now, r, r
}

// due reports whether it is time to look at the route again.
func (w *inflight) due(now time.Time) bool {
	every := lookFirst
	if w.settled || w.bytes == 0 {
		every = lookEvery
	}
	return w.begun && now.Sub(w.looked) >= max(every, w.last.rtt)
}

// look fits the bound to how the route is now.
func (w *inflight) look(r route, now time.Time) {
	queues := r.rtt - r.base
	switch {
	case queues <= 2*mostDelay:
		w.slow = time.Time{}
	case w.slow.IsZero():
		w.slow = now
	}
	switch {
	case now.Before(w.rest):
		w.bytes = 0
	case queues > mostDelay:
		w.shrink(r, now)
	case queues <= mostDelay/2 && r.fits(w.last, mostDelay/2) >= w.bytes:
		w.grow()
	}
	w.looked, w.last = now, r
	if r.busy-w.from.busy >= rateTime {
		w.from = r
	}
}

// shrink makes the bound what fits, unless that has not helped for long.
func (w *inflight) shrink(r route, now time.Time) {
	w.settled = true
	if !w.slow.IsZero() && now.Sub(w.slow) > foreign {
		w.bytes, w.rest, w.slow = 0, now.Add(restTime), time.Time{}
		return
	}
	if r.busy-w.from.busy < rateTime {
		return
	}
	if bytes := max(r.fits(w.from, mostDelay), leastInflight); w.bytes == 0 || bytes < w.bytes {
		w.bytes = bytes
	}
}

// grow makes the bound larger, if there is one.
func (w *inflight) grow() {
	if w.settled {
		w.bytes += w.bytes / 8
	} else {
		w.bytes *= 2
	}
	if w.bytes > freeInflight {
		w.bytes = 0
	}
}
