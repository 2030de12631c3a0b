package completion

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"time"

	"minimega/mesh/wire"
)

// Method is the name of the mesh call that asks a node for its file names; its
// bodies are [namesRequest] and [namesAnswer].
const Method = "names"

// Limits of what is asked and kept.
const (
	maxNames   = 512       // of one node under one prefix: more than a window shows
	maxLocal   = 1_000_000 // of one directory, that a node may claim to have
	maxMerged  = 50_000    // of all nodes under one prefix
	maxTotal   = 500_000   // under all prefixes
	maxListing = 64        // prefixes
	maxRounds  = 8         // questions that usual nodes have still to answer, at once
	maxLinger  = 256       // questions that only nodes have still to answer that were silent before

	roundTime = time.Second     // that a node has to answer in
	freshTime = 3 * time.Second // that answers are good for without asking again

	// soonTime is how long after the question more is worth waiting for.
	soonTime = 100 * time.Millisecond

	// stillTime is how late it is noticed that time is over where a process did
	// not run, and how long it has then to read what came meanwhile.
	stillTime = 30 * time.Millisecond
)

// Mesh is what MeshNames needs of the mesh.
type Mesh interface {
	Members() []wire.Member
	Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply]
}

// MeshNames knows the names of files on all nodes, as far as they have said.
// All methods are safe for concurrent use.
type MeshNames struct {
	mesh    Mesh
	list    func(prefix string, limit int) (names []string, total int)
	changed func()
	asks    chan string // keys whose listing is to be filled

	mu     sync.Mutex           // guards what follows
	cache  map[string]*listing  // by key: a directory with its slash, or a prefix
	latest *listing             // that Names was last asked for
	seen   int                  // answers to it by then
	slow   map[wire.NodeID]bool // nodes that were silent in their last round
	linger []*round             // that only slow nodes have still to answer, oldest first
	more   chan struct{}        // closed and replaced whenever more is known
}

// NewMeshNames returns a MeshNames that knows nothing yet and starts nothing.
// list returns the names of this node that begin with prefix, below one
// directory, directories ending in "/", in order and each once, and how many
// there are: where that is more than limit, the first ones and the last. It may
// take its time the first time. changed is called, from any goroutine and with
// nothing locked, when more is known.
func NewMeshNames(mesh Mesh, list func(prefix string, limit int) (names []string, total int), changed func()) *MeshNames {
	return &MeshNames{
		mesh:    mesh,
		list:    list,
		changed: changed,
		asks:    make(chan string, maxListing),
		cache:   map[string]*listing{},
		slow:    map[wire.NodeID]bool{},
		more:    make(chan struct{}),
	}
}

// Run asks what Names finds missing, until ctx ends. It returns when no
// question is under way any more, always nil. First it lists the names that are
// asked for most, so that nobody waits for a directory to be read.
func (m *MeshNames) Run(ctx context.Context) error {
	var rounds sync.WaitGroup
	rounds.Go(func() { m.list("", maxNames) })
	for range maxRounds {
		rounds.Go(func() {
			for {
				select {
				case key := <-m.asks:
					m.ask(ctx, key, &rounds)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	rounds.Wait()
	return nil
}

// Names returns what is known of the names that begin with prefix, sorted,
// each once, and has them asked for again unless they are fresh. Where a node
// has more than 512, there are its first ones and the last, which have in
// common what all of them have; see [MeshNames.Total]. It does not block. The
// slice is only to be read.
func (m *MeshNames) Names(prefix string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names, _ := m.knownLocked(prefix)
	return names
}

// knownLocked is Names; waiting reports that nodes which usually answer have
// still to do so.
func (m *MeshNames) knownLocked(prefix string) (names []string, waiting bool) {
	key := m.keyLocked(prefix)
	l := m.listingLocked(key)
	m.latest, m.seen = l, l.heard
	m.askLocked(key, l)
	return merge(within(l.settled, prefix), within(l.arriving, prefix)), l.awaited > 0
}

// Total returns how many names there are at least of what Names was last asked
// for, where it did not return all; otherwise 0.
func (m *MeshNames) Total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.latest == nil {
		return 0
	}
	return m.latest.most
}

// Pending reports whether nodes that usually answer had still to do so about
// what Names was last asked for, when it was, and were asked only just now: a
// moment's wait, or another look, may show more.
func (m *MeshNames) Pending() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.latest
	return l != nil && (l.awaited > 0 || l.heard != m.seen) && time.Since(l.asked) < soonTime
}

// Ask is Names for those who can wait: it blocks until all nodes that usually
// answer have done so, or ctx ends, and returns what is known then. Where it is
// noticed late that ctx is over time, this process stood still meanwhile, and
// what has come for it was not read either: that has stillTime to be.
func (m *MeshNames) Ask(ctx context.Context, prefix string) []string {
	for still := false; ; {
		m.mu.Lock()
		more := m.more
		names, waiting := m.knownLocked(prefix)
		m.mu.Unlock()
		if !waiting {
			return names
		}
		select {
		case <-more:
		case <-ctx.Done():
			if still || !overdue(ctx) {
				return m.Names(prefix)
			}
			still = true
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), stillTime)
			defer cancel()
		}
	}
}

// overdue reports whether ctx ended by time, and longer ago than it takes to
// notice that.
func overdue(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && errors.Is(ctx.Err(), context.DeadlineExceeded) && time.Since(end) > stillTime
}

// Answer is the handler of [Method]: it says which local names begin with a
// prefix. Its only error is that of a request that does not decode.
func (m *MeshNames) Answer(_ context.Context, _ wire.Member, body []byte) ([]byte, error) {
	var req namesRequest
	if err := wire.Unmarshal(body, &req); err != nil {
		return nil, &wire.DecodeError{What: "names request", Err: err}
	}
	if len(req.Prefix) > wire.MaxFileName {
		return nil, &wire.DecodeError{What: "names request", Err: wire.ErrTooLarge}
	}
	names, total := m.list(req.Prefix, int(max(1, min(req.Limit, maxNames))))
	answer := namesAnswer{Names: encodeNames(names)}
	if total > len(names) {
		answer.Total = uint(total)
	}
	return wire.Marshal(answer)
}

// tell wakes those who wait for more.
func (m *MeshNames) tell() {
	m.mu.Lock()
	close(m.more)
	m.more = make(chan struct{})
	m.mu.Unlock()
	m.changed()
}

// keyLocked returns under which key names that begin with prefix are kept: the
// shortest beginning of prefix, from its directory on, that is known to have
// few enough names, else prefix itself.
func (m *MeshNames) keyLocked(prefix string) string {
	for n := strings.LastIndexByte(prefix, '/') + 1; n < len(prefix); n++ {
		if l, ok := m.cache[prefix[:n]]; ok && l.most == 0 {
			return prefix[:n]
		}
	}
	return prefix
}
