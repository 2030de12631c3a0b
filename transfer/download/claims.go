package download

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"minimega/mesh/wire"
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

	soFar, total atomic.Int64 // bytes

	running bool        // it has begun; under claims.mu
	gaveWay wire.Member // who asked first; zero: nobody; under claims.mu
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
	mine := &claim{name: u.Name, source: u.source(), done: make(chan struct{})}
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
		return wire.DownloadAnswer{State: wire.DownloadBusy, Done: mine.soFar.Load(), Total: mine.total.Load()}
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
