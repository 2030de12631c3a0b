package store

import (
	"fmt"
	"io"
	"os"
	"path"
	"syscall"
)

// A DownloadReader reads chunks of a [Download] that is growing: one descriptor
// of its own, which sees the data also after the download has ended. Its methods
// may be called concurrently, also with those of the Download.
type DownloadReader struct {
	m *Manifest
	f *os.File
}

// Reader opens d, between Begin and its end, for reading chunks of m.
func (d *Download) Reader(m *Manifest) (*DownloadReader, error) {
	f, err := d.store.root.OpenFile(path.Join(d.dir, dataName), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.name, err)
	}
	return &DownloadReader{m, f}, nil
}

// ReadChunk reads chunk i, all of which must be there, into buf, or into a new
// buffer where that is too small, and returns what it read.
func (r *DownloadReader) ReadChunk(i int, buf []byte) ([]byte, error) {
	if i < 0 || i >= r.m.Count() {
		return nil, fmt.Errorf("chunk %d: there are only %d", i, r.m.Count())
	}
	buf = sized(buf, r.m.Len(i))
	if _, err := r.f.ReadAt(buf, r.m.offset(i)); err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	return buf, nil
}

// Close gives the descriptor back.
func (r *DownloadReader) Close() error { return r.f.Close() }
