package transfer

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/planner"
	"minimega/transfer/store"
)

const (
	tickEvery = 100 * time.Millisecond // planning without events

	newsPatience = 250 * time.Millisecond // for news that is not urgent to find company
	shortNews    = 4096                   // chunks that news spans at most, to go with every leave to deal
	searchPace   = 2 * time.Second        // between searches for a source while there is none
	redialPace   = 2 * time.Second        // between dials of one source
	syncEvery    = 2 * time.Second        // at most this much work is lost in a crash,
	syncBytes    = 64 << 20               // or this much
	maxSources   = 1024                   // nodes that one fetch knows of
)

// A sink takes the verified chunks of a fetch: a store.Partial, or a window of
// memory.
type sink interface {
	Has(i int) bool
	WriteChunk(i int, data []byte) error
	ReadChunk(i int, buf []byte) ([]byte, error)
	ReadAt(b []byte, off int64) (int, error)
	Reuse(ctx context.Context, took func(i int)) (alike *store.Source, err error)
	Dir() string
	Room() error
	Hold(i int) bool
	Settle() error
	Sync() error
	Publish() error
	Close() error
	Abandon() error
}

// A fetch brings one version of one file here.
type fetch struct {
	e        *Engine
	name     wire.FileName
	private  bool          // neither registered nor served to others
	kick     chan struct{} // one token when run should look
	ready    chan struct{} // closed when the manifest is known and the sink open
	first    chan struct{} // closed when chunk 0 is held
	done     chan struct{} // closed at the end, err set
	err      error
	makeSink func(wire.FileName, wire.Meta, *store.Manifest) (sink, error)

	mu         sync.Mutex
	version    wire.Version    // zero while no source has said it
	draft      wire.Version    // known before, by which the content goes while version is zero
	origin     wire.Member     // of the draft; zero while there is none
	named      int             // of the draft: chunks whose hashes are known
	verdict    wire.Version    // what the draft turned out to be; zero while unknown
	redraft    bool            // the draft is gone
	incoming   wire.Version    // the draft, where it is of a download: another node may go on with it
	yielded    bool            // this one does
	rest       *store.Partial  // what a draft that is gone has left, after the end
	ending     bool            // no more chunks are written
	writing    sync.WaitGroup  // those that are; added to before ending is set
	crowded    bool            // the draft does not fit, unless it has many holes
	meta       wire.Meta       // the newest modification time that a holder knows
	manifest   *store.Manifest // nil until known
	left       *store.Partial  // of an earlier process, to begin with; nil for most
	sink       sink            // nil until begun, as c and rx
	c          *content
	rx         *planner.Receiver
	sources    map[wire.NodeID]*source
	byPeer     map[planner.Peer]*source
	nextPeer   planner.Peer
	parts      []int // missing chunks of each part
	partsDone  int
	bytesDone  int64
	reused     int64 // bytes that were here before
	came       int64 // bytes of good chunks and patches that came,
	carried    int64 // and in which they travelled
	unsynced   int64 // bytes written since the last Sync
	syncing    bool
	syncedAt   time.Duration
	begun      time.Duration // when rx was made
	paused     error         // why nothing is written: the disk is full
	retryAt    time.Duration // when that is looked at again
	searching  bool
	searchedAt time.Duration // when the last search began; 0: never
	searchNow  bool
	foundNone  bool  // the last search found nobody
	refusal    error // the last one of a whole topic
	patient    bool  // waits for a source for ever: it was resumed, and nobody has asked since
	fatal      error // why the sink takes nothing any more
	rate       meter
	reuse      reuse
	jobs       int                // that wait for it
	unsure     int                // of these: that want it only if all who hold it hold the same
	alike      []wire.Member      // who do, and are to give it when its version is known
	cancel     context.CancelFunc // ends run
	canceled   bool
}

func (e *Engine) newFetch(name wire.FileName, v wire.Version, meta wire.Meta) *fetch {
	f := &fetch{
		e: e, name: name, version: v, meta: meta,
		kick: make(chan struct{}, 1), ready: make(chan struct{}), first: make(chan struct{}), done: make(chan struct{}),
		sources: map[wire.NodeID]*source{}, byPeer: map[planner.Peer]*source{},
	}
	f.makeSink = e.create
	return f
}

// run works until the file is published, the fetch cancelled, or ctx at an end.
func (f *fetch) run(ctx context.Context) {
	err := f.work(ctx)
	f.endReuse()
	f.closeSources()
	f.finish(err)
}

