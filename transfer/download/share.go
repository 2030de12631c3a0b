package download

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/digest"
	"minimega/transfer/store"
)

// mode is that of downloaded files.
const mode = 0o644

// hashRun is how many chunks are hashed before the others are told of them.
const hashRun = 8

// A sharing is a [sink] around a download that offers it to the mesh: it hashes
// what comes behind its back. It is for one goroutine, besides those that read
// of how far it is.
type sharing struct {
	*store.Download
	d     *Downloader
	name  wire.FileName
	claim *claim
	told  func(done, total int64)
	now   int64    // when it began, Unix time in ns
	part  *hashing // nil: what comes now is not offered
}

// share offers what f holds, and will hold.
func (d *Downloader) share(f *store.Download, mine *claim, told func(done, total int64)) *sharing {
	s := &sharing{Download: f, d: d, name: mine.name, claim: mine, told: told, now: time.Now().UnixNano()}
	if f.Dir() != "" { // it goes on
		s.offer()
	}
	return s
}

// Begin begins anew with what stamp says.
func (s *sharing) Begin(stamp store.Stamp) error {
	s.end(wire.ErrChanged)
	if err := s.Download.Begin(stamp); err != nil {
		return err
	}
	s.offer()
	return nil
}

// Write adds b, and has it hashed.
func (s *sharing) Write(b []byte) (int, error) {
	n, err := s.Download.Write(b)
	s.far()
	if s.part != nil {
		s.part.reach(s.Held())
	}
	return n, err
}

// far tells how far the download is.
func (s *sharing) far() {
	s.claim.far(s.Dir(), s.Done(), max(s.Stamp().Size, 0))
	s.told(s.Done(), max(s.Stamp().Size, 0))
}

// offer offers what is held, where it is worth it and its length is known.
func (s *sharing) offer() {
	s.far()
	stamp := s.Stamp()
	if s.d.cfg.Swarm == nil || stamp.Size <= wire.MaxSmall {
		return
	}
	m, err := store.NewDraft(stamp.Size, wire.ChunkSizeFor(stamp.Size))
	if err != nil { // too large for chunks, which Publish is not
		return
	}
	var mine, theirs *store.DownloadReader
	if mine, err = s.Reader(m); err == nil {
		theirs, err = s.Reader(m)
	}
	if err != nil {
		s.d.cfg.Log.Warn("cannot share a download", "file", s.name, "err", err)
		if mine != nil {
			mine.Close() // only read
		}
		return
	}
	s.part = begin(m, mine, s.d.cfg.Swarm.Offer(s.name, s.meta(), m, theirs))
	s.part.reach(s.Held())
	s.claim.share(s.part.offer.Draft(), stamp)
}

// meta returns what the file will have besides its bytes.
func (s *sharing) meta() wire.Meta {
	stamp := s.Stamp()
	return wire.Meta{Size: stamp.Size, Mode: mode, ModTime: cmp.Or(stamp.Modified, s.now)}
}

// end ends the offer, if there is one, with what those who take part are told.
func (s *sharing) end(why error) {
	if s.part == nil {
		return
	}
	s.claim.unshare()
	s.part.stop()
	s.part.offer.End(why)
	s.part = nil
}

// publish gives the file its name, and the mesh its version.
func (s *sharing) publish() error {
	var m *store.Manifest
	if s.part != nil {
		m = s.part.finish()
	}
	if err := s.Publish(s.meta(), m); err != nil {
		return err
	}
	if m == nil {
		s.end(wire.ErrChanged) // the file is there for those who ask again
		return nil
	}
	s.part.offer.Done(m.Version())
	s.part = nil
	return nil
}

// giveUp ends the offer because of err.
func (s *sharing) giveUp(err error) {
	switch {
	case ownFailure(err) || again(err):
		err = wire.ErrBusy
	default:
		err = fmt.Errorf("%w: its download failed: %w", wire.ErrNotFound, err)
	}
	s.end(err)
}

// A hashing hashes the chunks of a download behind what comes.
type hashing struct {
	m      *store.Manifest
	r      *store.DownloadReader
	offer  Offer
	news   chan struct{} // one token when there is more
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine is gone
	err    error         // why not all was hashed; set before done is closed

	mu   sync.Mutex
	held int64 // bytes that can be hashed
}

// begin returns a hashing that goes on until finish or stop. It owns r.
func begin(m *store.Manifest, r *store.DownloadReader, offer Offer) *hashing {
	ctx, cancel := context.WithCancel(context.Background())
	h := &hashing{m: m, r: r, offer: offer, news: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	go h.run(ctx) // joined by finish or stop
	return h
}

// reach says how many bytes there are.
func (h *hashing) reach(held int64) {
	h.mu.Lock()
	h.held = held
	h.mu.Unlock()
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// finish waits until all is hashed, which must have come, and returns the
// manifest; nil where that failed.
func (h *hashing) finish() *store.Manifest {
	<-h.done
	h.cancel()
	if h.err != nil {
		return nil
	}
	return h.m
}

// stop ends it where it is.
func (h *hashing) stop() {
	h.cancel()
	<-h.done
}

func (h *hashing) run(ctx context.Context) {
	defer close(h.done)
	h.err = h.follow(ctx)
	if err := h.r.Close(); h.err == nil {
		h.err = err
	}
}

// follow hashes all chunks, as they come.
func (h *hashing) follow(ctx context.Context) error {
	buf := make([]byte, h.m.ChunkSize)
	for next := 0; next < h.m.Count(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		sums, err := h.sums(next, buf)
		if err != nil {
			return err
		}
		if n := len(sums) / wire.HashSize; n > 0 {
			h.offer.Told(next, sums)
			next += n
			continue
		}
		select {
		case <-h.news:
		case <-ctx.Done():
		}
	}
	return nil
}

// sums returns the hashes of the chunks from next on that are there, or of the
// first of them.
func (h *hashing) sums(next int, buf []byte) ([]byte, error) {
	h.mu.Lock()
	held := h.held
	h.mu.Unlock()
	var sums []byte
	for i := next; i < min(next+hashRun, h.m.Count()); i++ {
		if int64(i)*int64(h.m.ChunkSize)+int64(h.m.Len(i)) > held {
			break
		}
		data, err := h.r.ReadChunk(i, buf)
		if err != nil {
			return nil, err
		}
		sum := digest.Sum(data)
		sums = append(sums, sum[:]...)
	}
	return sums, nil
}
