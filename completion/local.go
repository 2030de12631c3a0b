package completion

import (
	"strings"
	"sync"
	"time"
)

// localTime is how long a large directory's names are good for without looking
// at it again: somebody types on.
const localTime = 2 * time.Second

// local lists this node's names. It keeps those of the last large directory
// for a moment. It is safe for concurrent use.
type local struct {
	list func(prefix string, limit int) []string

	mu    sync.Mutex // guards what follows
	dir   string     // with its slash
	names []string   // in order, never changed
	until time.Time
}

// find returns the names that begin with prefix, in order and each once. It
// reads the directory unless it is known.
func (l *local) find(prefix string) []string {
	dir := prefix[:strings.LastIndexByte(prefix, '/')+1]
	l.mu.Lock()
	names, known := l.names, l.dir == dir && time.Now().Before(l.until)
	l.mu.Unlock()
	if known {
		return within(names, prefix)
	}
	names = sorted(l.list(dir, maxLocal))
	if len(names) > maxNames {
		l.mu.Lock()
		l.dir, l.names, l.until = dir, names, time.Now().Add(localTime)
		l.mu.Unlock()
	}
	return within(names, prefix)
}
