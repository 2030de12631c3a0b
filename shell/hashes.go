package shell

import (
	"context"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// Hashes tell the versions of this node's files.
type Hashes interface {
	CachedVersion(name wire.FileName) (wire.Version, wire.Meta, bool)          // does not read the file
	Manifest(ctx context.Context, name wire.FileName) (*store.Manifest, error) // reads it, unless that is known
}

// hasher hashes files in the background, for -hashfiles.
type hasher struct {
	hashes Hashes        // nil: nothing is hashed
	want   chan struct{} // has room for one: there are files that were not hashed
}

func newHasher(hashes Hashes) hasher {
	h := hasher{hashes, make(chan struct{}, 1)}
	h.again()
	return h
}

// again has all files be looked at once more.
func (h hasher) again() {
	select {
	case h.want <- struct{}{}:
	default: // they will be
	}
}

// version returns what identifies the content of a file, or "" while it is not
// known; it is looked for then.
func (h hasher) version(e store.Entry) string {
	if e.Kind != store.File {
		return ""
	}
	version, _, known := h.hashes.CachedVersion(e.Name)
	if !known {
		h.again()
		return ""
	}
	return version.Short()
}

// RunHashes hashes this node's files with -hashfiles, at the start and whenever
// `file list` meets one that was not, until ctx ends.
func (s *Shell) RunHashes(ctx context.Context) error {
	for s.hasher.hashes != nil {
		select {
		case <-ctx.Done():
			return nil
		case <-s.hasher.want:
		}
		if err := s.hashAll(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("files are not hashed", "error", err)
		}
	}
	<-ctx.Done()
	return nil
}

// hashAll hashes the files that were not, one after the other.
func (s *Shell) hashAll(ctx context.Context) error {
	all, err := s.cfg.Store.List("/", true)
	if err != nil {
		return err
	}
	for _, e := range all {
		if _, _, known := s.hasher.hashes.CachedVersion(e.Name); known || e.Kind != store.File {
			continue
		}
		if _, err := s.hasher.hashes.Manifest(ctx, e.Name); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			s.cfg.Log.Warn("file is not hashed", "name", e.Name, "error", err)
		}
	}
	return nil
}
