package store

import (
	"context"
	"fmt"
	"sync"

	"minimega/mesh/wire"
)

// Manifest returns the manifest of name, from the cache or by reading all of
// the file. It blocks meanwhile, until ctx ends; callers who want the same file
// share one reading. The error wraps wire.ErrChanged when the file changed
// while it was read, and is otherwise that of Source or of ctx.
func (s *Store) Manifest(ctx context.Context, name wire.FileName) (*Manifest, error) {
	return s.ManifestAhead(ctx, name, nil)
}

// ManifestAhead is Manifest for those who cannot wait for the end: it calls
// hashed, unless that is nil, with each run of hashes as it is known, beginning
// with chunk first, in order and without gaps. The hashes are the receiver's to
// read only. They are not final before ManifestAhead has returned no error: a
// file may change while it is read. Size and chunk size are Source's and
// wire.ChunkSizeFor's to tell.
func (s *Store) ManifestAhead(ctx context.Context, name wire.FileName, hashed func(first int, hashes []byte)) (*Manifest, error) {
	real, info, err := s.regular(name)
	if err != nil {
		return nil, err
	}
	if m, ok := s.hash.manifest(real, statOf(info)); ok {
		if hashed != nil && m.Count() > 0 {
			hashed(0, m.Hashes)
		}
		return m, nil
	}
	f := s.join(wire.FileName(real))
	defer s.leave(f)
	if err := f.follow(ctx, hashed); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f.m, nil
}

// Cached returns the manifest of name where no reading is needed for it. It
// costs a look at the file, and one at the cache.
func (s *Store) Cached(name wire.FileName) (*Manifest, bool) {
	real, info, err := s.regular(name)
	if err != nil {
		return nil, false
	}
	return s.hash.manifest(real, statOf(info))
}

// CachedVersion is Cached for those who need no hashes. It reads no file.
func (s *Store) CachedVersion(name wire.FileName) (wire.Version, wire.Meta, bool) {
	real, info, err := s.regular(name)
	if err != nil {
		return wire.Version{}, wire.Meta{}, false
	}
	v, ok := s.hash.version(real, statOf(info))
	return v, metaOf(info), ok
}

// VersionOf is CachedVersion of a File as it was when the store found it. It
// asks the system nothing.
func (s *Store) VersionOf(e Entry) (wire.Version, bool) {
	return s.hash.version(e.real, e.stat)
}

// flight is one file's hashing, for all who wait for it. The last to leave
// ends it and waits until its goroutine is gone.
type flight struct {
	real    wire.FileName // where the file lies, without links
	cancel  context.CancelFunc
	waiters int // guarded by Store.mu

	started chan struct{} // closed when hash is set, or will not be
	ended   chan struct{} // closed when all is known; m and err are final
	hash    *hashing      // of m; nil where there is none
	m       *Manifest
	err     error
}

// join returns the flight for a file, which it starts if there is none.
func (s *Store) join(real wire.FileName) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flights[real]
	if f == nil {
		ctx, cancel := context.WithCancel(context.Background())
		f = &flight{real: real, cancel: cancel, started: make(chan struct{}), ended: make(chan struct{})}
		s.flights[real] = f
		go s.fly(ctx, f) // joined in leave
	}
	f.waiters++
	return f
}

// leave gives up one share in f.
func (s *Store) leave(f *flight) {
	s.mu.Lock()
	f.waiters--
	last := f.waiters == 0
	if last && s.flights[f.real] == f {
		delete(s.flights, f.real)
	}
	s.mu.Unlock()
	if last {
		f.cancel()
		<-f.ended
	}
}

// fly hashes f's file, puts the result in the cache, and ends f.
func (s *Store) fly(ctx context.Context, f *flight) {
	f.err = s.hashInto(ctx, f)
	s.mu.Lock()
	if s.flights[f.real] == f {
		delete(s.flights, f.real)
	}
	s.mu.Unlock()
	close(f.ended)
}

