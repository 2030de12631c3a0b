package transfer

import (
	"errors"
	"fmt"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// head takes the description of what a source holds.
func (f *fetch) head(s *source, h wire.Head) error {
	m := store.Manifest{Size: h.Meta.Size, ChunkSize: h.ChunkSize}
	if h.Chunks > wire.MaxChunks || h.ChunkSize == 0 || h.Meta.Size < 0 ||
		wire.ChunkCount(m.Size, m.ChunkSize) != int64(h.Chunks) {
		return fmt.Errorf("head: %w: %d chunks of %d bytes for %d", store.ErrBadManifest, h.Chunks, h.ChunkSize, h.Meta.Size)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if h.Version.IsZero() && (h.Draft.IsZero() || f.private || h.Chunks == 0) {
		return errOutOfPlace
	}
	if f.version.IsZero() && f.draft.IsZero() {
		f.version, f.draft = h.Version, h.Draft
	}
	if f.draftingLocked() {
		return f.draftHeadLocked(s, h)
	}
	if h.Version != f.version && (!h.Version.IsZero() || h.Draft != f.draft) {
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
	if f.draftingLocked() {
		return f.growLocked(s, h)
	}
	if f.manifest != nil {
		return nil
	}
	if s.head == nil || int(h.First)*wire.HashSize != len(s.sums) || len(s.sums)+len(h.Sums) > int(s.head.Chunks)*wire.HashSize {
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
	if f.fromOrigin(s) {
		f.rx.Seed(s.peer)
		f.rx.Have(s.peer, 0, ones(s.named))
	}
	for _, h := range s.early {
		f.rx.Have(s.peer, h.first, h.marks)
	}
	s.early = nil
	if !f.reuse.alone {
		f.tellAllLocked(s)
	}
	f.planLocked()
}

// tellAllLocked tells a source all that is here.
func (f *fetch) tellAllLocked(s *source) {
	if own := f.c.holds(); own != nil {
		s.link.out.add(func(b []byte) []byte { return appendHave(b, s.topic, own) })
	}
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
		switch fatal := f.draftingLocked() && f.fromOrigin(s) && s.head != nil; {
		case fatal && !f.incoming.IsZero() && errors.Is(err, wire.ErrChanged):
			f.redraft = true
		case fatal:
			f.fatal = fmt.Errorf("%s on %s: %w", f.name, s.node.Name, err)
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
