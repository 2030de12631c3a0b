package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	made   time.Duration  // engine time
	parts  sync.WaitGroup // goroutines of the job

	mu    sync.Mutex
	files map[wire.FileName]*file
	errs  []error
	err   error  // joined errs, at the end
	state string // why its small files wait; "" while they do not
}

// file is one file of a job; its fields belong to the job's lock.
type file struct {
	item
	begun   bool
	from    time.Duration // engine time when it had its turn; 0: it waited for none
	ended   bool
	skipped bool   // deleted while it waited
	giveUp  func() // ends its waiting for a turn or a source; nil before it waits
	rest    bool   // its fetch has left some for the next one
	fetch   *fetch // nil for what is here or travels in a batch
}

func (e *Engine) newJob(what string) *Job {
	j := &Job{e: e, what: what, made: e.now(), begun: make(chan struct{}), done: make(chan struct{}), files: map[wire.FileName]*file{}}
	j.begin = sync.OnceFunc(func() { close(j.begun) })
	j.ctx, j.cancel = context.WithCancel(e.ctx)
	return j
}

// Get asks the mesh who has what pattern names — a file, a directory with all
// below it, a glob — and queues what is not here yet. It blocks for the mesh's
// answers only. Nodes that hold a large file under one name and have not hashed it
// do so while it is fetched from one of them: the job ends with the conflict where
// they turn out to differ.
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

// startJob runs j, or ends it at once where all is here already.
func (e *Engine) startJob(j *Job, items []item) error {
	missing := slices.ContainsFunc(items, func(it item) bool {
		return !it.here || it.kind == wire.KindFile && e.mayBack(it.name)
	})
	if !missing {
		for _, it := range items {
			if it.kind == wire.KindFile {
				j.files[it.name] = &file{item: it, begun: true, ended: true}
			}
		}
		j.cancel()
		j.begin()
		close(j.done)
		return nil
	}
	for _, it := range items {
		if it.kind == wire.KindFile {
			j.files[it.name] = &file{item: it}
		}
	}
	e.mu.Lock()
	e.jobs[j] = struct{}{}
	e.mu.Unlock()
	if !e.spawn(func(context.Context) { j.run(items) }) {
		j.end()
		return context.Canceled
	}
	return nil
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
		j.own(it)
		switch {
		case it.kind != wire.KindFile:
		case it.here:
			j.settled(it.name, j.chain(it.name))
		case it.meta.Size <= wire.MaxSmall && !it.resumed:
			small = append(small, it)
		default:
			j.parts.Go(func() { j.settled(it.name, j.fetch(it)) })
		}
	}
	if len(small) > 0 {
		j.parts.Go(func() { j.batches(small) })
	}
}

// own has the inquiry about it, if there is one, end with the job.
func (j *Job) own(it item) {
	if it.doubt != nil {
		context.AfterFunc(j.ctx, it.doubt.asked.cancel)
	}
}

// settled records the end of one file.
func (j *Job) settled(name wire.FileName, err error) {
	j.note(name, err)
	j.mu.Lock()
	f := j.files[name]
	f.begun, f.ended = true, true
	j.mu.Unlock()
	j.fail(err)
}

// waiting notes how to end a file's waiting, and ends it where the file was
// deleted already.
func (j *Job) waiting(name wire.FileName, giveUp func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f := j.files[name]
	if f.giveUp = giveUp; f.skipped {
		giveUp()
	}
}

// gaveUp settles a file that was deleted while it waited; it reports whether it
// was.
func (j *Job) gaveUp(it item) bool {
	skipped := j.skips(it.name)
	if skipped {
		j.settled(it.name, fmt.Errorf("%s: %w", it.name, ErrCanceled))
	}
	return skipped
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
	if err != nil && !errors.Is(err, ErrCanceled) && e.ctx.Err() == nil && !j.told.Load() {
		e.log.Error("transfer failed", "file", j.what, "err", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.jobs, j)
	j.begin()
	close(j.done)
	close(e.idle)
	e.idle = make(chan struct{})
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
func (j *Job) Hurry() {
	j.urgent.Store(true)
	j.e.large.again()
	j.e.small.again()
}

// Follow promises that somebody tells the user if the job fails, which is
// logged as an error otherwise.
func (j *Job) Follow() { j.told.Store(true) }

// Leave takes the promise of Follow back.
func (j *Job) Leave() { j.told.Store(false) }

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
