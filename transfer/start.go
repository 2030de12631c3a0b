package transfer

import (
	"context"
	"errors"
	"fmt"

	"minimega/mesh/wire"
)

// startFetch returns the fetch of an item, joining one that runs; nil where
// it is needless, which is asked when nobody else can start one any more.
func (e *Engine) startFetch(it item, needless func() (bool, error)) (*fetch, error) {
	for {
		e.mu.Lock()
		f := e.fetches[it.name]
		if f == nil {
			f = e.newFetch(it.name, it.version, it.meta)
			f.patient, f.draft, f.incoming = it.resumed, it.draft, it.draft
			if f.jobs = 1; it.doubt != nil {
				f.unsure = 1
			}
			e.fetches[it.name] = f
			e.mu.Unlock()
			if end, err := needless(); end {
				f.finish(err)
				return nil, err
			}
			f.inherit(e.takeLeft(it.name))
			return f, e.runFetch(f, it.holders)
		}
		e.mu.Unlock()
		if joined, err := f.join(it); joined || err != nil {
			return f, err
		}
		if f.givesWay(it.version) {
			f.abort()
		}
		<-f.done
	}
}

// fetching returns the fetch of a name; nil where there is none.
func (e *Engine) fetching(name wire.FileName) *fetch {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fetches[name]
}

// join makes a job that wants it wait for f; it reports false where f is ending,
// or gives way.
func (f *fetch) join(it item) (bool, error) {
	if f.givesWay(it.version) {
		return false, nil
	}
	if v, _, _ := f.identity(); v != it.version && !it.version.IsZero() && !v.IsZero() && !it.resumed {
		return false, fmt.Errorf("%s: %w, as another version: file delete %s gives that up", it.name, ErrInFlight, it.name)
	}
	if !f.share(it.doubt != nil) {
		return false, nil
	}
	for _, h := range it.holders {
		f.offer(h, true)
	}
	return true, nil
}

// givesWay reports whether f is dropped for version v, zero if that is not known
// yet: an earlier process left it, nobody has asked for it since, and its
// version is not the one that there is now.
func (f *fetch) givesWay(v wire.Version) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.patient && (!v.IsZero() && v != f.version || errors.Is(f.refusal, wire.ErrChanged))
}

// share counts one more job that waits for f, unless f is ending. The job was
// asked for just now, and its user wants to know when nobody has the file any
// more.
func (f *fetch) share(unsure bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.canceled || f.over() {
		return false
	}
	if f.jobs++; unsure {
		f.unsure++
	}
	f.patient = false
	return true
}

// runFetch starts f with the holders known so far.
func (e *Engine) runFetch(f *fetch, holders []wire.Member) error {
	ctx, cancel := context.WithCancel(e.ctx)
	f.mu.Lock()
	if f.cancel = cancel; f.canceled { // it was given up already
		cancel()
	}
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
