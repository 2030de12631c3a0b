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
	temp string // where it lies until then
	m    *Manifest
}

// NewBatch starts a Batch, which has one descriptor.
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
	temp := path.Join(b.dir, strconv.Itoa(b.next))
	b.next++
	b.mu.Unlock()
	if err := b.store.writeFile(temp, meta, data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = append(b.files, batched{name, temp, m})
	return nil
}

// writeFile makes a file with permissions and time, not yet on the disk.
func (s *Store) writeFile(name string, meta wire.Meta, data []byte) error {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
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
	parents := make(map[string]string)
	for _, f := range b.files {
		errs = append(errs, b.publish(f, parents))
	}
	errs = append(errs, b.flush(), b.Abandon())
	return errors.Join(errs...)
}

// publish moves f to its name. In parents it keeps the directories that it has
// made or found: directory → the same without links.
func (b *Batch) publish(f batched, parents map[string]string) error {
	dir, base := path.Split(string(f.name))
	parent, known := parents[dir]
	if !known {
		real, _, err := b.store.makeParents(f.name)
		if err != nil {
			return err
		}
		parent = path.Dir(real)
		parents[dir] = parent
	}
	real := path.Join(parent, base)
	if err := b.store.move(f.temp, real, f.name); err != nil {
		return err
	}
	if info, err := b.store.root.Lstat(real); err == nil {
		known := *f.m
		known.stat = statOf(info)
		b.store.hash.put(real, &known, true)
	}
	return nil
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
