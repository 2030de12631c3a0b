package shell

import (
	"fmt"
	"strings"
	"sync"
)

// Limits of what waits to be sent away: the rest is lost, and counted.
const (
	maxLogLines = 1000
	maxLogLine  = 4 << 10 // bytes
)

// logQueue holds lines of the log for a receiver that may be slow or away. It
// is safe for concurrent use, and blocks nobody.
type logQueue struct {
	mu    sync.Mutex // guards what follows
	to    string     // who receives them; "": nobody
	first string     // to, as the program began
	lines []string   // the oldest first
	lost  int        // lines since the last take that found no room
	bad   error      // why the receiver did not take the last lines; nil: it did

	ready chan struct{} // has room for one: there are lines
}

func newLogQueue() *logQueue { return &logQueue{ready: make(chan struct{}, 1)} }

// send has lines go to a receiver; "" ends that. What waits for the one before
// is forgotten.
func (q *logQueue) send(to string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.to != to {
		q.to, q.lines, q.lost, q.bad = to, nil, 0, nil
	}
}

// reset has lines go to whom the program began with.
func (q *logQueue) reset() {
	q.mu.Lock()
	first := q.first
	q.mu.Unlock()
	q.send(first)
}

// receiver returns to whom lines go, or "".
func (q *logQueue) receiver() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.to
}

// add puts a line behind the others; the oldest is lost where there is no room.
func (q *logQueue) add(line string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.to == "" {
		return
	}
	if len(q.lines) >= maxLogLines {
		q.lines = q.lines[1:]
		q.lost++
	}
	q.lines = append(q.lines, strings.ToValidUTF8(line[:min(len(line), maxLogLine)], "?"))
	q.wake()
}

// wake says that there are lines.
func (q *logQueue) wake() {
	select {
	case q.ready <- struct{}{}:
	default: // it is said already
	}
}

// take returns all lines, to whom they go, and how many were lost before them.
func (q *logQueue) take() (to string, lines []string, lost int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	to, lines, lost = q.to, q.lines, q.lost
	q.lines, q.lost = nil, 0
	return to, lines, lost
}

// done notes that to has taken what was taken for it.
func (q *logQueue) done(to string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.to == to {
		q.bad = nil
	}
}

// waits says how many lines wait and why, or "" while they are taken.
func (q *logQueue) waits() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bad == nil {
		return ""
	}
	return fmt.Sprintf(" (%d lines wait, %d are lost: %v)", len(q.lines), q.lost, q.bad)
}

// back puts lines that were taken for to, and that it did not receive, before
// the others; the oldest are lost where there is no room.
func (q *logQueue) back(to string, lines []string, lost int, why error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.to != to {
		return
	}
	q.bad = why
	q.lines = append(lines, q.lines...)
	over := max(0, len(q.lines)-maxLogLines)
	q.lines, q.lost = q.lines[over:], q.lost+lost+over
}
