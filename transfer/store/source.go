package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"minimega/mesh/wire"
)

// A Source is a regular file that is open for reading: one descriptor. Its
// methods may be called concurrently.
type Source struct {
	name wire.FileName
	real wire.FileName // name without links
	meta wire.Meta
	stat fileStat // when it was opened
	f    *chunkFile
}

// Source opens name, following links that stay inside. It never blocks on what
// is not a regular file. The error wraps wire.ErrNotFound, wire.ErrNotRegular,
// or is the system's.
func (s *Store) Source(name wire.FileName) (*Source, error) {
	if checkName(name) == nil {
		if f, err := s.openBeneath(string(name)); err == nil {
			return sourceOf(name, string(name), f)
		}
	}
	real, _, err := s.regular(name)
	if err != nil {
		return nil, err
	}
	return s.open(name, real)
}

// open opens what has just been a regular file, at a path without links.
func (s *Store) open(name wire.FileName, real string) (*Source, error) {
	f, err := s.root.OpenFile(real, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return sourceOf(name, real, f)
}

// sourceOf makes a Source of f, or closes it. real is its path without links.
func sourceOf(name wire.FileName, real string, f *os.File) (*Source, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = wire.ErrNotRegular
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return &Source{name: name, real: wire.FileName(real), meta: metaOf(info), stat: statOf(info), f: chunksOf(f, info.Size())}, nil
}

// Name returns the name that the file was opened under.
func (f *Source) Name() wire.FileName { return f.name }

// Meta returns what the file was when it was opened.
func (f *Source) Meta() wire.Meta { return f.meta }

// Draft returns a manifest of what was opened, its hashes to be filled in.
func (f *Source) Draft() (*Manifest, error) {
	m, err := NewDraft(f.stat.size, wire.ChunkSizeFor(f.stat.size))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	m.stat = f.stat
	return m, nil
}

// Is reports whether m is of the very file that was opened, unwritten since.
func (f *Source) Is(m *Manifest) bool { return m.stat == f.stat }

// ReadChunk reads chunk i of m into buf, or into a new buffer where that is too
// small, and returns what it read. The error wraps wire.ErrChanged when the file
// is no longer what was opened, or never was what m is of.
func (f *Source) ReadChunk(i int, m *Manifest, buf []byte) ([]byte, error) {
	if i < 0 || i >= m.Count() {
		return nil, fmt.Errorf("%s: chunk %d: there are only %d", f.name, i, m.Count())
	}
	if m.Size != f.stat.size || m.stat != (fileStat{}) && m.stat != f.stat {
		return nil, fmt.Errorf("%s: %w", f.name, wire.ErrChanged)
	}
	buf = sized(buf, m.Len(i))
	if _, err := f.ReadAt(buf, m.offset(i)); err != nil {
		return nil, err
	}
	if err := f.unchanged(); err != nil {
		return nil, err
	}
	return buf, nil
}

// ReadAt reads plain bytes. An end of the file that was not there when it was
// opened is wire.ErrChanged.
func (f *Source) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.f.ReadAt(b, off)
	if err == io.EOF && off+int64(n) < f.stat.size {
		err = wire.ErrChanged
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", f.name, err)
	}
	return n, err
}

// Close gives the descriptor back.
func (f *Source) Close() error { return f.f.Close() }

// unchanged compares the file with what was opened.
func (f *Source) unchanged() error {
	info, err := f.f.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if statOf(info) != f.stat {
		return fmt.Errorf("%s: %w", f.name, wire.ErrChanged)
	}
	return nil
}

// sized returns buf with length n, or a new buffer where it is too small.
func sized(buf []byte, n int) []byte {
	if cap(buf) < n {
		return make([]byte, n)
	}
	return buf[:n]
}
