package store

import (
	"context"
	"fmt"
	"runtime"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"minimega/mesh/wire"
)

// hashFile reads all of f that is not a hole and fills m, which is blank, with
// the hashes. It works on GOMAXPROCS goroutines with one chunk of memory each,
// which are gone when it returns, and tells p how far it has come. The error
// wraps wire.ErrChanged when f changed meanwhile.
func hashFile(ctx context.Context, f *Source, m *Manifest, p *progress) error {
	if err := hashAll(ctx, f, m, p); err != nil {
		return err
	}
	p.finish(m.Count())
	return f.unchanged()
}

// hashAll is hashFile without the look at the end.
func hashAll(ctx context.Context, f *Source, m *Manifest, p *progress) error {
	if m.Count() <= 1 { // not worth a goroutine
		return dataChunks(f, m, func(i int) error { return hashChunk(f, m, i, make([]byte, m.Len(i))) })
	}
	group, ctx := errgroup.WithContext(ctx)
	work := make(chan int)
	group.Go(func() error {
		defer close(work)
		return dataChunks(f, m, func(i int) error {
			p.begin(i)
			select {
			case work <- i:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
	for range min(runtime.GOMAXPROCS(0), m.Count()) {
		group.Go(func() error { return hashChunks(f, m, p, work) })
	}
	return group.Wait()
}

// hashChunks hashes the chunks that come from work until it is closed.
func hashChunks(f *Source, m *Manifest, p *progress, work <-chan int) error {
	buf := make([]byte, m.ChunkSize)
	for i := range work {
		if err := hashChunk(f, m, i, buf[:m.Len(i)]); err != nil {
			return err
		}
		p.done(i)
	}
	return nil
}

// hashChunk reads chunk i into buf, which is as long, and puts its hash into m.
func hashChunk(f *Source, m *Manifest, i int, buf []byte) error {
	if _, err := f.ReadAt(buf, m.offset(i)); err != nil {
		return err
	}
	sum := blake3.Sum256(buf)
	copy(m.Hashes[i*wire.HashSize:], sum[:])
	return nil
}

// dataChunks calls visit for each chunk that is not all hole, in order, until
// that fails.
func dataChunks(f *Source, m *Manifest, visit func(i int) error) error {
	for off := int64(0); ; {
		e, ok := nextData(f.f, off, m.Size)
		if !ok {
			return nil
		}
		first := e.from / int64(m.ChunkSize)
		last := (e.to - 1) / int64(m.ChunkSize)
		for i := first; i <= last; i++ {
			if err := visit(int(i)); err != nil {
				return err
			}
		}
		off = (last + 1) * int64(m.ChunkSize)
	}
}

// blankManifest returns the manifest of as many zeros as f is long.
func blankManifest(f *Source) (*Manifest, error) {
	size := f.stat.size
	m := &Manifest{Size: size, ChunkSize: wire.ChunkSizeFor(size), stat: f.stat}
	count, err := chunkCount(size, m.ChunkSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	m.Hashes = make([]byte, count*wire.HashSize)
	if count == 0 {
		return m, nil
	}
	full := zeroHash(int(m.ChunkSize))
	for n := copy(m.Hashes, full[:]); n < len(m.Hashes); n *= 2 {
		copy(m.Hashes[n:], m.Hashes[:n])
	}
	tail := zeroHash(m.Len(int(count - 1)))
	copy(m.Hashes[(count-1)*wire.HashSize:], tail[:])
	return m, nil
}
