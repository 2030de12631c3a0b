package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Settle ends the time of a draft: all hashes are known, and from now on Sync
// makes what is held survive. It does nothing where that is so already, and can
// be called again after an error.
func (p *Partial) Settle() error {
	p.syncing.Lock()
	defer p.syncing.Unlock()
	p.mu.Lock()
	draft, ended := p.draft, p.ended
	p.mu.Unlock()
	if ended {
		return fmt.Errorf("%s: %w", p.name, fs.ErrClosed)
	}
	if !draft {
		return nil
	}
	if err := p.makeJournal(); err != nil {
		return fmt.Errorf("%s: %w", p.name, errors.Join(err, p.dropJournal()))
	}
	p.mu.Lock()
	p.draft = false
	p.mu.Unlock()
	if err := p.store.root.Remove(path.Join(p.dir, draftName)); err != nil { // the manifest goes before it
		p.store.log.Debug("draft is left", "dir", p.dir, "err", err)
	}
	return nil
}

// Draft reports whether the hashes of p are not known yet. One of [Store.Leftovers]
// waits for Become.
func (p *Partial) Draft() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.draft
}

// Become gives a draft that an earlier run or another origin left its manifest:
// of what is there it holds what verifies, which is read for that. The error wraps
// [ErrBadManifest] where m is of another length. Nobody else may be using p.
func (p *Partial) Become(m *Manifest) error {
	if m.Size != p.m.Size || m.ChunkSize != p.m.ChunkSize {
		return fmt.Errorf("%s: %w: %d bytes in chunks of %d, not %d in chunks of %d", p.name, ErrBadManifest, m.Size, m.ChunkSize, p.m.Size, p.m.ChunkSize)
	}
	p.reset(m)
	if err := p.holdHoles(); err != nil {
		return err
	}
	if err := p.recheck(make([]byte, len(p.have))); err != nil {
		return err
	}
	return p.Settle()
}

// dropJournal removes what makeJournal left half done.
func (p *Partial) dropJournal() error {
	var errs []error
	if p.journal.f != nil {
		errs = append(errs, p.journal.f.Close())
		p.journal = journal{}
	}
	for _, name := range []string{manifestName, journalName} {
		if err := p.store.root.Remove(path.Join(p.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
