package planner

import "time"

// How many of its sources a receiver has links to.
const (
	fewSources = 48                     // to all of so many
	usualLinks = leastAsked             // to so many of more
	mostLinks  = 2 * usualLinks         // while something comes
	hungryFor  = 100 * time.Millisecond // after which it gets one more
	behindBy   = usualLinks / 2         // chunks that fellows have more than who falls behind
)

// links is to how many of many sources a receiver should have links.
type links struct {
	more    int           // than usualLinks
	hungry  time.Duration // since when too little could be asked for; 0: enough could
	widened time.Duration // when there was one more
}

// Links returns to how many of so many sources a receiver should have links; which
// these are is to be drawn at random. A few all know each other, so that every chunk goes
// to each in two steps. Where many did, slow ones would hold up everybody, and the cost of
// news would grow with the square of their number. These have as many links as chunks are
// asked for at a time: with more some are idle, and give the less. All have as many,
// since who has fewer than others comes last. Who has them and finds too little to ask
// for gets more, up to twice as many, and who finds nothing gets more and more: others
// may have what none of these has. Who falls behind most of its fellows gets more as well:
// its sources have more to serve than others', and all of a large swarm would wait for it.
// It is to be called a few times a second.
func (r *Receiver) Links(now time.Duration, sources int) int {
	if sources <= fewSources {
		return sources
	}
	l := &r.links
	n := usualLinks + l.more
	hungry := l.hungry > 0 && now-l.hungry >= hungryFor && (n < mostLinks || r.Idle())
	if len(r.order) >= n && now-l.widened >= hungryFor && (hungry || n < mostLinks && r.lags()) {
		l.more++
		l.widened = now
	}
	return min(usualLinks+l.more, sources)
}

// lags reports whether three quarters of its fellows have some chunks more than this
// receiver, and it three quarters of theirs. Who has less has a slow link, or came late, and
// more sources would not help it.
func (r *Receiver) lags() bool {
	own := r.missing.Len() - r.missing.Count()
	fellows, ahead := 0, 0
	for _, p := range r.order {
		if p.complete() {
			continue
		}
		fellows++
		if has := p.have.Count(); has > own+behindBy && 3*has < 4*own {
			ahead++
		}
	}
	return ahead > 0 && 4*ahead >= 3*fellows
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
