package transfer

import (
	"context"
	"errors"
	"maps"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/planner"
)

// How soon a fetch gets the links that [planner.Receiver.Links] wants. A link costs both
// ends a handshake: where hosts that all begin at once would make all of theirs at first,
// no chunk goes round meanwhile.
const (
	linksAtOnce = 4
	linkPace    = 100 * time.Millisecond // until there may be one more
	linkShares  = 64                     // or, if that is sooner, for each of so many parts of the file that are here
)

// A source is a node that has, or may have, some of what a fetch wants. Its
// fields belong to the fetch's lock.
type source struct {
	f        *fetch
	node     wire.Member
	peer     planner.Peer
	link     *link  // nil while there is no topic
	topic    uint32 // set by link
	dialing  bool
	dialedAt time.Duration // 0: never
	lost     error         // why it is not reachable now
	refused  error         // why it will not give the content; for good
	head     *wire.Head
	named    int    // hashes of a draft that it has told on this topic
	sums     []byte // hashes that came before the manifest was known
	early    []have // that came before the sink was open
	joined   bool   // the planner knows it
	heard    time.Duration
	given    int64         // bytes of good chunks
	lazyFrom int           // chunks that it has not been told of lie between
	lazyTo   int           // these, the second excluded
	toldAt   time.Duration // when it was last told of such
}

type have struct {
	first int
	marks []byte
}

// offer adds a node that may have some of the content.
func (f *fetch) offer(node wire.Member, again bool) {
	if node.ID == f.e.cfg.Mesh.Self().ID || f.e.banned(node.ID) {
		return
	}
	f.mu.Lock()
	s := f.sources[node.ID]
	if s == nil && len(f.sources) >= maxSources {
		f.pruneLocked()
	}
	switch {
	case s == nil && len(f.sources) < maxSources:
		f.nextPeer++
		f.sources[node.ID] = &source{f: f, node: node, peer: f.nextPeer}
	case s != nil && again && !errors.Is(s.refused, errLiar):
		s.refused = nil
	}
	f.mu.Unlock()
	f.poke()
}

// liar reports whether a node has sent what does not verify.
func (f *fetch) liar(node wire.Member) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sources[node.ID]
	return s != nil && errors.Is(s.refused, errLiar)
}

// pruneLocked forgets sources that cannot be reached.
func (f *fetch) pruneLocked() {
	maps.DeleteFunc(f.sources, func(_ wire.NodeID, s *source) bool {
		return s.link == nil && !s.dialing && s.lost != nil
	})
}

func (f *fetch) poke() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// connect opens topics to sources that have none, whichever they are. Until the manifest
// is known one is enough, and another each second.
func (f *fetch) connect(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rx != nil && f.rx.Missing() == 0 {
		return
	}
	now := f.e.now()
	busy, links := 0, 0
	for _, s := range f.sources {
		if s.dialing || s.link != nil {
			links++
		}
		if s.dialing || s.link != nil && now-s.dialedAt < time.Second {
			busy++
		}
	}
	most := f.mostLinksLocked(now)
	for _, s := range f.sources {
		if s.link != nil || s.dialing || s.refused != nil || s.dialedAt > 0 && now-s.dialedAt < redialPace {
			continue
		}
		if f.manifest == nil && busy > 0 {
			return
		}
		if links >= most && !(f.draftingLocked() && f.fromOrigin(s)) {
			continue // but what a draft is its origin alone can tell
		}
		busy++
		links++
		s.dialing, s.dialedAt = true, now
		open := wire.Open{Version: f.version, Name: f.name, Known: f.manifest != nil, Now: f.version.IsZero() && !f.private}
		if f.version.IsZero() {
			open.Draft = f.draft
		}
		f.e.spawn(func(context.Context) { f.dial(ctx, s, open) })
	}
}

// mostLinksLocked returns how many links there may be.
func (f *fetch) mostLinksLocked(now time.Duration) int {
	if f.rx == nil {
		return linksAtOnce
	}
	count := max(f.manifest.Count(), 1)
	held := (count - f.rx.Missing()) * linkShares / count
	return min(linksAtOnce+max(held, int((now-f.begun)/linkPace)), f.rx.Links(now, f.candidatesLocked()))
}

// candidatesLocked returns how many sources have not been given up.
func (f *fetch) candidatesLocked() int {
	n := 0
	for _, s := range f.sources {
		if s.refused == nil {
			n++
		}
	}
	return n
}

// dial gets the link to a source and opens a topic on it.
func (f *fetch) dial(ctx context.Context, s *source, open wire.Open) {
	ctx, cancel := context.WithTimeout(ctx, silenceLimit)
	defer cancel()
	l, err := f.e.linkTo(ctx, s.node)
	f.mu.Lock()
	size := f.meta.Size
	f.mu.Unlock()
	if open.Now && open.Draft.IsZero() { // what is here may have much of it, which only its hashes tell
		open.Now = !f.e.cfg.Store.Akin(size)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s.dialing = false
	s.head, s.sums, s.early, s.joined = nil, nil, nil, false
	if err == nil && f.sources[s.node.ID] == s && ctx.Err() == nil {
		err = l.open(s, open)
	}
	if s.lost = err; err != nil {
		s.link = nil
	}
	f.poke()
}

// have takes news on a source's topic.
func (f *fetch) have(s *source, first int, marks []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case s.joined:
		f.rx.Have(s.peer, first, marks)
		f.planLocked()
	case s.link != nil && len(s.early) < 1024: // else all is told when there is one
		s.early = append(s.early, have{first, append([]byte(nil), marks...)})
	}
}

// lost takes the end of a source's link.
func (f *fetch) lost(s *source, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.lost = err
	f.detachLocked(s)
	f.searchNow = true
	f.poke()
}

// detachLocked ends a source's topic.
func (f *fetch) detachLocked(s *source) {
	if s.link != nil {
		s.link.close(s)
	}
	s.link = nil
	if s.joined {
		s.joined = false
		delete(f.byPeer, s.peer)
		f.rx.Leave(s.peer)
		f.planLocked()
	}
}

func (f *fetch) closeSources() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sources {
		if s.joined {
			s.joined = false
			delete(f.byPeer, s.peer)
			f.rx.Leave(s.peer)
		}
		if s.link != nil {
			s.link.close(s)
			s.link = nil
		}
	}
}

// search asks the mesh for more sources, when that is due.
func (f *fetch) search(ctx context.Context) {
	f.mu.Lock()
	usable := 0
	for _, s := range f.sources {
		if s.refused == nil && s.lost == nil {
			usable++
		}
	}
	now := f.e.now()
	due := f.searchNow || usable == 0 && now-f.searchedAt > searchPace
	if f.searching || !due {
		f.mu.Unlock()
		return
	}
	f.searching, f.searchedAt, f.searchNow = true, now, false
	version, draft := f.version, f.draft
	f.mu.Unlock()
	f.e.spawn(func(context.Context) {
		some := false
		all := f.e.holders(ctx, f.name, func(node wire.Member, entry wire.FoundEntry) {
			f.gone(node, entry)
			if mayHold(entry, version, draft) {
				some = !f.liar(node) || some
				f.offer(node, true)
			}
		})
		f.mu.Lock()
		f.searching = false
		f.foundNone = all && !some
		f.mu.Unlock()
		f.poke()
	})
}
