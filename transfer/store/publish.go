package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	"minimega/mesh/wire"
)

// Publish gives the file its name, permissions and modification time, and ends
// p. What had the name before keeps its content for those who have it open, and
// nobody sees a file that is not whole: the data is on the disk before it is
// renamed, and the name when Publish returns. The manifest goes to the cache, so
// that the file is served without being hashed. Errors: [ErrIncomplete] while
// chunks are missing, [ErrInTheWay] where the name is a directory's, or the
// system's; p has not ended then.
func (p *Partial) Publish() error {
	p.syncing.Lock()
	defer p.syncing.Unlock()
	if err := p.publishable(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	real, made, err := p.store.makeParents(p.name)
	if err != nil {
		return err
	}
	if err := p.finishData(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if err := p.store.move(path.Join(p.dir, dataName), real, p.name); err != nil {
		return err
	}
	err = p.store.syncDirs(path.Dir(real), made)
	p.store.remember(real, p.data.File, p.m)
	if !p.end() {
		return nil
	}
	return errors.Join(err, p.store.root.RemoveAll(p.dir), p.closeFiles())
}

// publishable tells what keeps p from being published.
func (p *Partial) publishable() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return fs.ErrClosed
	}
	if p.count < p.m.Count() {
		return fmt.Errorf("%w: %d of %d", ErrIncomplete, p.count, p.m.Count())
	}
	return nil
}

// finishData makes the data file what it is to be, and that survive a power
// loss.
func (p *Partial) finishData() error {
	if err := setMeta(p.data.File, p.meta); err != nil {
		return err
	}
	if err := p.same(); err != nil {
		return err
	}
	if err := p.data.Sync(); err != nil {
		p.mu.Lock()
		lost := p.unsynced
		p.unsynced = nil
		p.mu.Unlock()
		p.forget(lost)
		return err
	}
	return nil
}

// same checks that the transfer directory still holds the file that is open.
func (p *Partial) same() error {
	return p.store.checkSame(path.Join(p.dir, dataName), p.data.File, p.m.Size)
}

// move renames from to real, for people called name.
func (s *Store) move(from, real string, name wire.FileName) error {
	return moved(s.root.Rename(from, real), name)
}

// moved says what it means to people that a file could not be renamed to name.
func moved(err error, name wire.FileName) error {
	if errors.Is(err, syscall.EISDIR) || errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: a directory is %w", name, ErrInTheWay)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// notADir refuses a name that a directory has.
func (s *Store) notADir(name wire.FileName) error {
	real, err := s.parentOf(string(name))
	if err != nil {
		return nil // to be made, or to be refused when that is tried
	}
	if info, err := s.root.Lstat(real); err == nil && info.IsDir() {
		return fmt.Errorf("%s: a directory is %w", name, ErrInTheWay)
	}
	return nil
}

// syncDirs makes the entries of dir survive a power loss, and where it has just
// been made those of all directories above it.
func (s *Store) syncDirs(dir string, made bool) error {
	for {
		f, err := s.root.OpenFile(dir, syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		err = f.Sync()
		if errors.Is(err, syscall.EINVAL) { // a file system that has no such thing
			err = nil
		}
		if err := errors.Join(err, f.Close()); err != nil || !made || dir == "." {
			return err
		}
		dir = path.Dir(dir)
	}
}

// remember puts the manifest of f, which is what real now names, in the cache.
func (s *Store) remember(real string, f *os.File, m *Manifest) {
	info, err := f.Stat()
	if err != nil {
		return
	}
	known := *m
	known.stat = statOf(info)
	s.hash.put(real, &known, true)
}
