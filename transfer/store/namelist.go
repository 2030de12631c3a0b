package store

import (
	"sync"
	"time"
)

// Limits of the lists of names that are kept.
const (
	maxLists = 64        // directories
	maxNames = 1_000_000 // in all of them

	// settleTime is how old a directory's last change must be for its ctime
	// to tell it from the next one, whatever file system it is on.
	settleTime = 2 * time.Second

	// linkTime is how long a list with links is good for: what they lead to
	// changes unseen.
	linkTime = 2 * time.Second
)

// nameList is what Names knows of one directory. It is never changed.
type nameList struct {
	names []string  // in order, directories with a slash behind them
	links bool      // some of them are links
	stat  fileStat  // the directory's, before it was read
	read  time.Time // when that was
}

// good reports whether l is still true, at a time now, of a directory with
// that stat.
func (l nameList) good(stat fileStat, now time.Time) bool {
	settled := l.read.UnixNano()-l.stat.ctime > int64(settleTime)
	return settled && l.stat == stat && (!l.links || now.Sub(l.read) < linkTime)
}

// nameLists keeps the lists of the directories that were asked for last. The
// zero value is ready. It is safe for concurrent use.
type nameLists struct {
	mu    sync.Mutex
	lists map[string]nameList  // path without links → what is there
	used  map[string]time.Time // path → when it was wanted last
	total int                  // names in all lists
}

// get returns the list of the directory at path, which has that stat now.
func (n *nameLists) get(path string, stat fileStat, now time.Time) (nameList, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, ok := n.lists[path]
	if !ok || !l.good(stat, now) {
		return nameList{}, false
	}
	n.used[path] = now
	return l, true
}

// put keeps l as the list of the directory at path, for which it may forget
// others. A list that is longer than all that may be kept is not.
func (n *nameLists) put(path string, l nameList) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dropLocked(path)
	if len(l.names) > maxNames {
		return
	}
	for len(n.lists) >= maxLists || n.total+len(l.names) > maxNames {
		n.dropLocked(n.oldestLocked())
	}
	if n.lists == nil {
		n.lists, n.used = map[string]nameList{}, map[string]time.Time{}
	}
	n.lists[path], n.used[path] = l, l.read
	n.total += len(l.names)
}

// oldestLocked returns the path that was not wanted for longest.
func (n *nameLists) oldestLocked() (oldest string) {
	var since time.Time
	for path, used := range n.used {
		if since.IsZero() || used.Before(since) {
			oldest, since = path, used
		}
	}
	return oldest
}

func (n *nameLists) dropLocked(path string) {
	n.total -= len(n.lists[path].names)
	delete(n.lists, path)
	delete(n.used, path)
}
