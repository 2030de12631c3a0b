package planner

import (
	"cmp"
	"time"
)

// How many chunks are asked for at a time.
const (
	leastAsked = 32 // of all peers together, at least
	ways       = 2  // or so many times what is on the way while nothing waits
	flowRun    = 16 // chunks by which it is told how fast they come
)

// A flow is how chunks that were asked for come, whoever they come from.
type flow struct {
	way   time.Duration // from asking to arriving when the peer had nothing else to send, smoothed
	usual time.Duration // from asking to arriving, whatever the peer had to send, smoothed
	every time.Duration // between two chunks of a fast run; 0: unknown
	began time.Duration // when this run did
	n     int           // chunks of it
}

// came records a chunk that took so long, of a peer whose quickest took least.
func (f *flow) came(now, took, least time.Duration) {
	f.way += (least - f.way) / flowRun
	f.lasted(took)
	if f.n++; f.n < flowRun {
		return
	}
	switch every := max((now-f.began)/flowRun, 1); {
	case f.every == 0 || every < f.every:
		f.every = every
	default:
		f.every += f.every / 64 // so that one lucky run is forgotten
	}
	f.began, f.n = now, 0
}

// lasted records that a chunk took so long. Those that come after they were taken back
// count too: else, where all take longer than others are waited for, nobody would learn
// that, and ask for ever more that comes twice.
func (f *flow) lasted(took time.Duration) {
	took = min(took, mostUsual)
	f.usual = cmp.Or(f.usual, took)
	f.usual += (took - f.usual) / flowRun
}

// most returns how many chunks may be asked for at a time. What is asked for early
// waits at who had it then, while those who got it later are idle.
func (f *flow) most() int {
	if f.every == 0 {
		return leastAsked
	}
	return max(leastAsked, int(ways*f.way/f.every))
}
