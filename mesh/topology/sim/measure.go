// Package sim runs many topology machines against each other in one goroutine:
// links have a latency, frames are encoded and decoded as in truth, and the clock
// jumps from event to event. The same calls lead to the same run.
//
//	f, err := sim.Measure(ctx, 1000, 4)
//
// grows a mesh and says how long it takes to know itself, what it costs at rest
// and how soon it misses a node. A thousand nodes take a minute or two to
// compute, a hundred about a second.
//
// Hosts, cables, connections and encryption take no time here; the bytes that
// they add are counted. Package mesh is not here either: what is measured is the
// protocol, not the program. The package is for tests and benchmarks.
package sim

import (
	"context"
	"fmt"
	"time"
)

// How a mesh is measured.
const (
	joining  = 2 * time.Second  // in which the nodes come, one after another
	hints    = 5                // nodes that each is told of when it comes
	settling = 20 * time.Second // before it is taken to be at rest
	resting  = 10 * time.Second // that are measured
	hopeless = time.Minute      // after which what does not come will not
)

// Figures are what Measure finds.
type Figures struct {
	Met    time.Duration // from when the last node came until all saw all
	Idle   int64         // bytes a second that the busiest node sends at rest, with those of TLS, TCP and IP
	Missed time.Duration // from when a node fell silent until all others knew
}

// Measure grows a mesh of at least three nodes that each keep degree links. It
// blocks as long as that takes to compute; the error is ctx's or says what did
// not happen.
func Measure(ctx context.Context, nodes, degree int) (f Figures, err error) {
	s := newSim()
	s.over = func() bool { return ctx.Err() != nil }
	defer func() {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	s.grow(nodes, degree, joining)
	s.run(joining, nil)
	if f.Met, err = s.until(s.allSee(nodes - 1)); err != nil {
		return f, fmt.Errorf("not all see all: %w", err)
	}
	s.run(settling, nil)
	f.Idle = s.rest()
	s.hosts[nodes/2].dead = true
	if f.Missed, err = s.until(s.allSee(nodes - 2)); err != nil {
		return f, fmt.Errorf("not all miss the dead node: %w", err)
	}
	return f, nil
}

// until advances the clock until ok holds and returns how long that took.
func (s *sim) until(ok func() bool) (time.Duration, error) {
	began := s.now
	if !s.run(hopeless, ok) {
		return 0, fmt.Errorf("%s", s.state())
	}
	return s.now.Sub(began), nil
}

// grow has nodes come within some time, and each be told of some that were there
// before, within a second.
func (s *sim) grow(nodes, degree int, within time.Duration) {
	for i := range nodes {
		s.after(within*time.Duration(i+1)/time.Duration(nodes), func() {
			h := s.add(degree)
			for range hints {
				if i == 0 {
					break
				}
				other := s.hosts[s.rand.IntN(i)]
				s.after(time.Duration(s.rand.IntN(1000))*time.Millisecond, func() {
					s.step(h, func() { h.Hint(s.now, other.target()) })
				})
			}
		})
	}
	if within == 0 {
		s.run(time.Millisecond, nil)
	}
}

// rest lets some time pass and returns what the busiest node sent in it, in bytes
// a second.
func (s *sim) rest() (most int64) {
	for _, h := range s.hosts {
		h.sent = 0
	}
	s.run(resting, nil)
	for _, h := range s.hosts {
		most = max(most, h.sent/int64(resting/time.Second))
	}
	return most
}
