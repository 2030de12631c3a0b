package transfer

import (
	"maps"
	"slices"
)

// Delete removes what pattern names from the store and cancels its transfers.
// What is not there is no error.
func (e *Engine) Delete(pattern string) error {
	e.mu.Lock()
	jobs := slices.Collect(maps.Keys(e.jobs))
	e.mu.Unlock()
	for _, j := range jobs {
		j.skip(pattern)
	}
	e.dropLeft(pattern)
	for _, f := range e.running() {
		if covers(pattern, f.name) {
			f.abort()
			<-f.done
		}
	}
	return e.cfg.Store.Delete(pattern)
}

// dropLeft removes what an earlier process left of what pattern names and has
// not begun.
func (e *Engine) dropLeft(pattern string) {
	e.mu.Lock()
	var left []*fetch
	for name, f := range e.left {
		if covers(pattern, name) {
			left = append(left, f)
			delete(e.left, name)
		}
	}
	e.mu.Unlock()
	for _, f := range left {
		f.canceled = true
		f.finish(ErrCanceled)
	}
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
