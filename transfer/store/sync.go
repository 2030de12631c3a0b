package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Sync makes what is held survive a power loss: the data first, then the
// journal that says so. Writes go on meanwhile, and are the next Sync's. When
// the data cannot be written back, the chunks since the last Sync are lost, and
// no longer held.
func (p *Partial) Sync() error {
	p.syncing.Lock()
	defer p.syncing.Unlock()
	return p.syncHeld()
}

// syncHeld is Sync for those who have syncing locked.
func (p *Partial) syncHeld() error {
	p.mu.Lock()
	chunks, ended, draft := p.unsynced, p.ended, p.draft
	p.unsynced = nil
	p.mu.Unlock()
	if ended {
		return fmt.Errorf("%s: %w", p.name, fs.ErrClosed)
	}
	if len(chunks) == 0 {
		return nil
	}
	if err := datasync(p.data.File); err != nil {
		p.forget(chunks)
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if draft { // to be claimed when there is a journal
		p.unsyncedAgain(chunks)
		return nil
	}
	if err := p.claim(chunks); err != nil {
		p.unsyncedAgain(chunks)
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// unsyncedAgain gives chunks back to the next Sync.
func (p *Partial) unsyncedAgain(chunks []uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unsynced = append(p.unsynced, chunks...)
}

// claim writes chunks, whose data is on the disk, into the journal, and before
// the first time what the journal is about.
func (p *Partial) claim(chunks []uint32) error {
	if !p.journal.based {
		if err := p.syncManifest(); err != nil {
			return err
		}
		if err := p.lock.Sync(); err != nil {
			return err
		}
		p.journal.based = true
	}
	return p.journal.append(chunks)
}

// Close syncs and gives the descriptors back; the transfer directory stays, for
// Leftovers. Ending twice is no error.
func (p *Partial) Close() error {
	p.syncing.Lock()
	defer p.syncing.Unlock()
	err := p.syncHeld()
	if !p.end() {
		return nil
	}
	return errors.Join(err, p.closeFiles())
}

// Abandon removes the transfer directory, unless p has ended already.
func (p *Partial) Abandon() error {
	p.syncing.Lock()
	defer p.syncing.Unlock()
	if !p.end() {
		return nil
	}
	err := p.store.root.RemoveAll(p.dir)
	return errors.Join(err, p.closeFiles())
}

// end marks p as ended, and reports whether it was not before.
func (p *Partial) end() bool {
	p.store.mu.Lock()
	delete(p.store.live, p)
	p.store.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.ended
	p.ended = true
	return !was
}

// closeFiles closes what is open of p's files, the lock last.
func (p *Partial) closeFiles() error {
	var errs []error
	if p.data != nil {
		errs = append(errs, p.data.Close())
	}
	for _, f := range []*os.File{p.journal.f, p.lock} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
