package plumb

import (
	"context"
	"sync"
	"time"
)

// Limits of what waits for one reader, or for one node.
const (
	MaxLines = 1000
	MaxBytes = 4 << 20

	// MaxLine is the longest line, in bytes, with the \n at its end.
	MaxLine = 1 << 20
)

// A reader takes so much at a time. Less would hold writers up for less, and let
// slower readers lose nothing: patience is for each.
const (
	takeLines = MaxLines / 4
	takeBytes = MaxBytes / 4
)

// patience is how long a writer waits for a reader whose queue is full.
const patience = time.Second / 4

// item is a line on its way.
type item struct {
	pipe Name
	one  bool   // for one reader of the node that it goes to
	text string // ends with \n
}

// queue holds lines for somebody who may be slow. It is safe for concurrent
// use.
type queue struct {
	ready chan struct{} // has room for one: there may be something to take

	mu    sync.Mutex      // guards what follows
	items []item          // the oldest first
	bytes int             // of their texts
	lost  map[Name]uint64 // items that found no room, ever
	slow  bool            // nothing was taken for patience while there was no room
	room  chan struct{}
}

func newQueue() *queue {
	return &queue{ready: make(chan struct{}, 1), room: make(chan struct{}), lost: make(map[Name]uint64)}
}

// put adds it, and waits for room where that may come soon. It reports whether
// the queue has become slow by that.
func (q *queue) put(ctx context.Context, it item) bool {
	room := q.add(it)
	if room == nil {
		return false
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for room != nil {
		select {
		case <-room:
			room = q.add(it)
		case <-timer.C:
			q.force(it, true)
			return true
		case <-ctx.Done():
			q.force(it, false)
			return false
		}
	}
	return false
}

// add adds it, or returns what is closed when there may be room.
func (q *queue) add(it item) <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.slow && len(q.items) > 0 && (len(q.items) >= MaxLines || q.bytes+len(it.text) > MaxBytes) {
		return q.room
	}
	q.addLocked(it)
	return nil
}

// force adds it in the place of the oldest, and notes whether q is slow.
func (q *queue) force(it item, slow bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.slow = q.slow || slow
	q.addLocked(it)
}

func (q *queue) addLocked(it item) {
	q.items = append(q.items, it)
	q.bytes += len(it.text)
	over := 0
	for len(q.items)-over > MaxLines || q.bytes > MaxBytes {
		q.bytes -= len(q.items[over].text)
		q.lost[q.items[over].pipe]++
		over++
	}
	clear(q.items[:over]) // their texts are not kept
	q.items = q.items[over:]
	q.wake()
}

// wake says that there may be something to take.
func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default: // it is said already
	}
}

// take returns what waits, the oldest first: at most so many items, and no more
// than so many bytes, unless that is one item.
func (q *queue) take(items, size int) []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, taken := 0, 0
	for n < min(items, len(q.items)) && (n == 0 || taken+len(q.items[n].text) <= size) {
		taken += len(q.items[n].text)
		n++
	}
	if n == 0 {
		return nil
	}
	some := q.items[:n:n]
	q.items, q.bytes, q.slow = q.items[n:], q.bytes-taken, false
	close(q.room)
	q.room = make(chan struct{})
	if len(q.items) > 0 {
		q.wake()
	}
	return some
}

// misses returns how many lines of a pipe were lost.
func (q *queue) misses(name Name) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost[name]
}

// drop empties q, counts what it held as lost, and returns how many lines of each
// pipe were.
func (q *queue) drop() map[Name]uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		q.lost[it.pipe]++
	}
	all := q.lost
	q.items, q.bytes, q.lost = nil, 0, make(map[Name]uint64)
	return all
}
