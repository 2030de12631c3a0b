package transfer

import (
	"bytes"
	"errors"
	"fmt"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// errRedraft ends a fetch whose draft is gone: its origin is back and knows
// nothing of it. Whoever wants the file asks anew.
var errRedraft = errors.New("the draft is gone")

// draftingLocked reports whether f fetches a draft whose version is not known.
func (f *fetch) draftingLocked() bool { return f.version.IsZero() && !f.draft.IsZero() }

// draftHeadLocked takes a Head about a draft that is being fetched, the first or
// the last of a topic.
func (f *fetch) draftHeadLocked(s *source, h wire.Head) error {
	if f.manifest == nil {
		m, err := store.NewDraft(h.Meta.Size, h.ChunkSize)
		if err != nil {
			return fmt.Errorf("head: %w", err)
		}
		f.manifest, f.meta = m, h.Meta
		f.poke()
	}
	if h.Draft != f.draft || h.Meta.Size != f.manifest.Size || h.ChunkSize != f.manifest.ChunkSize {
		f.refuseLocked(s, fmt.Errorf("%s on %s: %w", f.name, s.node.Name, wire.ErrChanged))
		return nil
	}
	if h.Origin && f.origin.Name == "" {
		f.origin = s.node
	}
	if s.head == nil {
		s.head, s.named = &h, 0
		f.joinLocked(s)
	}
	if !h.Version.IsZero() && f.fromOrigin(s) {
		f.verdictLocked(s, h.Version)
	}
	return nil
}

func (f *fetch) fromOrigin(s *source) bool { return s.node.ID == f.origin.ID }

// verdictLocked compares what the hashes say with the version that the origin
// names.
func (f *fetch) verdictLocked(s *source, v wire.Version) {
	if f.named == f.manifest.Count() && f.manifest.Version() == v {
		f.verdict = v
		f.poke()
		return
	}
	f.e.blame(s.node)
	f.fatal = fmt.Errorf("%s: version from %s: %w: %w", f.name, s.node.Name, errLiar, store.ErrBadManifest)
	f.poke()
}

// growLocked takes hashes of a draft. Those that are known already, because the
// topic is not the first to its origin, must be the same again.
func (f *fetch) growLocked(s *source, h wire.Hashes) error {
	n := len(h.Sums) / wire.HashSize
	first, last := int(h.First), int(h.First)+n
	if !f.fromOrigin(s) {
		return nil
	}
	if s.head == nil || first != s.named || last > f.manifest.Count() {
		return errOutOfPlace
	}
	s.named = last
	known := f.manifest.Hashes[:f.named*wire.HashSize]
	if again := min(last, f.named) - first; again > 0 && !bytes.Equal(known[first*wire.HashSize:(first+again)*wire.HashSize], h.Sums[:again*wire.HashSize]) {
		f.e.blame(s.node)
		f.fatal = fmt.Errorf("%s: hashes from %s: %w", f.name, s.node.Name, errLiar)
		f.poke()
		return nil
	}
	if last > f.named {
		copy(f.manifest.Hashes[first*wire.HashSize:], h.Sums)
		old := f.named
		f.named = last
		f.namedLocked(old)
	}
	if s.joined {
		f.rx.Have(s.peer, first, ones(n))
		f.planLocked()
	}
	return nil
}

// namedLocked makes use of the hashes from chunk old on: what they name may be
// asked for, and chunks of zeros are here, as are those that an earlier draft
// has left.
func (f *fetch) namedLocked(old int) {
	if f.rx == nil {
		return
	}
	f.rx.Named(f.named)
	for i := old; i < f.named; i++ {
		if !f.rx.Lacks(i) || !f.sink.Hold(i) {
			continue
		}
		fresh := f.rx.Fresh(i)
		f.rx.Got(i)
		if !f.manifest.Zero(i) {
			f.heldLocked(i, fresh)()
			continue
		}
		f.countLocked(i, 1)
		f.c.mu.Lock()
		f.c.dealer.Void(i)
		f.c.mu.Unlock()
		f.firstLocked(i)
	}
	if f.rx.Missing() == 0 {
		f.poke()
	}
}

// ones returns a map of n bits that are all set.
func ones(n int) []byte {
	b := bytes.Repeat([]byte{0xff}, (n+7)/8)
	if n%8 != 0 {
		b[len(b)-1] = 1<<(n%8) - 1
	}
	return b
}

// settle makes a fetch of a draft one of a version, once its origin has said
// which, and that has been checked.
func (f *fetch) settle() error {
	f.mu.Lock()
	v, due, begun := f.verdict, !f.verdict.IsZero() && f.draftingLocked(), f.rx != nil
	f.mu.Unlock()
	if !due {
		return nil
	}
	if begun {
		if err := f.sink.Settle(); err != nil {
			return err
		}
		f.e.settleContent(f.c, v)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version = v
	f.searchNow = true // others go by that
	if !begun {
		f.manifest = &store.Manifest{Size: f.manifest.Size, ChunkSize: f.manifest.ChunkSize, Hashes: f.manifest.Hashes}
	}
	return nil
}

// gone notes that the origin of a draft has come back without it, or that
// somebody has what takes the place of a download that was lost: it is to be
// called with what nodes have under the name.
func (f *fetch) gone(node wire.Member, entry wire.FoundEntry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	another := f.incoming.IsZero() && f.origin.Name != node.Name
	if !f.draftingLocked() || another || entry.Partial || entry.Draft == f.draft {
		return
	}
	if s := f.sources[f.origin.ID]; s != nil && s.link != nil {
		return
	}
	f.redraft = true
	f.poke()
}
