package archive

import (
	"context"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
)

// Limits bound what one archive may unpack to. The zero value allows nothing.
type Limits struct {
	Entries int   // headers
	Names   int64 // bytes of names and link targets
	Files   int64 // bytes of files, holes included
	Stream  int64 // bytes of the archive when it is decompressed
	Room    int64 // bytes of files that the disk has room for
}

// What LimitsFor allows at most.
const (
	maxEntries = 100_000
	maxNames   = 32 << 20
	maxFiles   = 1 << 40
	maxRatio   = 10
	freeStream = 256 << 20 // bytes that any archive may decompress to
)

// LimitsFor returns the limits for an archive of size bytes that is unpacked
// onto a disk with room for so many.
func LimitsFor(size, room int64) Limits {
	stream := int64(freeStream)
	if size > freeStream/maxRatio {
		stream = min(size, maxFiles) * maxRatio
	}
	return Limits{Entries: maxEntries, Names: maxNames, Files: maxFiles, Stream: stream, Room: room}
}

// entry counts one entry with so many bytes of names, and its file's size.
func (l *Limits) entry(names int, size int64) error {
	if l.Entries--; l.Entries < 0 {
		return fmt.Errorf("%w: too many entries", ErrLimit)
	}
	if l.Names -= int64(names); l.Names < 0 {
		return fmt.Errorf("%w: too many bytes of names", ErrLimit)
	}
	if size > l.Files {
		return fmt.Errorf("%w: files must be at most %s in all", ErrLimit, humanize.IBytes(maxFiles))
	}
	if size > l.Room {
		return &noRoom{need: size, free: l.Room}
	}
	l.Files -= size
	l.Room -= size
	return nil
}

// meter counts what is read of r, up to max bytes, and ends with ctx.
type meter struct {
	ctx context.Context
	r   io.Reader
	n   int64 // bytes read
	max int64
}

// Read implements io.Reader. It never reads more than max bytes and one.
func (m *meter) Read(p []byte) (int, error) {
	if m.ctx.Err() != nil {
		return 0, context.Cause(m.ctx)
	}
	if m.n > m.max {
		return 0, m.over()
	}
	p = p[:min(int64(len(p)), m.max-m.n+1)]
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.n > m.max {
		return 0, m.over()
	}
	return n, err
}

// need refuses n more bytes where they would be too many.
func (m *meter) need(n int64) error {
	if n > m.max-m.n {
		return m.over()
	}
	return nil
}

func (m *meter) over() error {
	return fmt.Errorf("%w: must decompress to at most %s, which is %d times its size or %s, but is more: unpack it by hand",
		ErrLimit, humanize.IBytes(uint64(m.max)), maxRatio, humanize.IBytes(freeStream))
}
