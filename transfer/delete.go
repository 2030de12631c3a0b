package transfer

import (
	"errors"
	"maps"
	"slices"
)

// Delete removes what pattern names from the store and cancels its transfers,
// those too that an earlier process left: at the start of [Engine.Run] it waits
// until they are known. What is not there is no error.
func (e *Engine) Delete(pattern string) error {
	select {
	case <-e.loaded:
	case <-e.ctx.Done():
	}
	e.mu.Lock()
	jobs := slices.Collect(maps.Keys(e.jobs))
	e.mu.Unlock()
	for _, j := range jobs {
		j.skip(pattern)
	}
	left := e.dropLeft(pattern)
	for _, f := range e.running() {
		if covers(pattern, f.name) {
			f.abort()
			<-f.done
		}
	}
	return errors.Join(left, e.cfg.Store.Delete(pattern))
}

// skip gives up the files of j that pattern means and that have not begun.
func (j *Job) skip(pattern string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for name, f := range j.files {
		if covers(pattern, name) {
			f.skipped = true
			if f.giveUp != nil {
				f.giveUp()
			}
		}
	}
}

// abort ends f for all jobs.
func (f *fetch) abort() {
	f.mu.Lock()
	f.canceled = true
	cancel := f.cancel
	f.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}