func (f *fetch) work(ctx context.Context) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	changed := f.e.cfg.Mesh.Changed()
	for {
		over, err := f.step(ctx)
		if over || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.kick:
		case <-tick.C:
			f.tick()
		case <-changed:
			changed = f.e.cfg.Mesh.Changed()
			f.mu.Lock()
			f.searchNow = true
			f.mu.Unlock()
		}
	}
}

// step does what needs I/O or goroutines.
func (f *fetch) step(ctx context.Context) (over bool, err error) {
	f.mu.Lock()
	paused := f.paused != nil
	f.mu.Unlock()
	if err := f.settle(); err != nil && !paused && !f.pause(err) {
		return true, err
	}
	f.mu.Lock()
	begin := f.manifest != nil && f.rx == nil && !(f.crowded && f.draftingLocked())
	f.mu.Unlock()
	if begin {
		if err := f.begin(); err != nil {
			return true, err
		}
		f.startReuse(ctx)
	}
	if f.complete() {
		err := f.publish()
		if err == nil || !f.pause(err) {
			return true, err
		}
	}
	f.offerAlike()
	f.connect(ctx)
	f.search(ctx)
	f.sync()
	return false, f.hopeless()
}

// begin opens the sink and everything that follows from the manifest.
func (f *fetch) begin() error {
	f.mu.Lock()
	m, meta, s, id, draft := f.manifest, f.meta, f.sink, f.version, f.draft
	drafting := f.draftingLocked()
	f.mu.Unlock()
	if drafting {
		id = draft
	}
	var err error
	if s == nil {
		s, err = f.takeUp(drafting, m)
	}
	if s == nil && err == nil {
		s, err = f.makeSink(f.name, meta, m)
	}
	if err != nil {
		return f.crowd(drafting, err)
	}
	rx := planner.New(m.Count(), depthFor(m.ChunkSize))
	c := newContent(id, f.name, meta, m, nopCloser{s})
	parts := make([]int, wire.PartCount(m.Size))
	var done, reused int64
	for i := range m.Count() {
		if s.Has(i) {
			rx.Got(i)
			c.dealer.Own(i)
			done += int64(m.Len(i))
			if !m.Zero(i) {
				reused += int64(m.Len(i))
			}
		} else {
			parts[partOf(m, i)]++
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.fetching = f; drafting {
		c.draft = id
	}
	f.sink, f.c, f.rx, f.parts, f.bytesDone, f.begun = s, c, rx, parts, done, f.e.now()
	f.syncedAt = f.begun
	for _, left := range parts {
		if left == 0 {
			f.partsDone++
		}
	}
	f.reused = reused
	if f.private {
		rx.Limit(0) // until the window is there
	} else {
		f.e.addContent(c)
		f.reuse.alone = rx.Missing() > 0 && !drafting
	}
	close(f.ready)
	if m.Count() == 0 || s.Has(0) {
		f.firstLocked(0)
	}
	if drafting {
		f.namedLocked(0)
		rx.Named(f.named)
	}
	for _, src := range f.sources {
		f.joinLocked(src)
	}
	f.searchNow = true // somebody may have begun at the same moment
	f.planLocked()
	return nil
}

// crowd takes why there is no sink. What a draft's size alone makes too large
// may fit when its holes are known.
func (f *fetch) crowd(drafting bool, err error) error {
	if !drafting || !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crowded = true
	return nil
}

// nopCloser leaves the sink's end to its fetch.
type nopCloser struct{ sink }

func (nopCloser) Close() error { return nil }

// depthFor bounds the chunks on the way from one peer: 16 MiB, where that is
// at least 8.
func depthFor(chunkSize uint32) int {
	return min(wire.MaxInFlight, max(8, 16<<20/int(chunkSize)))
}

func partOf(m *store.Manifest, i int) int {
	return int(int64(i) * int64(m.ChunkSize) / wire.PartSize)
}

func (f *fetch) complete() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rx != nil && f.rx.Missing() == 0 && f.paused == nil && !f.draftingLocked() && !f.unsureLocked()
}

// unsureLocked reports whether nobody is sure yet to want what f fetches.
func (f *fetch) unsureLocked() bool { return f.unsure > 0 && f.unsure == f.jobs }

// comparingLocked reports whether that is all that f waits for.
func (f *fetch) comparingLocked() bool { return f.unsureLocked() && f.rx != nil && f.rx.Missing() == 0 }
