package completion

import "time"

// listing is what is known under one key. Its slices are sorted, hold each name
// once, and are replaced but never changed.
type listing struct {
	settled  []string  // what the last round found
	arriving []string  // what the round under way has found so far
	most     int       // the most names that a node has which did not say them all; 0: all did
	mostNow  int       // the same of the round under way
	partial  bool      // some node was silent in the last round
	running  bool      // a round is under way or waits for its turn
	awaited  int       // answers of this round worth waiting for
	heard    int       // answers in all rounds
	asked    time.Time // when the last round was called for
	used     time.Time // when Names last wanted it
}

// listingLocked returns the listing under key, made if need be.
func (m *MeshNames) listingLocked(key string) *listing {
	l, ok := m.cache[key]
	if !ok {
		m.shrinkLocked()
		l = &listing{}
		m.cache[key] = l
	}
	l.used = time.Now()
	return l
}

// askLocked has l filled again unless it is fresh and whole. Where too many
// questions wait already, this one is left out: the next key asks again.
func (m *MeshNames) askLocked(key string, l *listing) {
	if l.running || !l.partial && time.Since(l.asked) < freshTime {
		return
	}
	select {
	case m.asks <- key:
		l.running, l.awaited, l.asked = true, 1, time.Now()
	default:
	}
}

// shrinkLocked makes room for one more listing, dropping those that were not
// wanted for longest.
func (m *MeshNames) shrinkLocked() {
	for {
		total, oldest := 0, ""
		var since time.Time
		for key, l := range m.cache {
			total += len(l.settled) + len(l.arriving)
			if !l.running && (since.IsZero() || l.used.Before(since)) {
				oldest, since = key, l.used
			}
		}
		if since.IsZero() || len(m.cache) < maxListing && total < maxTotal {
			return
		}
		delete(m.cache, oldest)
	}
}
