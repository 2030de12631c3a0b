package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"minimega/mesh/wire"
)

// publish gives the file its name; the content goes on being served from there.
func (f *fetch) publish() error {
	f.endReuse()
	f.closeSources()
	moved := make(chan struct{})
	f.c.mu.Lock()
	f.c.moving = moved
	f.c.mu.Unlock()
	err := f.sink.Publish()
	if err != nil {
		f.c.replace(nopCloser{f.sink}, moved)
		f.reconcile()
		return err
	}
	var r chunkReader
	if !f.private {
		if src, err := f.e.cfg.Store.Source(f.name); err == nil {
			r = sourceReader{src, f.manifest}
		}
	}
	f.c.replace(r, moved)
	return nil
}

// pause keeps the fetch waiting where err says that the disk is full.
func (f *fetch) pause(err error) bool {
	if !errors.Is(err, syscall.ENOSPC) {
		return false
	}
	if room := f.sink.Room(); errors.Is(room, syscall.ENOSPC) {
		err = room // which says how much is missing
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.paused == nil {
		f.e.log.Warn("transfer paused", "file", f.name, "err", err)
	}
	f.paused = err
	f.retryAt = f.e.now() + f.e.spaceRetry
	return true
}

// reconcile wants again what the sink has lost.
func (f *fetch) reconcile() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.manifest.Count() {
		if !f.rx.Lacks(i) && !f.sink.Has(i) {
			f.rx.Lost(f.e.now(), 0, i)
			f.countLocked(i, -1)
		}
	}
}

// countLocked counts chunk i in (+1) or out (-1).
func (f *fetch) countLocked(i, d int) {
	part := partOf(f.manifest, i)
	f.bytesDone += int64(d * f.manifest.Len(i))
	if d < 0 && f.parts[part] == 0 {
		f.partsDone--
	}
	f.parts[part] -= d
	if d > 0 && f.parts[part] == 0 {
		f.partsDone++
	}
}

// sync makes what was written survive, now and then.
func (f *fetch) sync() {
	f.mu.Lock()
	due := f.rx != nil && !f.syncing && f.paused == nil && f.unsynced > 0 &&
		(f.unsynced >= syncBytes || f.e.now()-f.syncedAt >= syncEvery)
	if due {
		f.syncing, f.unsynced, f.syncedAt = true, 0, f.e.now()
	}
	f.mu.Unlock()
	if !due {
		return
	}
	f.e.spawn(func(context.Context) {
		err := f.sink.Sync()
		if err != nil && !f.over() {
			f.reconcile()
			if !f.pause(err) {
				f.e.log.Warn("cannot sync", "file", f.name, "err", err)
			}
		}
		f.mu.Lock()
		f.syncing = false
		f.mu.Unlock()
	})
}

func (f *fetch) over() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// hopeless returns why nobody will ever give the file, if so: every source has
// refused it, and no other was found.
func (f *fetch) hopeless() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fatal != nil {
		return f.fatal
	}
	if f.comparingLocked() {
		return nil
	}
	if f.redraft && f.draftingLocked() && f.verdict.IsZero() {
		return fmt.Errorf("%s: %w", f.name, errRedraft)
	}
	if !f.incoming.IsZero() && f.draftingLocked() && !errors.Is(f.refusal, errLiar) {
		return nil // another node goes on with it, or its origin comes back
	}
	if f.refusal == nil || !f.foundNone || f.searching || f.patient || f.reuse.goesOn() {
		return nil
	}
	for _, s := range f.sources {
		if s.refused == nil {
			return nil
		}
	}
	switch {
	case errors.Is(f.refusal, wire.ErrChanged):
		return fmt.Errorf("%s: %w during the transfer: get it again", f.name, wire.ErrChanged)
	case errors.Is(f.refusal, errLiar):
		return f.refusal
	}
	return fmt.Errorf("%s: %w", f.name, f.refusal)
}

// finish ends the fetch. What is unfinished is kept when the engine stops, and
// removed when the fetch failed or was cancelled.
func (f *fetch) finish(err error) {
	f.mu.Lock()
	c, s, canceled, left := f.c, f.sink, f.canceled, f.left
	f.ending = true
	f.mu.Unlock()
	if left != nil {
		s = left
	}
	f.writing.Wait()
	keep := f.e.ctx.Err() != nil && !canceled
	if err != nil && s != nil && !f.keepRest(err, s) {
		end := s.Abandon
		if keep {
			end = s.Close
		}
		if cerr := end(); cerr != nil {
			f.e.log.Warn("cannot end transfer", "file", f.name, "err", cerr)
		}
	}
	if canceled && err != nil {
		err = fmt.Errorf("%s: %w", f.name, ErrCanceled)
	}
	f.e.remove(f)
	if c != nil && !f.private {
		if err != nil {
			f.e.forget(c)
		}
		c.mu.Lock()
		c.fetching = nil
		c.mu.Unlock()
		if errors.Is(err, errRedraft) {
			c.refuseAll(fmt.Errorf("%s: %w", f.name, wire.ErrChanged))
		}
		f.e.release(c)
	}
	f.err = err
	close(f.done)
}

// drop ends one job's interest, of which it was sure or not; the last one cancels.
// When the engine stops nobody has lost interest.
func (f *fetch) drop(unsure bool) (last bool) {
	if f.e.ctx.Err() != nil {
		return false
	}
	f.mu.Lock()
	if f.jobs--; unsure {
		f.unsure--
	}
	last = f.jobs <= 0
	f.canceled = f.canceled || last
	cancel := f.cancel
	f.mu.Unlock()
	if last && cancel != nil {
		cancel()
	}
	f.poke() // the others may be sure
	return last
}

// sure notes that a job wants what f fetches, since all hold the same, which is
// it.
func (f *fetch) sure(it item) {
	f.mu.Lock()
	f.unsure--
	f.alike = it.holders
	f.mu.Unlock()
	f.poke()
}

// offerAlike has those who hold the same as what f began with give it too, once
// f knows its version, by which they know it. Where the node that f began with is
// lost before it has said that, f makes way for a fetch from them.
func (f *fetch) offerAlike() {
	f.mu.Lock()
	var alike []wire.Member
	if !f.version.IsZero() {
		alike, f.alike = f.alike, nil
	}
	if f.draftingLocked() && slices.ContainsFunc(f.alike, func(m wire.Member) bool { return m.ID != f.origin.ID }) {
		s := f.sources[f.origin.ID]
		f.redraft = f.redraft || s == nil || s.lost != nil
	}
	f.mu.Unlock()
	for _, h := range alike {
		f.offer(h, true)
	}
}
