package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/planner"
	"minimega/transfer/store"
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
	sums     []byte // hashes that came before the manifest was known
	early    []have // that came before the sink was open
	joined   bool   // the planner knows it
	heard    time.Duration
	given    int64 // bytes of good chunks
	lazyFrom int   // chunks that it has not been told of lie between
	lazyTo   int   // these, the second excluded
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

func (f *fetch) poke() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// connect opens topics to sources that have none. Until the manifest is known
// one is enough, and another each second.
func (f *fetch) connect(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rx != nil && f.rx.Missing() == 0 {
		return
	}
	now := f.e.now()
	busy := 0
	for _, s := range f.sources {
		if s.dialing || s.link != nil && now-s.dialedAt < time.Second {
			busy++
		}
	}
	for _, s := range f.sources {
		if s.link != nil || s.dialing || s.refused != nil || s.dialedAt > 0 && now-s.dialedAt < redialPace {
			continue
		}
		if f.manifest == nil && busy > 0 {
			return
		}
		busy++
		s.dialing, s.dialedAt = true, now
		open := wire.Open{Version: f.version, Name: f.name, Known: f.manifest != nil}
		f.e.spawn(func(context.Context) { f.dial(ctx, s, open) })
	}
}

// dial gets the link to a source and opens a topic on it.
func (f *fetch) dial(ctx context.Context, s *source, open wire.Open) {
	ctx, cancel := context.WithTimeout(ctx, silenceLimit)
	defer cancel()
	l, err := f.e.linkTo(ctx, s.node)
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

// head takes the description of what a source holds.
func (f *fetch) head(s *source, h wire.Head) error {
	m := store.Manifest{Size: h.Meta.Size, ChunkSize: h.ChunkSize}
	if h.Chunks > wire.MaxChunks || h.ChunkSize == 0 || h.Meta.Size < 0 ||
		wire.ChunkCount(m.Size, m.ChunkSize) != int64(h.Chunks) {
		return fmt.Errorf("head: %w: %d chunks of %d bytes for %d", store.ErrBadManifest, h.Chunks, h.ChunkSize, h.Meta.Size)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.version.IsZero() {
		f.version = h.Version
	}
	if h.Version != f.version {
		f.refuseLocked(s, fmt.Errorf("%s on %s: %w", f.name, s.node.Name, wire.ErrChanged))
		return nil
	}
	if h.Meta.ModTime > f.meta.ModTime && f.sink == nil {
		f.meta = h.Meta
	}
	s.head = &h
	if h.Chunks == 0 {
		f.assembleLocked(s)
	}
	f.joinLocked(s)
	return nil
}

// hashes takes a run of hashes.
func (f *fetch) hashes(s *source, h wire.Hashes) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.head == nil || int(h.First)*wire.HashSize != len(s.sums) || len(s.sums)+len(h.Sums) > int(s.head.Chunks)*wire.HashSize {
		if f.manifest != nil {
			return nil
		}
		return errOutOfPlace
	}
	s.sums = append(s.sums, h.Sums...)
	if len(s.sums) == int(s.head.Chunks)*wire.HashSize {
		f.assembleLocked(s)
	}
	return nil
}

// assembleLocked makes the manifest of what a source has told.
func (f *fetch) assembleLocked(s *source) {
	if f.manifest != nil {
		s.sums = nil
		return
	}
	m := &store.Manifest{Size: s.head.Meta.Size, ChunkSize: s.head.ChunkSize, Hashes: s.sums}
	s.sums = nil
	err := m.Check()
	if err == nil && m.Version() != f.version {
		err = store.ErrBadManifest
	}
	if err != nil {
		f.e.blame(s.node)
		f.refuseLocked(s, fmt.Errorf("%s: manifest from %s: %w: %w", f.name, s.node.Name, errLiar, err))
		return
	}
	f.manifest = m
	f.poke()
}

// joinLocked makes a source known to the planner when both are ready, and tells
// it what is here.
func (f *fetch) joinLocked(s *source) {
	if f.rx == nil || s.head == nil || s.joined || s.link == nil {
		return
	}
	s.joined = true
	f.byPeer[s.peer] = s
	f.rx.Join(f.e.now(), s.peer)
	for _, h := range s.early {
		f.rx.Have(s.peer, h.first, h.marks)
	}
	s.early = nil
	if own := f.c.holds(); own != nil {
		s.link.out.add(func(b []byte) []byte { return appendHave(b, s.topic, own) })
	}
	f.planLocked()
}

// have takes news on a source's topic.
func (f *fetch) have(s *source, first int, marks []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !s.joined {
		if len(s.early) < 1024 {
			s.early = append(s.early, have{first, append([]byte(nil), marks...)})
		}
		return
	}
	f.rx.Have(s.peer, first, marks)
	f.planLocked()
}

// peerHas takes news that a node sent on a topic of its own.
func (f *fetch) peerHas(id wire.NodeID, first int, marks []byte) {
	f.mu.Lock()
	s := f.sources[id]
	f.mu.Unlock()
	if s != nil {
		f.have(s, first, marks)
	}
}

// refused takes a source's no.
func (f *fetch) refused(s *source, r wire.Refuse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r.Chunk {
	case wire.WholeTopic:
		err := &wire.RemoteError{Code: r.Code, Text: r.Text}
		if errors.Is(err, wire.ErrBusy) || errors.Is(err, wire.ErrInternal) {
			f.detachLocked(s)
			s.lost = err
			return
		}
		f.refuseLocked(s, err)
	case wire.NothingFresh:
		if f.rx != nil {
			f.rx.NothingFresh(f.e.now(), s.peer)
			f.planLocked()
		}
	default:
		if f.rx != nil && r.Chunk >= 0 && r.Chunk < int64(f.manifest.Count()) {
			f.rx.Refused(s.peer, int(r.Chunk))
			f.planLocked()
		}
	}
}

// refuseLocked gives a source up for good.
func (f *fetch) refuseLocked(s *source, err error) {
	f.e.log.Info("source given up", "file", f.name, "node", s.node.Name, "err", err)
	f.detachLocked(s)
	s.refused = err
	f.refusal = err
	f.searchNow = true
	f.foundNone = false
	f.poke()
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
	version := f.version
	f.mu.Unlock()
	f.e.spawn(func(context.Context) {
		holders, all := f.e.holders(ctx, f.name, version)
		f.mu.Lock()
		f.searching = false
		f.foundNone = all && !slices.ContainsFunc(holders, func(h wire.Member) bool {
			s := f.sources[h.ID]
			return s == nil || !errors.Is(s.refused, errLiar)
		})
		f.mu.Unlock()
		for _, h := range holders {
			f.offer(h, true)
		}
		f.poke()
	})
}