func (s *Store) hashInto(ctx context.Context, f *flight) error {
	began := s.hash.now()
	src, err := s.open(f.real, string(f.real))
	if err != nil {
		close(f.started)
		return err
	}
	defer src.Close() // only read
	m, err := blankManifest(src)
	if err == nil {
		f.hash, f.m = newHashing(src, m), m
	}
	close(f.started)
	if err != nil {
		return err
	}
	if err := f.hash.run(ctx); err != nil {
		return err
	}
	s.hash.put(string(f.real), m, settled(m.stat, began))
	return nil
}

// HashNext hashes the next chunk of a file that ManifestAhead is reading, for one
// who needs the chunk's bytes and saves reading them twice: they are read into
// buf, or into a new buffer where that is too small. What is hashed so is told of
// as any other; while that goes on, ManifestAhead leaves the work to it. It
// reports false where nothing is left, where src is not what is being read, and
// where that failed, which ManifestAhead returns.
func (s *Store) HashNext(src *Source, buf []byte) (i int, data []byte, ok bool) {
	h := s.hashing(src)
	if h == nil {
		return 0, nil, false
	}
	return h.lend(buf)
}

// HashLater tells that a chunk of such a file, hashed before, is being read again,
// as are those that follow: so that ManifestAhead does not run further ahead of
// one who will be there soon and call HashNext.
func (s *Store) HashLater(src *Source) {
	if h := s.hashing(src); h != nil {
		h.expectMore()
	}
}

// hashing returns the hashing of what src has open, nil where there is none.
func (s *Store) hashing(src *Source) *hashing {
	s.mu.Lock()
	f := s.flights[src.real]
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	<-f.started // an open and a stat away
	if f.hash == nil || !src.Is(f.hash.m) {
		return nil
	}
	return f.hash
}

// follow waits for the end of f, and calls hashed on the way as ManifestAhead
// says.
func (f *flight) follow(ctx context.Context, hashed func(first int, hashes []byte)) error {
	if hashed == nil {
		select {
		case <-f.ended:
			return f.err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	<-f.started // an open and a stat away
	if f.hash == nil {
		<-f.ended
		return f.err
	}
	for sent, ended := 0, false; ; {
		known, moved := f.hash.prog.known()
		if known > sent {
			hashed(sent, f.m.Hashes[sent*wire.HashSize:known*wire.HashSize])
			sent = known
			continue
		}
		if ended {
			return f.err
		}
		select {
		case <-moved:
		case <-f.ended:
			ended = true
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// progress tells up to where all hashes are known, while chunks are hashed out
// of order: nothing is left to do below walked but what is at work.
type progress struct {
	mu     sync.Mutex
	walked int           // chunks that are at work, hashed, or holes
	atWork []int         // chunks being hashed: one or two a processor
	moved  chan struct{} // closed when known may have grown
}

// begin says that i is the next chunk to hash; those before it, if not begun,
// are holes.
func (p *progress) begin(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.walked = i + 1
	p.atWork = append(p.atWork, i)
}

// done says that chunk i is hashed.
func (p *progress) done(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, chunk := range p.atWork {
		if chunk == i {
			p.atWork[at] = p.atWork[len(p.atWork)-1]
			p.atWork = p.atWork[:len(p.atWork)-1]
			break
		}
	}
	p.wakeLocked()
}

// finish says that all count chunks are hashed.
func (p *progress) finish(count int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.walked, p.atWork = count, nil
	p.wakeLocked()
}

func (p *progress) wakeLocked() {
	close(p.moved)
	p.moved = make(chan struct{})
}

// known returns how many chunks, from the first on, are hashed, and a channel
// that is closed when there may be more.
func (p *progress) known() (int, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	low := p.walked
	for _, chunk := range p.atWork {
		low = min(low, chunk)
	}
	return low, p.moved
}
