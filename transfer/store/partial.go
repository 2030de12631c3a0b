package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path"
	"sync"
	"syscall"

	"minimega/mesh/wire"
)

// Failures of a [Partial].
var (
	ErrIncomplete = errors.New("not all chunks are there")
	ErrNotHeld    = errors.New("chunk is not held")
)

// A Partial is a file that is being fetched: a transfer directory with the
// data so far and a journal of what of it would survive a power loss. It has
// three descriptors open until Publish, Close or Abandon, which end it; after
// that every method that needs them fails with fs.ErrClosed. All of its methods
// may be called concurrently.
type Partial struct {
	store *Store
	name  wire.FileName
	meta  wire.Meta
	m     *Manifest
	dir   string   // the transfer directory, below the files directory
	lock  *os.File // dir, locked against other processes
	data  *chunkFile

	syncing sync.Mutex // one Sync or ending at a time; writes do not wait for it
	journal journal

	mu       sync.Mutex
	have     []byte   // bitmap of chunks held, lowest bit first
	count    int      // bits set in have
	missing  int64    // bytes in chunks not held
	unsynced []uint32 // chunks held that the journal does not have
	ended    bool
	draft    bool // the hashes are being filled in: there is no journal yet
	legacy   legacy
}

// Create starts a file that is to be called name. It refuses, with a
// *[NoSpaceError], what would not fit beside all that is being fetched
// already, and names that are taken by a directory ([ErrInTheWay]). Chunks of
// zeros are held from the start. Nothing is on its way to the disk before the
// first Sync. Where m is a draft, chunks of zeros are held when the caller says
// so, and until Settle what a crash leaves is a draft.
func (s *Store) Create(name wire.FileName, meta wire.Meta, m *Manifest) (*Partial, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := s.notADir(name); err != nil {
		return nil, err
	}
	p := s.newPartial(name, meta, m)
	s.adopt(p) // before the question, so that no space is promised twice
	if err := p.Room(); err != nil {
		p.end()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := p.makeDir(); err != nil {
		p.end()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := p.makeFiles(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), p.Abandon())
	}
	return p, nil
}

// newPartial returns a Partial that holds its chunks of zeros and has no files.
func (s *Store) newPartial(name wire.FileName, meta wire.Meta, m *Manifest) *Partial {
	meta.Size = m.Size
	p := &Partial{store: s, name: name, meta: meta, m: m, have: make([]byte, (m.Count()+7)/8), missing: m.Size, draft: m.draft}
	if !m.draft {
		p.holdZeros()
	}
	return p
}

// holdZeros holds the chunks of zeros of a Partial that nobody else has yet.
func (p *Partial) holdZeros() {
	for i := range p.m.Count() {
		if p.m.Zero(i) {
			p.holdLocked(i)
		}
	}
}

// makeDir makes and locks the transfer directory.
func (p *Partial) makeDir() error {
	for range 100 {
		p.dir = transferPrefix + randomDigits()
		err := p.store.root.Mkdir(p.dir, 0o700)
		if err == nil {
			p.lock, err = p.store.lockDir(p.dir)
		}
		// Taken already, or by another process that cleaned up in between.
		again := errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errInUse)
		if !again {
			return err
		}
	}
	return errors.New("no name is left for a transfer directory")
}

