package transfer

import (
	"context"
	"slices"
	"sync"
)

// A queue gives out a fixed number of turns: to jobs that have fewest first,
// then in order of asking, so that a job of many files does not keep others
// waiting, nor they it. Jobs that somebody waits for have more turns of their
// own, and of the others every second one while anybody else waits too: they go
// first, and nobody starves.
type queue struct {
	mu      sync.Mutex
	free    int // turns left; below zero while some that were lent are in use again
	spare   int // turns left that are for urgent jobs only
	held    map[*Job]int
	waiting []*waiter // in order of asking
	favored bool      // the last ordinary turn went to an urgent job, past others
}

type waiter struct {
	job  *Job
	turn chan *turn // takes one
}

// A turn is the leave to fetch. It belongs to one goroutine.
type turn struct {
	q     *queue
	job   *Job
	spare bool // it is one of the spare ones
	lent  bool // others may use it
}

// newQueue returns a queue of n turns, and of spare ones for urgent jobs.
func newQueue(n, spare int) *queue { return &queue{free: n, spare: spare, held: map[*Job]int{}} }

// acquire waits for a turn. Its error is that of ctx.
func (q *queue) acquire(ctx context.Context, j *Job) (*turn, error) {
	w := &waiter{j, make(chan *turn, 1)}
	q.mu.Lock()
	q.waiting = append(q.waiting, w)
	q.giveLocked()
	q.mu.Unlock()
	select {
	case t := <-w.turn:
		return t, nil
	default:
		j.begin() // as far as it can
	}
	select {
	case t := <-w.turn:
		return t, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, w); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	} else {
		(<-w.turn).backLocked() // it came at the same moment
	}
	return nil, ctx.Err()
}

// again looks who is next, after a job became urgent.
func (q *queue) again() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.giveLocked()
}

// release gives the turn back.
func (t *turn) release() {
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	t.backLocked()
}

// lend lets others go while the holder can do nothing, or, with false, ends
// that without waiting: there may be more at work then than there are turns,
// and the next ones wait for that many to end.
func (t *turn) lend(idle bool) {
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	switch {
	case idle && !t.lent:
		t.countLocked(1)
	case !idle && t.lent:
		t.countLocked(-1)
	}
	t.lent = idle
	t.q.giveLocked()
}

func (t *turn) backLocked() {
	if !t.lent {
		t.countLocked(1)
	}
	if t.q.held[t.job]--; t.q.held[t.job] == 0 {
		delete(t.q.held, t.job)
	}
	t.q.giveLocked()
}

// countLocked adds n to the turns of t's kind that are left.
func (t *turn) countLocked(n int) {
	if t.spare {
		t.q.spare += n
	} else {
		t.q.free += n
	}
}

// giveLocked hands out what turns there are.
func (q *queue) giveLocked() {
	for {
		urgent, other := q.nextLocked(true), q.nextLocked(false)
		switch {
		case urgent != nil && q.spare > 0:
			q.grantLocked(urgent, true)
		case q.free <= 0 || urgent == nil && other == nil:
			return
		case urgent != nil && (other == nil || !q.favored):
			q.favored = other != nil
			q.grantLocked(urgent, false)
		default:
			q.favored = false
			q.grantLocked(other, false)
		}
	}
}

// nextLocked returns who is next of those that are urgent, or of the others; nil
// is nobody.
func (q *queue) nextLocked(urgent bool) (best *waiter) {
	for _, w := range q.waiting {
		if w.job.urgent.Load() == urgent && (best == nil || q.held[w.job] < q.held[best.job]) {
			best = w
		}
	}
	return best
}

func (q *queue) grantLocked(w *waiter, spare bool) {
	q.waiting = slices.DeleteFunc(q.waiting, func(o *waiter) bool { return o == w })
	t := &turn{q: q, job: w.job, spare: spare}
	t.countLocked(-1)
	q.held[w.job]++
	w.turn <- t
}
