package transfer

import (
	"context"
	"slices"
	"sync"
)

// A queue gives out a fixed number of turns: to jobs that somebody waits for
// first, then to those that have fewest, then in order of asking.
type queue struct {
	mu      sync.Mutex
	free    int
	held    map[*Job]int
	waiting []*waiter // in order of asking
}

type waiter struct {
	job  *Job
	turn chan struct{} // closed when it has its turn
}

func newQueue(n int) *queue { return &queue{free: n, held: map[*Job]int{}} }

// acquire waits for a turn.
func (q *queue) acquire(ctx context.Context, j *Job) error {
	w := &waiter{j, make(chan struct{})}
	q.mu.Lock()
	q.waiting = append(q.waiting, w)
	q.giveLocked()
	q.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	default:
		j.begin() // as far as it can
	}
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, w); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		return ctx.Err()
	}
	q.backLocked(j) // the turn came at the same moment
	return ctx.Err()
}

// release gives a turn back.
func (q *queue) release(j *Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.backLocked(j)
}

func (q *queue) backLocked(j *Job) {
	q.free++
	if q.held[j]--; q.held[j] == 0 {
		delete(q.held, j)
	}
	q.giveLocked()
}

func (q *queue) giveLocked() {
	for q.free > 0 && len(q.waiting) > 0 {
		best := 0
		for i, w := range q.waiting {
			if q.before(w.job, q.waiting[best].job) {
				best = i
			}
		}
		w := q.waiting[best]
		q.waiting = slices.Delete(q.waiting, best, best+1)
		q.free--
		q.held[w.job]++
		close(w.turn)
	}
}

// before reports whether a is to have a turn before b, which asked earlier.
func (q *queue) before(a, b *Job) bool {
	if a.urgent.Load() != b.urgent.Load() {
		return a.urgent.Load()
	}
	return q.held[a] < q.held[b]
}