// lockDir opens and locks a transfer directory. The error is errInUse when
// another has locked it, and fs.ErrNotExist when that removed it.
func (s *Store) lockDir(dir string) (*os.File, error) {
	f, err := s.root.OpenFile(dir, syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if !tryLock(f) {
		return nil, errors.Join(errInUse, f.Close())
	}
	if _, err := s.root.Lstat(dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

var errInUse = errors.New("in use")

// makeFiles makes what is in the transfer directory.
func (p *Partial) makeFiles() error {
	f, err := p.create(dataName)
	if err != nil {
		return err
	}
	p.data = chunksOf(f, p.m.Size)
	if err := p.data.Truncate(p.m.Size); err != nil {
		return err
	}
	if p.draft {
		return p.write(draftName, encode(draftMagic, p.name, p.meta, p.m, nil))
	}
	return p.makeJournal()
}

// makeJournal writes what is needed to go on after a crash.
func (p *Partial) makeJournal() error {
	if err := p.writeManifest(); err != nil {
		return err
	}
	var err error
	if p.journal.f, err = p.create(journalName); err != nil {
		return err
	}
	return p.journal.begin(p.m.Version())
}

// create makes a file in the transfer directory.
func (p *Partial) create(name string) (*os.File, error) {
	return p.store.root.OpenFile(path.Join(p.dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// adopt counts p among the files that are being fetched.
func (s *Store) adopt(p *Partial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[p] = struct{}{}
}

// Name returns the name that the file will have.
func (p *Partial) Name() wire.FileName { return p.name }

// Meta returns what it will have besides its bytes.
func (p *Partial) Meta() wire.Meta { return p.meta }

// Manifest returns its manifest.
func (p *Partial) Manifest() *Manifest { return p.m }

// Dir returns the absolute path of the transfer directory.
func (p *Partial) Dir() string { return path.Join(p.store.dir, p.dir) }

// Has reports whether chunk i is held.
func (p *Partial) Has(i int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hasLocked(i)
}

// Count returns how many chunks are held.
func (p *Partial) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Have returns the bitmap of the chunks held, lowest bit first; it is the
// caller's to keep.
func (p *Partial) Have() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]byte(nil), p.have...)
}

// WriteChunk stores chunk i, which the caller has verified, and holds it from
// then on; data stays the caller's. A chunk that is held already is not written
// again, and one of zeros never. When the disk is full the error is
// syscall.ENOSPC, and the chunk can be written once there is room.
func (p *Partial) WriteChunk(i int, data []byte) error {
	if i < 0 || i >= p.m.Count() || len(data) != p.m.Len(i) {
		return fmt.Errorf("%s: chunk %d of %d bytes: there is no such chunk", p.name, i, len(data))
	}
	if p.Has(i) {
		return nil
	}
	p.overwrite(i)
	if _, err := p.data.WriteAt(data, p.m.offset(i)); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.keep(i)
	return nil
}

// keep holds chunk i, whose data has been written and is the next Sync's, and
// reports whether it was not held before.
func (p *Partial) keep(i int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	fresh := p.holdLocked(i)
	if fresh {
		p.unsynced = append(p.unsynced, uint32(i))
	}
	return fresh
}

// ReadChunk reads chunk i into buf, or into a new buffer where that is too
// small, and returns what it read. The error is [ErrNotHeld] for a chunk that
// is not there.
func (p *Partial) ReadChunk(i int, buf []byte) ([]byte, error) {
	if i < 0 || i >= p.m.Count() || !p.Has(i) {
		return nil, fmt.Errorf("%s: chunk %d: %w", p.name, i, ErrNotHeld)
	}
	buf = sized(buf, p.m.Len(i))
	if _, err := p.data.ReadAt(buf, p.m.offset(i)); err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	return buf, nil
}

// ReadAt reads plain bytes, as io.ReaderAt, where all chunks that they lie in
// are held; otherwise the error is [ErrNotHeld].
func (p *Partial) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("%s: %w", p.name, fs.ErrInvalid)
	}
	end := min(off+int64(len(b)), p.m.Size)
	for at := off - off%int64(p.m.ChunkSize); at < end; at += int64(p.m.ChunkSize) {
		if i := int(at / int64(p.m.ChunkSize)); !p.Has(i) {
			return 0, fmt.Errorf("%s: chunk %d: %w", p.name, i, ErrNotHeld)
		}
	}
	return p.data.ReadAt(b, off)
}

func (p *Partial) hasLocked(i int) bool { return p.have[i/8]&(1<<(i%8)) != 0 }

// holdLocked holds chunk i, and reports whether it was not held before.
func (p *Partial) holdLocked(i int) bool {
	if p.hasLocked(i) {
		return false
	}
	p.have[i/8] |= 1 << (i % 8)
	p.count++
	p.missing -= int64(p.m.Len(i))
	return true
}

// forget gives up chunks.
func (p *Partial) forget(chunks []uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range chunks {
		if p.hasLocked(int(i)) {
			p.have[i/8] &^= 1 << (i % 8)
			p.missing += int64(p.m.Len(int(i)))
		}
	}
	p.count = 0
	for _, b := range p.have {
		p.count += bits.OnesCount8(b)
	}
}
