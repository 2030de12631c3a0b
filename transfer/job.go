package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// Job is one `file get`.
type Job struct {
	Warnings []string // one line each, for people; never changes

	e      *Engine
	what   string // as it was asked for
	urgent atomic.Bool
	told   atomic.Bool // somebody will tell the user of its failure
	ctx    context.Context
	cancel context.CancelFunc
	begin  func()        // closes begun, once
	begun  chan struct{} // closed when a file is being received or waits its turn
	done   chan struct{}
	parts  sync.WaitGroup // goroutines of the job

	mu    sync.Mutex
	files map[wire.FileName]*file
	errs  []error
	err   error // joined errs, at the end
}

// file is one file of a job; its fields belong to the job's lock.
type file struct {
	item
	begun   bool
	ended   bool
	skipped bool   // deleted while it waited
	fetch   *fetch // nil for what is here or travels in a batch
}

func (e *Engine) newJob(what string) *Job {
	j := &Job{e: e, what: what, begun: make(chan struct{}), done: make(chan struct{}), files: map[wire.FileName]*file{}}
	j.begin = sync.OnceFunc(func() { close(j.begun) })
	j.ctx, j.cancel = context.WithCancel(e.ctx)
	return j
}

// Get asks the mesh who has what pattern names — a file, a directory with all
// below it, a glob — and queues what is not here yet. It blocks for the mesh's
// answers only, and where several nodes hold a name for its hashing there.
// Errors: [ErrNotFound], *[ConflictError].
func (e *Engine) Get(ctx context.Context, pattern string, pick Pick) (*Job, error) {
	items, warnings, err := e.resolve(ctx, pattern, pick)
	if err != nil {
		return nil, err
	}
	j := e.newJob(pattern)
	j.Warnings = warnings
	if err := e.startJob(j, items); err != nil {
		return nil, err
	}
	return j, nil
}

func (e *Engine) startJob(j *Job, items []item) error {
	if files := slices.DeleteFunc(slices.Clone(items), func(it item) bool { return !it.here || it.kind != wire.KindFile }); len(files) == len(items) && !slices.ContainsFunc(files, func(it item) bool { return e.mayBack(it.name) }) {
		for _, it := range items { // nothing to do
			j.files[it.name] = &file{item: it, begun: true, ended: true}
		}
		j.cancel()
		j.begin()
		close(j.done)
		return nil
	}
	e.mu.Lock()
	e.jobs[j] = struct{}{}
	e.mu.Unlock()
	for _, it := range items {
		if it.kind == wire.KindFile {
			j.files[it.name] = &file{item: it}
		}
	}
	if !e.spawn(func(context.Context) { j.run(items) }) {
		j.end()
		return context.Canceled
	}
	return nil
}

// mayBack reports whether a file here is an image with a backing file.
func (e *Engine) mayBack(name wire.FileName) bool {
	src, err := e.cfg.Store.Source(name)
	if err != nil {
		return false
	}
	defer src.Close()
	backing, err := store.BackingFile(src)
	return err != nil || backing != ""
}

// run fetches everything, then makes links and sets the modes of directories.
func (j *Job) run(items []item) {
	defer j.end()
	var dirs []store.Entry
	for _, it := range items {
		if it.kind == wire.KindDir && !it.here {
			dirs = append(dirs, store.Entry{Name: it.name, Kind: store.Dir, Meta: it.meta})
		}
	}
	for _, d := range dirs {
		j.fail(j.e.cfg.Store.MakeDir(d))
	}
	j.add(items)
	j.parts.Wait()
	for _, it := range items {
		if it.kind == wire.KindLink && !it.here {
			j.fail(j.e.cfg.Store.MakeLink(store.Entry{Name: it.name, Kind: store.Link, Meta: it.meta, Target: it.target}))
		}
	}
	for _, d := range slices.Backward(dirs) {
		j.fail(j.e.cfg.Store.FinishDir(d))
	}
}

