package mesh

import (
	"context"
	"errors"
	"sync"

	"minimega/mesh/wire"
)

// Limits of what waits to be written on one link.
const (
	maxUrgent = 4096     // frames of the topology; more means that the peer does not read
	maxBulk   = 32 << 20 // bytes of calls and answers that are relayed
	softBulk  = 1 << 20  // bytes, above which the maker of an answer waits
)

// errClosed reports a link that is gone.
var errClosed = errors.New("link closed")

// frame waits to be encoded and written. Its payload does not change.
type frame struct {
	t       wire.Type
	payload any
}

// queue is what waits to be written on a link. The topology's frames overtake
// calls and answers, so that a busy link does not look dead.
type queue struct {
	ready chan struct{} // capacity 1: there is something to write, or the end

	mu       sync.Mutex // guards what follows
	urgent   []frame
	bulk     []frame
	bytes    int           // of bulk
	room     chan struct{} // closed when bytes falls below softBulk
	finished bool          // nothing more comes: write the urgent ones and end
	aborted  bool          // write nothing more
}

func newQueue() *queue {
	return &queue{ready: make(chan struct{}, 1), room: make(chan struct{})}
}

// pushUrgent adds a frame of the topology. It fails when the queue is full.
func (q *queue) pushUrgent(f frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.finished || q.aborted {
		return true // too late to matter
	}
	if len(q.urgent) >= maxUrgent {
		return false
	}
	q.urgent = append(q.urgent, f)
	nudge(q.ready)
	return true
}

// pushBulk adds a call, an answer or a cancel. It fails when the queue is full
// or closed.
func (q *queue) pushBulk(f frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.finished || q.aborted || q.bytes+bodySize(f.payload) > maxBulk {
		return false
	}
	q.pushLocked(f)
	return true
}

func (q *queue) pushLocked(f frame) {
	q.bulk = append(q.bulk, f)
	q.bytes += bodySize(f.payload) + overhead
	nudge(q.ready)
}

// overhead is what a frame without a body counts for, in bytes.
const overhead = 256

// pushWaiting is pushBulk for those who can wait until there is room. The error
// is errClosed or ctx's.
func (q *queue) pushWaiting(ctx context.Context, f frame) error {
	for {
		q.mu.Lock()
		if q.finished || q.aborted {
			q.mu.Unlock()
			return errClosed
		}
		if q.bytes < softBulk {
			q.pushLocked(f)
			q.mu.Unlock()
			return nil
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finish lets the urgent frames be written and then ends the queue.
func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finished = true
	q.closeLocked()
}

// abort ends the queue at once.
func (q *queue) abort() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.aborted = true
	q.closeLocked()
}

func (q *queue) closeLocked() {
	q.bytes = 0
	q.roomLocked()
	nudge(q.ready)
}

func (q *queue) roomLocked() {
	close(q.room)
	q.room = make(chan struct{})
}

// take blocks until there is a frame to write; false is the end.
func (q *queue) take() (frame, bool) {
	for {
		if f, ok, end := q.next(); ok || end {
			return f, ok
		}
		<-q.ready
	}
}

// next returns the frame to be written next, if there is one.
func (q *queue) next() (f frame, ok, end bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.aborted:
		return frame{}, false, true
	case len(q.urgent) > 0:
		f, q.urgent = q.urgent[0], q.urgent[1:]
		return f, true, false
	case q.finished:
		return frame{}, false, true
	case len(q.bulk) == 0:
		return frame{}, false, false
	}
	f, q.bulk[0], q.bulk = q.bulk[0], frame{}, q.bulk[1:]
	before := q.bytes
	q.bytes -= bodySize(f.payload) + overhead
	if before >= softBulk && q.bytes < softBulk {
		q.roomLocked()
	}
	return f, true, false
}

// bodySize returns how many bytes of a payload are somebody's body.
func bodySize(payload any) int {
	switch p := payload.(type) {
	case *wire.Call:
		return len(p.Body)
	case *wire.Answer:
		return len(p.Body)
	}
	return 0
}
