package discovery

import (
	"context"
	"log/slog"
	"net"
	"sync"
)

// Config says where to look. The zero value looks nowhere.
type Config struct {
	CacheFile     string       // peers reached before; "" keeps none
	RendezvousDir string       // nodes of this user on this host; "" skips them
	MDNS          bool         // ask and answer on every multicast interface
	Log           *slog.Logger // nil discards

	// Interfaces lists the interfaces that mDNS may use; nil is [net.Interfaces].
	Interfaces func() ([]net.Interface, error)
}

// Discovery looks for the nodes of one mesh.
type Discovery struct {
	cfg   Config
	log   *limitedLog
	cache *cache
	first chan struct{} // closed once every source has been asked
}

// New returns a Discovery that does nothing until [Discovery.Run].
func New(cfg Config) *Discovery {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Interfaces == nil {
		cfg.Interfaces = net.Interfaces
	}
	log := newLimitedLog(cfg.Log)
	return &Discovery{
		cfg:   cfg,
		log:   log,
		cache: newCache(cfg.CacheFile, log),
		first: make(chan struct{}),
	}
}

// Run announces self and passes on hints until ctx ends, then withdraws what it
// announced and returns nil. It is called once. A source that fails is reported
// to the log and tried again later; it stops neither Run nor the others.
//
// found is called from one goroutine, Run's own, and delays further hints while
// it runs. It gets hints of self.Tag only, never self's own, and the same ones
// again from time to time.
func (d *Discovery) Run(ctx context.Context, self Announcement, found func(Hint)) error {
	out := outlet{self: self, hints: make(chan Hint), asked: make(chan struct{})}
	sources := d.sources(self)
	var running sync.WaitGroup
	for _, run := range sources {
		running.Go(func() { run(ctx, out) })
	}
	defer running.Wait()

	waiting := len(sources)
	for {
		if waiting == 0 {
			close(d.first)
			waiting = -1
		}
		select {
		case h := <-out.hints:
			found(h)
		case <-out.asked:
			waiting--
		case <-ctx.Done():
			return nil
		}
	}
}

// Remember keeps h, the addresses of a member that was really reached, for the
// next start. It does not block; it may be called at any time, concurrently.
// The file follows within a few seconds, and when Run returns.
func (d *Discovery) Remember(h Hint) { d.cache.remember(h) }

// FirstRound returns a channel that is closed when every source has been asked
// once and has had time to answer: about a second after Run begins where there
// is an interface for mDNS, at once where there is none.
func (d *Discovery) FirstRound() <-chan struct{} { return d.first }

// sources returns what looks for hints. Each runs until its ctx ends and calls
// asked exactly once unless ctx ends before.
func (d *Discovery) sources(self Announcement) []func(context.Context, outlet) {
	var sources []func(context.Context, outlet)
	if d.cfg.CacheFile != "" {
		sources = append(sources, d.cache.run)
	}
	if d.cfg.RendezvousDir != "" {
		sources = append(sources, newRendezvous(d.cfg.RendezvousDir, self, d.log).run)
	}
	if d.cfg.MDNS {
		sources = append(sources, newMulticast(self, d.cfg.Interfaces, d.log).run)
	}
	return sources
}

// An outlet takes what the sources find to Run's goroutine.
type outlet struct {
	self  Announcement
	hints chan Hint     // unbuffered: a hint that was sent has been taken
	asked chan struct{} // one message a source: its first round is over
}

// report passes h on unless it is about this node or names no address.
func (o outlet) report(ctx context.Context, h Hint) {
	if h.ID == o.self.ID || len(h.Addrs) == 0 {
		return
	}
	select {
	case o.hints <- h:
	case <-ctx.Done():
	}
}

// firstRoundDone says that the source has been asked once.
func (o outlet) firstRoundDone(ctx context.Context) {
	select {
	case o.asked <- struct{}{}:
	case <-ctx.Done():
	}
}