// add starts what fetches the files among items: small ones in batches, the
// others each by itself when it has its turn.
func (j *Job) add(items []item) {
	var small []item
	for _, it := range items {
		switch {
		case it.kind != wire.KindFile:
		case it.here:
			j.settled(it.name, j.chain(it.name))
		case it.meta.Size <= wire.MaxSmall && it.resumed == nil:
			small = append(small, it)
		default:
			j.parts.Go(func() { j.settled(it.name, j.fetch(it)) })
		}
	}
	if len(small) > 0 {
		j.parts.Go(func() { j.batches(small) })
	}
}

// fetch brings one file here in chunks.
func (j *Job) fetch(it item) error {
	if err := j.e.large.acquire(j.ctx, j); err != nil {
		return fmt.Errorf("%s: %w", it.name, ErrCanceled)
	}
	defer j.e.large.release(j)
	if j.skips(it.name) {
		return fmt.Errorf("%s: %w", it.name, ErrCanceled)
	}
	f, err := j.e.startFetch(it)
	if err != nil {
		return err
	}
	j.mu.Lock()
	j.files[it.name].fetch, j.files[it.name].begun = f, true
	j.mu.Unlock()
	chained := false
	ready, first := f.ready, f.first
	for {
		select {
		case <-ready:
			ready = nil
			j.begin()
		case <-first:
			first = nil
			backing, err := store.BackingFile(f.sink)
			if chained = err == nil; chained && backing != "" {
				j.fail(j.backing(it.name, backing))
			}
		case <-f.done:
			if f.err == nil && !chained {
				return j.chain(it.name)
			}
			return f.err
		case <-j.ctx.Done():
			f.drop()
			<-f.done
			return f.err
		}
	}
}

// chain adds the backing file of an image that is here.
func (j *Job) chain(name wire.FileName) error {
	src, err := j.e.cfg.Store.Source(name)
	if err != nil {
		return err
	}
	defer src.Close()
	backing, err := store.BackingFile(src)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if backing == "" {
		return nil
	}
	return j.backing(name, backing)
}

// backing adds the image that another one is a layer over.
func (j *Job) backing(image wire.FileName, backing string) error {
	name, err := j.e.backingName(image, backing)
	if err != nil {
		return err
	}
	j.mu.Lock()
	known := j.files[name] != nil
	j.mu.Unlock()
	if known {
		return nil
	}
	items, _, err := j.e.resolve(j.ctx, string(name), Pick{})
	if err != nil {
		return fmt.Errorf("backing image of %s: %w", image, err)
	}
	j.mu.Lock()
	for _, it := range items {
		if it.kind == wire.KindFile && j.files[it.name] == nil {
			j.files[it.name] = &file{item: it}
		}
	}
	j.mu.Unlock()
	j.add(items)
	return nil
}

// backingName returns the name, in the files directory, of what an image calls
// its backing file: relative to the image, or an absolute path inside.
func (e *Engine) backingName(image wire.FileName, backing string) (wire.FileName, error) {
	outside := fmt.Errorf("backing image %s: outside the files directory", backing)
	at := path.Join(path.Dir(string(image)), backing)
	if path.IsAbs(backing) {
		below, ok := strings.CutPrefix(path.Clean(backing), e.cfg.Store.Dir()+"/")
		if !ok {
			return "", outside
		}
		at = below
	}
	if at == ".." || strings.HasPrefix(at, "../") {
		return "", outside
	}
	return wire.ParseFileName(at)
}

// settled records the end of one file.
func (j *Job) settled(name wire.FileName, err error) {
	j.mu.Lock()
	f := j.files[name]
	f.begun, f.ended = true, true
	j.mu.Unlock()
	j.fail(err)
}

func (j *Job) skips(name wire.FileName) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.files[name].skipped
}

// fail records an error, unless it is nil.
func (j *Job) fail(err error) {
	if err == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.errs = append(j.errs, err)
}

