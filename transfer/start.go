package transfer

import (
	"context"
	"fmt"

	"minimega/mesh/wire"
)

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
		if v, _, _ := f.identity(); v != it.version && !it.version.IsZero() && !v.IsZero() {
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
