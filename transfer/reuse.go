package transfer

import (
	"context"
	"time"

	"minimega/transfer/store"
)

// What is here already need not come: before a fetch asks anybody for chunks,
// its sink takes those that other files of the store hold. It has that time to
// itself, so that nothing is asked for, or dealt to it, that is about to be
// found here. A disk that is slower than the network must not hold it up for
// long, though: who does not keep this pace goes on beside the network.
const (
	reuseGrace = time.Second // for looking through the hashes that are known
	reusePace  = 128 << 20   // bytes a second: what a link of 1 Gbit/s would bring
)

// reuse is what a fetch knows of the chunks that it finds here. Its fields
// belong to the fetch's lock.
type reuse struct {
	alone    bool          // no chunk is asked for yet
	patching bool          // the search is over, what differs is being asked for
	since    time.Duration // when it began
	bytes    int64         // of chunks found here
	stop     context.CancelFunc
	done     chan struct{} // closed when its goroutine is gone; nil before the sink is open
}

// startReuse looks for chunks here, where begin has left that to do.
func (f *fetch) startReuse(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	f.mu.Lock()
	f.reuse.stop, f.reuse.done, f.reuse.since = cancel, done, f.e.now()
	wanted := f.reuse.alone
	f.mu.Unlock()
	started := wanted && f.e.spawn(func(context.Context) {
		defer close(done)
		alike, err := f.sink.Reuse(ctx, f.found)
		if err != nil && ctx.Err() == nil && !f.pause(err) {
			f.e.log.Warn("chunks that are here are fetched", "file", f.name, "err", err)
		}
		if alike != nil {
			f.refine(ctx, alike)
		}
		f.askOthers()
	})
	if !started {
		close(done)
	}
}

// endReuse stops the search and waits until nothing of it is left: a chunk's
// time at most.
func (f *fetch) endReuse() {
	f.mu.Lock()
	stop, done := f.reuse.stop, f.reuse.done
	f.mu.Unlock()
	if done == nil {
		return
	}
	stop()
	<-done
}

// goesOn reports whether the search goes on.
func (r *reuse) goesOn() bool {
	if r.done == nil {
		return false
	}
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// refine asks for patches while nothing else is asked for, unless the network
// had to be let in already. That needs no pace: a link that is slow makes it
// worth the more.
func (f *fetch) refine(ctx context.Context, alike *store.Source) {
	f.mu.Lock()
	alone := f.reuse.alone
	f.reuse.patching = alone
	f.mu.Unlock()
	if !alone {
		alike.Close() // only read
		return
	}
	f.patch(ctx, alike)
}

// found counts chunk i, which was here already and the sink holds by now.
func (f *fetch) found(i int) { f.took(i, f.manifest.Len(i)) }

// took counts chunk i, which the sink holds by now, reused bytes of it found
// here, and tells everybody of it.
func (f *fetch) took(i, reused int) {
	f.mu.Lock()
	if !f.rx.Lacks(i) { // it has just come
		f.mu.Unlock()
		return
	}
	fresh := f.rx.Fresh(i)
	f.rx.Got(i)
	f.reuse.bytes += int64(reused)
	spread := f.heldLocked(i, fresh)
	f.mu.Unlock()
	spread()
}

// askOthers ends the time that the search has to itself.
func (f *fetch) askOthers() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.askOthersLocked()
}

func (f *fetch) askOthersLocked() {
	if !f.reuse.alone {
		return
	}
	f.reuse.alone = false
	for _, s := range f.byPeer {
		f.tellAllLocked(s)
	}
	f.planLocked()
	f.poke()
}

// paceReuseLocked lets the network in where the search is slow.
func (f *fetch) paceReuseLocked() {
	r := &f.reuse
	allowed := f.e.reuseGrace + time.Duration(float64(r.bytes)/reusePace*float64(time.Second))
	if r.alone && !r.patching && r.done != nil && f.e.now()-r.since > allowed {
		f.askOthersLocked()
	}
}

// Reused returns how many bytes of the job's files were found in other files
// here, and so did not come from anybody.
func (j *Job) Reused() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	var n int64
	for _, f := range j.files {
		if f.fetch != nil {
			n += f.fetch.reusedBytes()
		}
	}
	return n
}

func (f *fetch) reusedBytes() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reuse.bytes
}
