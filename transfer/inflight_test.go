package transfer

import (
	"testing"
	"time"
)

// A bottleneck is a link that senders fill at their will: what is on its way
// beyond what the link carries in a round trip waits in its queue.
type bottleneck struct {
	rate    float64       // bytes a second
	base    time.Duration // round trip with an empty queue
	burst   float64       // bytes that pass at once at first
	foreign float64       // bytes of others, which stay in the queue
	senders []*sender
}

// A sender always has something to send, as much as its bound lets on its way.
type sender struct {
	inflight inflight
	route    route
	flying   float64
}

// most is how much congestion control lets on its way, however long the queue.
const most = 8 << 20

func newBottleneck(rate float64, base time.Duration, senders int) *bottleneck {
	l := &bottleneck{rate: rate, base: base}
	for range senders {
		l.senders = append(l.senders, &sender{route: route{rtt: base, base: base}})
	}
	return l
}

// run has all send for a while, from a time on. It returns the longest and the
// shortest time that the queue took in the last half of that.
func (l *bottleneck) run(from time.Time, over time.Duration) (shortest, longest time.Duration) {
	const step = time.Millisecond
	shortest = time.Hour
	for at := time.Duration(0); at < over; at += step {
		total := l.foreign
		for _, s := range l.senders {
			s.send(from.Add(at))
			total += s.flying
		}
		queue := max(time.Duration((total-l.burst)/l.rate*1e9)-l.base, 0)
		if at > over/2 {
			shortest, longest = min(shortest, queue), max(longest, queue)
		}
		carried := min(l.rate*step.Seconds()+l.burst, total-l.foreign)
		l.burst = max(0, l.burst-carried)
		for _, s := range l.senders {
			s.arrive(carried*s.flying/(total-l.foreign), l.base+queue, step)
		}
	}
	return shortest, longest
}

func (s *sender) send(now time.Time) {
	if !s.inflight.begun {
		s.inflight.begin(s.route, now)
	}
	if s.inflight.due(now) {
		s.inflight.look(s.route, now)
	}
	limit := float64(s.inflight.bytes)
	if limit == 0 {
		limit = most
	}
	s.flying = max(s.flying, limit)
}

func (s *sender) arrive(bytes float64, rtt, step time.Duration) {
	s.flying -= bytes
	s.route.acked += int64(bytes)
	s.route.busy += step
	s.route.rtt += (rtt - s.route.rtt) / 16 // of many acknowledgements, as the kernel smooths
}

func TestBulkFillsALinkAndMakesNoLongQueue(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		name    string
		rate    float64 // bytes a second
		base    time.Duration
		senders int
	}{
		{"20 Mbit/s", 2.5e6, 100 * time.Microsecond, 1},
		{"200 Mbit/s", 25e6, 100 * time.Microsecond, 8},
		{"1 Gbit/s", 125e6, 200 * time.Microsecond, 3},
		{"50 Mbit/s, far away", 6.25e6, 80 * time.Millisecond, 2},
	} {
		l := newBottleneck(c.rate, c.base, c.senders)
		l.burst = 256 << 10
		shortest, longest := l.run(start, 6*time.Second)
		if longest > 2*mostDelay {
			t.Errorf("%s: what else is sent waits for %v", c.name, longest)
		}
		if shortest == 0 {
			t.Errorf("%s: the link was idle", c.name)
		}
	}
}

func TestBulkIsNotBoundWhereALinkIsFast(t *testing.T) {
	l := newBottleneck(1.25e9, 100*time.Microsecond, 1)
	l.run(time.Unix(1000, 0), 300*time.Millisecond)
	if s := l.senders[0]; s.inflight.bytes != 0 {
		t.Errorf("after 0.3 s at 10 Gbit/s at most %d bytes are on their way", s.inflight.bytes)
	}
}

func TestBulkDoesNotYieldToQueuesOfOthers(t *testing.T) {
	l := newBottleneck(12.5e6, 100*time.Microsecond, 1)
	l.foreign = 1.25e6 // 100 ms
	l.run(time.Unix(1000, 0), 4*time.Second)
	if s := l.senders[0]; s.inflight.bytes != 0 {
		t.Errorf("beside others at most %d bytes are on their way", s.inflight.bytes)
	}
}

func TestAWayIsHardWhereItIsLongOrLosesMuch(t *testing.T) {
	for _, c := range []struct {
		route route
		hard  bool
	}{
		{route{}, false},
		{route{base: farAway}, false},
		{route{base: farAway + 1}, true},
		{route{sent: firstLoss, again: firstLoss}, false}, // the first packets only
		{route{sent: 200 << 20, again: firstLoss + 1}, false},
		{route{sent: 10 << 20, again: firstLoss + 1}, true},
	} {
		if got := c.route.hard(); got != c.hard {
			t.Errorf("%+v: hard is %t", c.route, got)
		}
	}
}
