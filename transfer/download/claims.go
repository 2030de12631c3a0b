package download

import (
	"context"
	"errors"
	"sync"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// failureKept is how long those who wait are told that a download failed.
const failureKept = 5 * time.Second

// claims are the downloads that this node is about to begin, or is at.
type claims struct {
	mu     sync.Mutex
	own    map[wire.FileName]*claim
	failed map[wire.FileName]failure
}

// A claim is one of them.
type claim struct {
	name   wire.FileName
	source string        // as other nodes may know it
	done   chan struct{} // closed when it has ended
	err    error         // what it ended with; set before done is closed

	running bool        // it has begun; under claims.mu
	gaveWay wire.Member // who asked first; zero: nobody; under claims.mu

	mu     sync.Mutex
	row    Running       // how far it is
	draft  wire.Version  // as which it is shared; zero: it is not
	stamp  store.Stamp   // of that
	shared chan struct{} // closed while it is
}

// failure is how a download has failed that would fail elsewhere too.
type failure struct {
	source string
	text   string
	at     time.Time
}

// begin returns a new claim to u's name, or false and the one that there is.
func (c *claims) begin(u URL) (*claim, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if there := c.own[u.Name]; there != nil {
		return there, false
	}
	mine := &claim{name: u.Name, source: u.source(), done: make(chan struct{}), shared: make(chan struct{})}
	mine.row.Name = u.Name
	c.own[u.Name] = mine
	return mine, true
}

// confirm makes mine a running one, unless another node was first.
func (c *claims) confirm(mine *claim) (first wire.Member, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !mine.gaveWay.ID.IsZero() {
		return mine.gaveWay, false
	}
	mine.running = true
	return wire.Member{}, true
}

// end ends mine.
func (c *claims) end(mine *claim, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.own, mine.name)
	for name, f := range c.failed {
		if time.Since(f.at) > failureKept {
			delete(c.failed, name)
		}
	}
	if err != nil && mine.source != "" && !ownFailure(err) {
		c.failed[mine.name] = failure{mine.source, err.Error(), time.Now()}
	}
	mine.err = err
	close(mine.done)
}

// ownFailure reports whether err is about this node or its user, so that others
// may have better luck.
func ownFailure(err error) bool {
	return givenUp(err) || errors.Is(err, ErrNotAllowed) || errors.Is(err, errKeeping)
}

// givenUp reports whether err is that a user did not wait for the end.
func givenUp(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// get returns the claim to name, nil where there is none.
func (c *claims) get(name wire.FileName) *claim {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own[name]
}

// answer says what this node does about a name, as wire.MethodDownload has it.
func (c *claims) answer(self, from wire.Member, ask wire.DownloadAsk) wire.DownloadAnswer {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine := c.own[ask.Name]
	switch {
	case mine != nil && (mine.running || ask.Wait || before(self, from)):
		return mine.busy(ask)
	case mine != nil:
		mine.gaveWay = from
	case ask.Wait && ask.Source != "":
		if f, ok := c.failed[ask.Name]; ok && f.source == ask.Source && time.Since(f.at) <= failureKept {
			return wire.DownloadAnswer{State: wire.DownloadFailed, Error: f.text}
		}
	}
	return wire.DownloadAnswer{State: wire.DownloadFree}
}

// before reports whether a comes first where both ask at once.
func before(a, b wire.Member) bool { return string(a.ID[:]) < string(b.ID[:]) }

// list returns how far all are that have begun.
func (c *claims) list() []Running {
	c.mu.Lock()
	defer c.mu.Unlock()
	var rows []Running
	for _, mine := range c.own {
		if mine.running {
			rows = append(rows, mine.now())
		}
	}
	return rows
}

// far records how far m is, in bytes.
func (m *claim) far(dir string, done, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.row.Dir, m.row.Done, m.row.Total = dir, done, total
}

func (m *claim) now() Running {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.row
}

// share records that others may take part in what stamp says, as a draft.
func (m *claim) share(draft wire.Version, stamp store.Stamp) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.draft, m.stamp = draft, stamp
	close(m.shared)
}

// unshare records that they may not any more.
func (m *claim) unshare() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.draft, m.shared = wire.Version{}, make(chan struct{})
}

// offered returns a channel that is closed when others may take part, in another
// draft than the one that is known.
func (m *claim) offered(known wire.Version) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !known.IsZero() && m.draft == known {
		return nil
	}
	return m.shared
}

// busy tells a node that asks how far m is. What proves to a server that its
// file is the same is worth nothing to who asks another one.
func (m *claim) busy(ask wire.DownloadAsk) wire.DownloadAnswer {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := wire.DownloadAnswer{State: wire.DownloadBusy, Done: m.row.Done, Total: m.row.Total, Draft: m.draft}
	if !m.draft.IsZero() && m.source != "" && m.source == ask.Source {
		a.Tag, a.Modified = m.stamp.Tag, m.stamp.Modified
	}
	return a
}
