package store

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"minimega/mesh/wire"
)

// A Batch publishes many small files at the price of a few flushes. It has no
// journal: what a crash leaves of it is removed by Leftovers. Add may be called
// concurrently; Publish and Abandon end it, and must not be.
type Batch struct {
	store *Store
	dir   string   // the transfer directory, below the files directory
	lock  *os.File // dir, locked against other processes

	mu    sync.Mutex
	files []batched
	next  int // number of the next file in dir
}

// batched is one file of a Batch.
type batched struct {
	name wire.FileName
	temp string // its entry of dir until then
	m    *Manifest
}

// NewBatch starts a Batch, which has one descriptor, and two in Publish.
func (s *Store) NewBatch() (*Batch, error) {
	p := &Partial{store: s}
	if err := p.makeDir(); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return &Batch{store: s, dir: p.dir, lock: p.lock}, nil
}

// Add writes a whole file, which the caller has verified against m; data stays
// the caller's.
func (b *Batch) Add(name wire.FileName, meta wire.Meta, m *Manifest, data []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	if int64(len(data)) != m.Size {
		return fmt.Errorf("%s: must be %d bytes, but is %d", name, m.Size, len(data))
	}
	b.mu.Lock()
	temp := strconv.Itoa(b.next)
	b.next++
	b.mu.Unlock()
	if err := b.write(temp, meta, data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = append(b.files, batched{name, temp, m})
	return nil
}

// write makes a file with permissions and time, not yet on the disk.
func (b *Batch) write(temp string, meta wire.Meta, data []byte) error {
	f, err := createIn(b.lock, temp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = setMeta(f, meta)
	}
	return errors.Join(err, f.Close())
}

// Publish gives all files their names, once their data is on the disk, as
// Partial's Publish does, and ends b. A file whose name cannot be had does not
// keep the others from theirs; the error joins one for each.
func (b *Batch) Publish() error {
	if err := b.flush(); err != nil {
		return errors.Join(err, b.Abandon())
	}
	var errs []error
	var into parent
	known := make([]cached, 0, len(b.files))
	for _, f := range b.files {
		m, err := b.publish(f, &into)
		errs = append(errs, err)
		if m != nil {
			known = append(known, cached{path.Join(into.real, path.Base(string(f.name))), m})
		}
	}
	b.store.hash.putAll(known)
	errs = append(errs, into.close(), b.flush(), b.Abandon())
	return errors.Join(errs...)
}

// A parent is the directory that files are being published in.
type parent struct {
	name string   // as it was asked for
	real string   // without links; "" is the files directory
	dir  *os.File // nil before the first file
}

// enter opens the directory of name, which it makes where it is missing, unless
// that is the one that is open.
func (p *parent) enter(s *Store, name wire.FileName) error {
	dir := path.Dir(string(name))
	if p.dir != nil && dir == p.name {
		return nil
	}
	real, _, err := s.makeParents(name)
	if err != nil {
		return err
	}
	f, err := s.root.OpenFile(path.Dir(real), unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	err = p.close()
	*p = parent{dir, clamp(path.Dir(real)), f}
	return err
}

func (p *parent) close() error {
	if p.dir == nil {
		return nil
	}
	return p.dir.Close()
}

// publish moves f to its name. The manifest is that of what has the name then:
// nil where that is not known.
func (b *Batch) publish(f batched, into *parent) (*Manifest, error) {
	if err := into.enter(b.store, f.name); err != nil {
		return nil, err
	}
	base := path.Base(string(f.name))
	if err := moved(renameIn(b.lock, f.temp, into.dir, base), f.name); err != nil {
		return nil, err
	}
	stat, err := statIn(into.dir, base)
	if err != nil {
		return nil, nil // it is hashed when somebody wants it
	}
	known := *f.m
	known.stat = stat
	return &known, nil
}

// flush writes the whole file system back. For some thousand files that is a
// thousand times cheaper than one at a time.
func (b *Batch) flush() error {
	return os.NewSyscallError("syncfs", unix.Syncfs(int(b.lock.Fd())))
}

// Abandon removes what was not published, and ends b.
func (b *Batch) Abandon() error {
	return errors.Join(b.store.root.RemoveAll(b.dir), b.lock.Close())
}
