package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/semaphore"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

const (
	defaultMemory = 256 << 20
	recentMemory  = 16 << 20 // bytes of chunks kept that went through
	largeAtOnce   = 4        // files that are fetched in chunks at a time
	batchesAtOnce = 4        // jobs that fetch small files at a time
	urgentAtOnce  = 4        // more of each, for what somebody waits for
	spaceRetry    = 10 * time.Second
)

// Engine moves files of one node. See the package comment.
type Engine struct {
	cfg        Config
	log        *slog.Logger
	start      time.Time // origin of the engine's clock
	spaceRetry time.Duration
	reuseGrace time.Duration // see the constant; a test has more patience
	create     func(wire.FileName, wire.Meta, *store.Manifest) (sink, error)
	hash       func(ctx context.Context, name wire.FileName, hashed func(first int, sums []byte)) (*store.Manifest, error)

	ctx    context.Context // ends when Run does
	cancel context.CancelFunc
	tasks  sync.WaitGroup // all goroutines
	work   chan func()    // verifying and writing

	memory  *semaphore.Weighted // bytes of chunks that came and are not written
	buffers buffers
	recent  *recent
	encoder *zstd.Encoder
	decoder *zstd.Decoder
	large   *queue // for turns to fetch in chunks
	small   *queue // for turns to fetch batches
	blames  blames
	ended   history
	up      limit // of what is sent to others
	down    limit // of what comes

	loaded chan struct{} // closed when what an earlier process left is known

	sent, uploaded atomic.Int64 // chunks and their bytes given to others
	sending        atomic.Int64 // connections that are giving one now

	mu       sync.Mutex // taken while a fetch's is held, never while a content's is: that comes after it
	closed   bool
	links    map[wire.NodeID]*linkSlot
	contents map[wire.Version]*content // by version, and by draft
	drafts   map[wire.FileName]*draft  // the latest of each file
	refs     map[*content]int          // topics and fetches that use a content
	fetches  map[wire.FileName]*fetch
	left     map[wire.FileName]*store.Partial // what an earlier process left behind, and nobody has taken up
	jobs     map[*Job]struct{}
	idle     chan struct{} // closed and renewed when a job ends
}

// New returns an engine that does nothing until [Engine.Run].
func New(cfg Config) (*Engine, error) {
	if cfg.Store == nil || cfg.Mesh == nil {
		return nil, errors.New("transfer: a store and a mesh are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Memory == 0 {
		cfg.Memory = defaultMemory
	}
	e := &Engine{
		cfg: cfg, log: cfg.Log, start: time.Now(), spaceRetry: spaceRetry, reuseGrace: reuseGrace,
		work: make(chan func()), memory: semaphore.NewWeighted(max(cfg.Memory, 2*wire.MaxDataFrame)),
		large: newQueue(largeAtOnce, urgentAtOnce), small: newQueue(batchesAtOnce, urgentAtOnce),
		blames: blames{nodes: map[wire.NodeID]*blamed{}},
		links:  map[wire.NodeID]*linkSlot{}, contents: map[wire.Version]*content{}, drafts: map[wire.FileName]*draft{}, refs: map[*content]int{},
		fetches: map[wire.FileName]*fetch{}, left: map[wire.FileName]*store.Partial{}, jobs: map[*Job]struct{}{}, idle: make(chan struct{}), loaded: make(chan struct{}),
	}
	e.recent = newRecent(recentMemory, &e.buffers)
	e.create, e.hash = e.createPartial, cfg.Store.ManifestAhead
	e.ctx, e.cancel = context.WithCancel(context.Background())
	var err error
	if e.encoder, err = newEncoder(); err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	if e.decoder, err = newDecoder(); err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return e, nil
}

// now is the engine's clock, which never goes back.
func (e *Engine) now() time.Duration { return time.Since(e.start) }

// Run fetches and serves until ctx ends, and returns when every goroutine of
// the engine is gone. Transfers that an earlier process left behind go on.
func (e *Engine) Run(ctx context.Context) error {
	for range max(2, runtime.GOMAXPROCS(0)) {
		e.spawn(e.worker)
	}
	e.spawn(func(context.Context) { e.resume() })
	<-ctx.Done()
	e.cancel()
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.tasks.Wait()
	e.decoder.Close()
	return errors.Join(e.encoder.Close(), e.closeContents(), e.closeLeft())
}

func (e *Engine) worker(ctx context.Context) {
	for {
		select {
		case do := <-e.work:
			do()
		case <-ctx.Done():
			return
		}
	}
}

// enter counts a goroutine that the caller runs; it reports false when the
// engine has stopped. The caller calls e.tasks.Done at its end.
func (e *Engine) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.tasks.Add(1)
	return true
}

// spawn runs do on a goroutine that Run joins; it reports false when the engine
// has stopped.
func (e *Engine) spawn(do func(ctx context.Context)) bool {
	if !e.enter() {
		return false
	}
	go func() {
		defer e.tasks.Done()
		do(e.ctx)
	}()
	return true
}

// joinContext returns ctx that ends with the engine as well.
func (e *Engine) joinContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(e.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// Methods returns the calls that the engine answers, by name.
func (e *Engine) Methods() map[string]wire.Handler {
	return map[string]wire.Handler{wire.MethodFind: e.answerFind, wire.MethodVersions: e.answerVersions}
}

// Streams returns the stream services that the engine provides, by name.
func (e *Engine) Streams() map[string]wire.StreamHandler {
	return map[string]wire.StreamHandler{wire.ServiceFile: e.serve, wire.ServiceBatch: e.serveBatch, wire.ServicePatch: e.servePatch}
}

// Idle waits until no job runs, or ctx ends: all that there were are done.
func (e *Engine) Idle(ctx context.Context) error {
	for {
		e.mu.Lock()
		busy, changed := len(e.jobs) > 0, e.idle
		e.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
