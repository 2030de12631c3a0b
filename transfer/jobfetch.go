package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// lendEvery is how often a fetch is looked at: one without a source lends its
// turn to others.
const lendEvery = time.Second

// fetch brings one file here in chunks, when it has its turn. What an earlier
// process left of it is gone then, or has been taken up.
func (j *Job) fetch(it item) error {
	err := j.fetchInTurn(it)
	if it.resumed {
		err = errors.Join(err, j.e.giveUpLeft(it.name))
	}
	return err
}

// fetchInTurn begins again when what it fetched was a draft and is gone. Where
// others fetch the file already, no turn is needed.
func (j *Job) fetchInTurn(it item) (err error) {
	defer func() { err = errors.Join(err, j.dropRest(it.name)) }()
	draft := it.resumed && it.version.IsZero()
	if f := j.e.fetching(it.name); f != nil && !it.here && !it.resumed {
		joined, err := f.join(it)
		if err != nil {
			return err
		}
		if joined {
			if err = j.follow(f, nil, it.doubt); !errors.Is(err, errRedraft) {
				return err
			}
			draft = true
			j.keepRest(f)
		}
	}
	ctx, cancel := context.WithCancel(j.ctx)
	defer cancel()
	j.waiting(it.name, cancel)
	t, err := j.e.large.acquire(ctx, j)
	if err != nil {
		return fmt.Errorf("%s: %w", it.name, ErrCanceled)
	}
	defer t.release()
	for {
		if draft {
			if it, err = j.again(ctx, t, it); err != nil {
				return err
			}
		}
		if err = j.fetchOnce(t, it); !errors.Is(err, errRedraft) {
			return err
		}
		draft = true
		j.keepRest(j.fetching(it.name))
	}
}

// fetchOnce brings one file here, of the version or draft that it now is.
func (j *Job) fetchOnce(t *turn, it item) error {
	if j.skips(it.name) {
		return fmt.Errorf("%s: %w", it.name, ErrCanceled)
	}
	if it.here {
		return j.foundHere(it.name)
	}
	f, err := j.e.startFetch(it, func() (bool, error) { return j.needless(it) })
	if err != nil {
		return err
	}
	if f == nil {
		return j.foundHere(it.name)
	}
	return j.follow(f, t, it.doubt)
}

// follow waits for the end of f, and gets what it is backed by meanwhile. The
// turn is nil where f is in another job's, the doubt where there is none.
func (j *Job) follow(f *fetch, t *turn, d *doubt) error {
	j.mu.Lock()
	mine := j.files[f.name]
	mine.fetch, mine.begun, mine.from = f, true, j.e.now()
	j.mu.Unlock()
	look := time.NewTicker(lendEvery)
	defer look.Stop()
	chained := false
	ready, first := f.ready, f.first
	unsure := d != nil
	settled, stop := j.settleDoubt(d)
	defer stop()
	for {
		select {
		case <-look.C:
			if t != nil {
				t.lend(f.idle())
			}
		case <-ready:
			ready = nil
			j.begin()
		case <-first:
			first = nil
			backing, err := store.BackingFile(f.sink)
			if chained = err == nil; chained && backing != "" {
				j.fail(j.backing(f.name, backing))
			}
		case <-f.done:
			if f.err == nil && !chained {
				return j.chain(f.name)
			}
			return f.err
		case end := <-settled:
			if settled = nil; j.ctx.Err() != nil {
				continue
			}
			if end.err != nil {
				if f.drop(unsure) {
					<-f.done
				}
				return end.err
			}
			unsure = false
			f.sure(end.it)
		case <-j.ctx.Done():
			f.drop(unsure)
			<-f.done
			return f.err
		}
	}
}

// settlement is the end of a doubt.
type settlement struct {
	it  item
	err error
}

// settleDoubt waits for the end of d, which it sends, until stop is called. Where
// d is nil the channel is.
func (j *Job) settleDoubt(d *doubt) (settled chan settlement, stop func()) {
	if d == nil {
		return nil, func() {}
	}
	settled = make(chan settlement, 1)
	ctx, cancel := context.WithCancel(j.ctx)
	j.parts.Go(func() {
		it, err := d.wait(ctx, j.e.cfg.Mesh.Self())
		settled <- settlement{it, err}
	})
	return settled, cancel
}

// needless reports whether a fetch that is registered now need not begin: the
// file has arrived, or was deleted before [Engine.Delete] could see the fetch.
func (j *Job) needless(it item) (bool, error) {
	if j.skips(it.name) {
		return true, fmt.Errorf("%s: %w", it.name, ErrCanceled)
	}
	return j.arrived(it), nil
}

// arrived reports whether another job has brought the file since this one was
// asked for.
func (j *Job) arrived(it item) bool {
	v, _, known := j.e.cfg.Store.CachedVersion(it.name)
	if known && v == it.version {
		return true
	}
	return known && (it.version.IsZero() || it.resumed) && j.e.ended.finished(it.name, j.made)
}

// foundHere notes that a file need not be fetched any more, so that its end is
// none of a transfer, and gets what it is backed by.
func (j *Job) foundHere(name wire.FileName) error {
	j.mu.Lock()
	j.files[name].here = true
	j.mu.Unlock()
	return j.chain(name)
}

// again settles anew what an item means, when somebody has it. Its turn is lent
// meanwhile. The end of ctx is [ErrCanceled].
func (j *Job) again(ctx context.Context, t *turn, it item) (item, error) {
	t.lend(true)
	defer t.lend(false)
	for {
		changed := j.e.cfg.Mesh.Changed()
		items, _, err := j.e.resolve(ctx, string(it.name), it.pick)
		for _, found := range items {
			if j.own(found); found.name == it.name && found.kind == wire.KindFile {
				return found, nil
			}
		}
		if err != nil && !errors.Is(err, ErrNotFound) && ctx.Err() == nil {
			return it, err
		}
		select {
		case <-ctx.Done():
			return it, fmt.Errorf("%s: %w", it.name, ErrCanceled)
		case <-time.After(searchPace):
		case <-changed:
		}
	}
}

// idle reports whether nobody is known who could give anything, or nothing is
// lacking but other nodes' hashes.
func (f *fetch) idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.comparingLocked() {
		return true
	}
	if f.searchedAt == 0 || f.paused != nil || f.rx != nil && f.rx.Missing() == 0 {
		return false
	}
	for _, s := range f.sources {
		if s.refused == nil && s.lost == nil {
			return false
		}
	}
	return true
}
