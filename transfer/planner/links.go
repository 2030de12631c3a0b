package planner

import "time"

// How many of its sources a receiver has links to.
const (
	usualLinks = leastAsked
	mostLinks  = 2 * usualLinks         // while something comes
	hungryFor  = 100 * time.Millisecond // after which it gets one more
)

// links is to how many sources a receiver should have links.
type links struct {
	more    int           // than usualLinks
	hungry  time.Duration // since when too little could be asked for; 0: enough could
	widened time.Duration // when there was one more
}

// Links returns to how many of so many sources a receiver should have links; which
// these are is to be drawn at random. Where all had links to all, slow ones would hold
// up everybody, and the cost of news would grow with the square of their number. There are
// as many as chunks that are asked for at a time: with more some are idle, and give
// the less. All have as many, since who has fewer than others comes last. Who finds too
// little to ask for gets more of them, up to twice as many, and who finds nothing gets
// more and more: others may have what none of these has. It is to be called a
// few times a second.
func (r *Receiver) Links(now time.Duration, sources int) int {
	l := &r.links
	if l.hungry > 0 && now-max(l.hungry, l.widened) >= hungryFor && (usualLinks+l.more < mostLinks || r.Idle()) {
		l.more++
		l.widened = now
	}
	return min(usualLinks+l.more, sources)
}

// hungers takes how many more chunks might be asked for, had anybody what is lacking. Half
// of what may be asked for at a time should be, or be left to others to deal.
func (r *Receiver) hungers(now time.Duration, room int) {
	half := r.flow.most() / 2
	for i := 0; i < len(r.order) && room > half; i++ {
		room -= len(r.order[i].credits)
	}
	switch {
	case room <= half:
		r.links.hungry = 0
	case r.links.hungry == 0:
		r.links.hungry = now
	}
}
