package store

import (
	"errors"
	"fmt"
	"os"
	"path"
	"syscall"

	"minimega/mesh/wire"
)

// Leftovers opens the partial files that earlier runs left: what their journals
// claim is held, and so is what a journal had not claimed yet but is there and
// verifies, which is read for that. Directories that are of no use are removed;
// those that this or another process is using are left alone, and so are
// downloads that may go on. It blocks for as long as the reading takes: the data
// since the last Sync. A draft holds nothing before it is told what it is, see
// [Partial.Become].
func (s *Store) Leftovers() ([]*Partial, error) {
	f, err := s.root.OpenFile(".", syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	nodes, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var found []*Partial
	for _, node := range nodes {
		if !node.IsDir() || !isTransfer(node.Name()) || s.keeps(node.Name()) {
			continue
		}
		p, err := s.reopen(node.Name())
		switch {
		case errors.Is(err, errInUse):
		case err != nil:
			s.log.Warn("transfer directory removed", "dir", node.Name(), "err", err)
		default:
			s.adopt(p)
			found = append(found, p)
		}
	}
	return found, nil
}

// reopen opens what is in a transfer directory, and removes it if it cannot.
func (s *Store) reopen(dir string) (*Partial, error) {
	lock, err := s.lockDir(dir)
	if err != nil {
		return nil, err
	}
	p, err := s.load(dir)
	if err != nil {
		return nil, errors.Join(err, s.root.RemoveAll(dir), lock.Close())
	}
	p.lock = lock
	return p, nil
}

// load reads a transfer directory that is locked.
func (s *Store) load(dir string) (*Partial, error) {
	name, meta, m, err := s.readManifest(dir)
	if err != nil {
		return nil, err
	}
	p := s.newPartial(name, meta, m)
	p.dir = dir
	if err := p.open(); err != nil {
		return nil, errors.Join(err, p.closeFiles())
	}
	return p, nil
}

// readManifest returns what a transfer directory is about: its manifest, or else
// its draft.
func (s *Store) readManifest(dir string) (wire.FileName, wire.Meta, *Manifest, error) {
	b, err := s.readOwn(path.Join(dir, manifestName), maxManifest)
	if err == nil {
		var m *Manifest
		var name wire.FileName
		var meta wire.Meta
		if name, meta, m, err = decodeManifest(b); err == nil {
			return name, meta, m, nil
		}
	}
	b, draftErr := s.readOwn(path.Join(dir, draftName), maxManifest)
	if draftErr != nil {
		return "", wire.Meta{}, nil, err
	}
	return decodeDraft(b)
}

// open opens data and journal of a transfer directory that has a manifest.
func (p *Partial) open() error {
	f, err := p.store.openOwn(path.Join(p.dir, dataName))
	if err != nil {
		return err
	}
	p.data = chunksOf(f, p.m.Size)
	info, err := p.data.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != p.m.Size {
		return fmt.Errorf("data of %d bytes, of a file of %d: %w", info.Size(), p.m.Size, errDamaged)
	}
	if p.draft { // nothing can be checked
		return nil
	}
	claimed, err := p.openJournal()
	if err != nil {
		return err
	}
	return p.recheck(claimed)
}

// openJournal returns the bitmap of the chunks that the journal claims. A
// journal of no use claims none, and begins anew.
func (p *Partial) openJournal() ([]byte, error) {
	claimed := make([]byte, len(p.have))
	v := p.m.Version()
	f, err := p.store.root.OpenFile(path.Join(p.dir, journalName), os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	p.journal.f = f
	b, err := readAll(f, maxJournal)
	if err == nil {
		p.journal.version = v
		p.journal.size, err = replay(b, v, p.m.Count(), func(first, count int) {
			for i := first; i < first+count; i++ {
				claimed[i/8] |= 1 << (i % 8)
			}
		})
	}
	if err != nil {
		p.store.log.Info("journal begins anew", "dir", p.dir, "err", err)
		if err := f.Truncate(0); err != nil {
			return nil, err
		}
		return claimed, p.journal.begin(v)
	}
	return claimed, f.Truncate(p.journal.size)
}

// recheck holds each chunk that has data on the disk and is claimed, or else
// verifies. A claim without any data is worth nothing.
func (p *Partial) recheck(claimed []byte) error {
	src := &Source{name: p.name, f: p.data, stat: fileStat{size: p.m.Size}}
	var buf []byte
	return dataChunks(src, p.m, func(i int) error {
		if claimed[i/8]&(1<<(i%8)) != 0 {
			p.holdLocked(i) // nobody else has it yet
			return nil
		}
		if p.hasLocked(i) {
			return nil
		}
		buf = sized(buf, p.m.Len(i))
		if _, err := src.ReadAt(buf, p.m.offset(i)); err != nil {
			return err
		}
		if p.m.Verify(i, buf) && p.holdLocked(i) {
			p.unsynced = append(p.unsynced, uint32(i))
		}
		return nil
	})
}

// openOwn opens a file of the store's own, which is there.
func (s *Store) openOwn(name string) (*os.File, error) {
	return s.root.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0)
}

// readOwn reads a file of the store's own of at most limit bytes.
func (s *Store) readOwn(name string, limit int64) ([]byte, error) {
	f, err := s.openOwn(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	return readAll(f, limit)
}
