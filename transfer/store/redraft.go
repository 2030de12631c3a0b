package store

import (
	"fmt"
	"io/fs"

	"minimega/mesh/wire"
)

// legacy is what a draft has from one that came before it.
type legacy struct {
	hashes []byte // of the old draft's chunks
	have   []byte // bitmap of those whose data is there
	used   []byte // bitmap of those that are not holes
}

// Redraft returns p as the beginning of another draft of the same length, and
// ends p. It holds nothing; what p held Hold takes as soon as m has the same hash
// there. Nobody else may be using p. After an error p is as it was; the error
// wraps [ErrBadManifest] where m is of another length.
func (p *Partial) Redraft(meta wire.Meta, m *Manifest) (*Partial, error) {
	if err := p.checkDraft(m.Size, m.ChunkSize); err != nil {
		return nil, err
	}
	used, err := p.used()
	if err != nil {
		return nil, err
	}
	p.syncing.Lock()
	defer p.syncing.Unlock()
	if !p.end() {
		return nil, fmt.Errorf("%s: %w", p.name, fs.ErrClosed)
	}
	next := p.store.newPartial(p.name, meta, m)
	next.dir, next.lock, next.data = p.dir, p.lock, p.data
	next.legacy = p.inherit(used)
	p.store.adopt(next)
	return next, nil
}

// checkDraft refuses what cannot follow p: only a draft of its length can.
func (p *Partial) checkDraft(size int64, chunkSize uint32) error {
	if !p.Draft() {
		return fmt.Errorf("%s: %w: it is no draft", p.name, ErrBadManifest)
	}
	if size != p.m.Size || chunkSize != p.m.ChunkSize {
		return fmt.Errorf("%s: %w: %d bytes in chunks of %d, not %d in chunks of %d", p.name, ErrBadManifest, size, chunkSize, p.m.Size, p.m.ChunkSize)
	}
	return nil
}

// inherit returns what a draft after p gets: what p holds, and what it has had
// no use for yet of the drafts before it.
func (p *Partial) inherit(used []byte) legacy {
	l := legacy{hashes: append([]byte(nil), p.m.Hashes...), have: p.Have(), used: used}
	for i := range p.m.Count() {
		if !marked(l.have, i) && marked(p.legacy.have, i) {
			copy(l.hashes[i*wire.HashSize:(i+1)*wire.HashSize], p.legacy.hashes[i*wire.HashSize:])
			l.have[i/8] |= 1 << (i % 8)
		}
	}
	return l
}

// used returns a bitmap of the chunks that are not holes.
func (p *Partial) used() ([]byte, error) {
	used := make([]byte, len(p.have))
	src := &Source{name: p.name, f: p.data, stat: fileStat{size: p.m.Size}}
	err := dataChunks(src, p.m, func(i int) error {
		used[i/8] |= 1 << (i % 8)
		return nil
	})
	return used, err
}

// Hold holds chunk i of a draft, whose hash has just become known, where nobody
// has to send it: it is one of zeros, or Redraft kept it. It reports whether it
// does.
func (p *Partial) Hold(i int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &p.legacy
	switch {
	case marked(l.have, i) && p.m.Hash(i) == [wire.HashSize]byte(l.hashes[i*wire.HashSize:]):
		if p.holdLocked(i) {
			p.unsynced = append(p.unsynced, uint32(i))
		}
	case p.m.Zero(i) && !marked(l.used, i):
		p.holdLocked(i)
	default:
		return false
	}
	return true
}

// reset makes p one of m that holds nothing.
func (p *Partial) reset(m *Manifest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m, p.have, p.count, p.missing = m, make([]byte, len(p.have)), 0, m.Size
	p.unsynced, p.legacy = nil, legacy{}
}

// holdHoles holds the chunks of zeros where nothing else was written. Of the
// others only their data can tell.
func (p *Partial) holdHoles() error {
	used, err := p.used()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.m.Count() {
		if p.m.Zero(i) && !marked(used, i) {
			p.holdLocked(i)
		}
	}
	return nil
}

// overwrite notes that chunk i is about to be written.
func (p *Partial) overwrite(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if marked(p.legacy.have, i) {
		p.legacy.have[i/8] &^= 1 << (i % 8)
	}
}

func marked(bits []byte, i int) bool { return i/8 < len(bits) && bits[i/8]&(1<<(i%8)) != 0 }
