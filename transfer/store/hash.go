package store

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"minimega/mesh/wire"
	"minimega/transfer/digest"
)

// lentRate is how many bytes a second those who lend a hand must hash for the
// hashing's own goroutines to leave it to them: fewer than any processor can, and
// more than most networks carry.
const lentRate = 100 << 20

// A hashing is one reading of a file, which fills m, that is blank, with the
// hashes of all that is not a hole.
type hashing struct {
	src  *Source
	m    *Manifest
	prog progress

	work  chan int       // chunks to be hashed next; closed when there are no more
	begun sync.WaitGroup // chunks that went into work and are not hashed yet
	stop  context.CancelCauseFunc
	lent  atomic.Int64 // ns since start until which work is left to others
	start time.Time
}

func newHashing(src *Source, m *Manifest) *hashing {
	h := &hashing{src: src, m: m, work: make(chan int), start: time.Now()}
	h.prog.moved = make(chan struct{})
	return h
}

// run hashes the file, on GOMAXPROCS goroutines with one chunk of memory each,
// which are gone when it returns. The error wraps wire.ErrChanged when the file
// changed meanwhile. It is called once.
func (h *hashing) run(ctx context.Context) error {
	if err := h.all(ctx); err != nil {
		return err
	}
	h.prog.finish(h.m.Count())
	return h.src.unchanged()
}

// all is run without the look at the end.
func (h *hashing) all(ctx context.Context) error {
	if h.m.Count() <= 1 { // not worth a goroutine
		close(h.work)
		return dataChunks(h.src, h.m, func(i int) error { return h.chunk(i, make([]byte, h.m.Len(i))) })
	}
	whole, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	h.stop = stop
	group, ctx := errgroup.WithContext(whole)
	group.Go(func() error { return h.walk(ctx) })
	for range min(runtime.GOMAXPROCS(0), h.m.Count()) {
		group.Go(func() error { return h.worker(ctx) })
	}
	err := group.Wait()
	h.begun.Wait()
	return cmp.Or(err, context.Cause(whole))
}

// walk puts the chunks that are not all hole into work, in order.
func (h *hashing) walk(ctx context.Context) error {
	defer close(h.work)
	return dataChunks(h.src, h.m, func(i int) error {
		h.prog.begin(i)
		h.begun.Add(1)
		select {
		case h.work <- i:
			return nil
		case <-ctx.Done():
			h.begun.Done()
			return context.Cause(ctx)
		}
	})
}

// worker hashes what comes from work until that is closed, while nobody else
// does.
func (h *hashing) worker(ctx context.Context) error {
	buf := make([]byte, h.m.ChunkSize)
	for {
		if err := h.turn(ctx); err != nil {
			return err
		}
		i, more := <-h.work
		if !more {
			return nil
		}
		err := h.chunk(i, buf[:h.m.Len(i)])
		h.begun.Done()
		if err != nil {
			return err
		}
	}
}

// turn waits until others lend no hand.
func (h *hashing) turn(ctx context.Context) error {
	for {
		wait := time.Duration(h.lent.Load()) - time.Since(h.start)
		if wait <= 0 {
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lend hashes the next chunk, which is read into buf, for one who needs its
// bytes. It reports false where none is left.
func (h *hashing) lend(buf []byte) (i int, data []byte, ok bool) {
	h.expectMore()
	i, ok = <-h.work
	if !ok {
		return 0, nil, false
	}
	defer h.begun.Done()
	data = sized(buf, h.m.Len(i))
	if err := h.chunk(i, data); err != nil {
		h.stop(err)
		return 0, nil, false
	}
	h.expectMore()
	return i, data, true
}

// expectMore leaves work to those who lend a hand for as long as they may take
// over the next chunk.
func (h *hashing) expectMore() {
	patience := time.Duration(h.m.ChunkSize) * time.Second / lentRate
	h.lent.Store(int64(time.Since(h.start) + patience))
}

// chunk reads chunk i into buf, which is as long, and puts its hash into m.
func (h *hashing) chunk(i int, buf []byte) error {
	if _, err := h.src.ReadAt(buf, h.m.offset(i)); err != nil {
		return err
	}
	sum := digest.Sum(buf)
	copy(h.m.Hashes[i*wire.HashSize:], sum[:])
	h.prog.done(i)
	return nil
}

// dataChunks calls visit for each chunk that is not all hole, in order, until
// that fails.
func dataChunks(f *Source, m *Manifest, visit func(i int) error) error {
	for off := int64(0); ; {
		e, ok := nextData(f.f.File, off, m.Size)
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