// end closes the job.
func (j *Job) end() {
	j.cancel()
	j.mu.Lock()
	j.err = joinFew(j.errs)
	err := j.err
	j.mu.Unlock()
	e := j.e
	e.mu.Lock()
	delete(e.jobs, j)
	close(e.idle)
	e.idle = make(chan struct{})
	e.mu.Unlock()
	if err != nil && !errors.Is(err, ErrCanceled) && e.ctx.Err() == nil && !j.told.Load() {
		e.log.Error("transfer failed", "file", j.what, "err", err)
	}
	j.begin()
	close(j.done)
}

// joinFew joins errors, counting what is beyond a handful.
func joinFew(errs []error) error {
	const few = 5
	if len(errs) > few {
		errs = append(slices.Clone(errs[:few]), fmt.Errorf("and %d more errors", len(errs)-few))
	}
	return errors.Join(errs...)
}

// Begun is closed when the job has ended, has a place on the disk for a file, or
// must wait its turn: what fails at once has failed by then.
func (j *Job) Begun() <-chan struct{} { return j.begun }

// Done is closed when the job has ended.
func (j *Job) Done() <-chan struct{} { return j.done }

// Err returns why the job failed: nil before its end and after success.
func (j *Job) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Files returns the names of all files of the job known so far, sorted.
func (j *Job) Files() []wire.FileName {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Sorted(maps.Keys(j.files))
}

// Hurry puts the job before others, because somebody waits for it.
func (j *Job) Hurry() { j.urgent.Store(true) }

// Follow promises that somebody tells the user if the job fails, which is
// logged as an error otherwise.
func (j *Job) Follow() { j.told.Store(true) }

// Cancel ends the job; what it has fetched of unfinished files is removed,
// unless another job wants it too.
func (j *Job) Cancel() {
	select {
	case <-j.done:
		return
	default:
	}
	j.fail(ErrCanceled)
	j.cancel()
}

// Progress returns how far the job has come.
func (j *Job) Progress() Progress {
	now := j.e.now()
	p := Progress{Name: j.what}
	peers := map[wire.NodeID]bool{}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.files {
		p.FilesTotal++
		p.BytesTotal += f.meta.Size
		switch {
		case f.ended:
			p.FilesDone++
			p.BytesDone += f.meta.Size
		case f.fetch != nil:
			p.BytesDone += f.fetch.progress(now, &p, peers)
		}
	}
	p.Peers = len(peers)
	if left := p.BytesTotal - p.BytesDone; p.Rate > 0 {
		p.Left = time.Duration(float64(left) / p.Rate * float64(time.Second))
	}
	return p
}

// startFetch returns the fetch of an item, joining one that runs.
func (e *Engine) startFetch(it item) (*fetch, error) {
	for {
		e.mu.Lock()
		f := e.fetches[it.name]
		if f == nil {
			if f = it.resumed; f == nil {
				f = e.newFetch(it.name, it.version, it.meta)
			}
			f.jobs = 1
			e.fetches[it.name] = f
			e.mu.Unlock()
			return f, e.runFetch(f, it.holders)
		}
		e.mu.Unlock()
		if v, _ := f.identity(); v != it.version && !it.version.IsZero() && !v.IsZero() {
			return nil, fmt.Errorf("%s: %w", it.name, ErrInFlight)
		}
		if f.share() {
			for _, h := range it.holders {
				f.offer(h, true)
			}
			return f, nil
		}
		<-f.done
	}
}

// share counts one more job that waits for f, unless f is ending.
func (f *fetch) share() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.canceled || f.over() {
		return false
	}
	f.jobs++
	return true
}

// runFetch starts f with the holders known so far.
func (e *Engine) runFetch(f *fetch, holders []wire.Member) error {
	ctx, cancel := context.WithCancel(e.ctx)
	f.mu.Lock()
	f.cancel = cancel
	f.mu.Unlock()
	for _, h := range holders {
		f.offer(h, false)
	}
	if !e.spawn(func(context.Context) { defer cancel(); f.run(ctx) }) {
		cancel()
		return context.Canceled
	}
	return nil
}

// remove takes an ended fetch out of the engine's.
func (e *Engine) remove(f *fetch) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fetches[f.name] == f {
		delete(e.fetches, f.name)
	}
}
