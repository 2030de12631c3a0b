package store

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"minimega/mesh/wire"
)

var errSkel = errors.New("to come")

type hashCache struct{}

func openCache(*os.Root, *slog.Logger) *hashCache { return &hashCache{} }
func (*hashCache) close() error                   { return nil }

type flight struct{}
type fileStat struct{}

// List, Match: see the package comment.
func (s *Store) List(path string, recursive bool) ([]Entry, error) { return nil, errSkel }

// Match returns what getting pattern means.
func (s *Store) Match(pattern string) ([]Entry, error) { return nil, errSkel }

// Names completes prefix.
func (s *Store) Names(prefix string, limit int) []string { return nil }

// Delete removes what pattern names.
func (s *Store) Delete(pattern string) error { return errSkel }

// MakeDir creates a missing directory, writable for its owner; FinishDir then
// sets its mode and time when its contents are there.
func (s *Store) MakeDir(e Entry) error { return errSkel }

// FinishDir sets mode and time of a directory.
func (s *Store) FinishDir(e Entry) error { return errSkel }

// MakeLink creates a link.
func (s *Store) MakeLink(e Entry) error { return errSkel }

// Manifest returns the manifest of a file.
func (s *Store) Manifest(ctx context.Context, name wire.FileName) (*Manifest, error) {
	return nil, errSkel
}

// ManifestAhead is Manifest that reports runs of hashes as they are known, so
// that sending need not wait: hashed(first, hashes) is called in order, from
// chunk 0 up without gaps, one call at a time; a cached manifest is one call.
func (s *Store) ManifestAhead(ctx context.Context, name wire.FileName, hashed func(first int, hashes []byte)) (*Manifest, error) {
	return nil, errSkel
}

// Cached returns the manifest where it is known without hashing.
func (s *Store) Cached(name wire.FileName) (*Manifest, bool) { return nil, false }

// CachedVersion is Cached for those who need no hashes: cheap.
func (s *Store) CachedVersion(name wire.FileName) (wire.Version, wire.Meta, bool) {
	return wire.Version{}, wire.Meta{}, false
}

// Source opens a file for serving.
func (s *Store) Source(name wire.FileName) (*Source, error) { return nil, errSkel }

// Source is an open file that is served.
type Source struct{}

// Name of the file.
func (f *Source) Name() wire.FileName { return "" }

// Meta of the file when it was opened.
func (f *Source) Meta() wire.Meta { return wire.Meta{} }

// ReadChunk reads chunk i into buf (grown when too small) and returns it.
// wire.ErrChanged when the file is not what was opened or what m was made of.
func (f *Source) ReadChunk(i int, m *Manifest, buf []byte) ([]byte, error) { return nil, errSkel }

// ReadAt reads plain bytes, for headers.
func (f *Source) ReadAt(b []byte, off int64) (int, error) { return 0, errSkel }

// Close closes.
func (f *Source) Close() error { return nil }

// Create starts a partial file.
func (s *Store) Create(name wire.FileName, meta wire.Meta, m *Manifest) (*Partial, error) {
	return nil, errSkel
}

// Leftovers opens the partial files of earlier runs that hold.
func (s *Store) Leftovers() ([]*Partial, error) { return nil, errSkel }

// Partial is a file that is being fetched.
type Partial struct{}

// Name it will have.
func (p *Partial) Name() wire.FileName { return "" }

// Meta it will have.
func (p *Partial) Meta() wire.Meta { return wire.Meta{} }

// Manifest of it.
func (p *Partial) Manifest() *Manifest { return nil }

// Dir is the absolute path of its transfer directory.
func (p *Partial) Dir() string { return "" }

// Has reports whether chunk i is held.
func (p *Partial) Has(i int) bool { return false }

// Count of held chunks.
func (p *Partial) Count() int { return 0 }

// Have is a copy of the bitmap, lowest bit first.
func (p *Partial) Have() []byte { return nil }

// WriteChunk stores a verified chunk.
func (p *Partial) WriteChunk(i int, data []byte) error { return errSkel }

// ReadChunk reads a held chunk.
func (p *Partial) ReadChunk(i int, buf []byte) ([]byte, error) { return nil, errSkel }

// ReadAt reads plain bytes of held chunks (for headers).
func (p *Partial) ReadAt(b []byte, off int64) (int, error) { return 0, errSkel }

// Room tells whether what is missing still fits: nil or *NoSpaceError.
func (p *Partial) Room() error { return nil }

// Sync makes what is held survive.
func (p *Partial) Sync() error { return errSkel }

// Publish gives the file its name. Afterwards p is closed.
func (p *Partial) Publish() error { return errSkel }

// Close syncs and closes, keeping the directory for Leftovers.
func (p *Partial) Close() error { return errSkel }

// Abandon removes the directory.
func (p *Partial) Abandon() error { return errSkel }

// Batch collects small files, which are made durable and published together.
type Batch struct{}

// NewBatch starts one.
func (s *Store) NewBatch() (*Batch, error) { return nil, errSkel }

// Add writes a whole, verified file.
func (b *Batch) Add(name wire.FileName, meta wire.Meta, m *Manifest, data []byte) error {
	return errSkel
}

// Publish publishes all that was added, and ends the batch.
func (b *Batch) Publish() error { return errSkel }

// Abandon drops it.
func (b *Batch) Abandon() error { return errSkel }

// BackingFile returns the backing file's name in a qcow2 header.
func BackingFile(r io.ReaderAt) (string, error) { return "", errSkel }
