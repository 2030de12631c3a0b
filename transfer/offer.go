package transfer

import (
	"errors"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// An Offer is a draft of a file that this node downloads and that is not in its
// store yet. Its methods are for one goroutine.
type Offer struct {
	e *Engine
	d *draft
	c *content
}

// Offer makes what is being downloaded under a name known to the mesh, as a
// draft. m is one of store.NewDraft, with at least one chunk, which the offer
// fills; r reads the chunks that Told has told of, and belongs to the offer,
// which closes it. The offer lasts until Done or End.
func (e *Engine) Offer(name wire.FileName, meta wire.Meta, m *store.Manifest, r chunkReader) *Offer {
	meta.Size = m.Size
	c := newContent(newDraftID(), name, meta, m, r)
	c.draft, c.origin = c.version, true
	c.dealer.Grow(true)
	o := &Offer{e: e, c: c, d: &draft{id: c.version, c: c, incoming: true, done: make(chan struct{})}}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pruneDraftsLocked()
	e.drafts[name] = o.d
	e.contents[c.version] = c
	e.refs[c]++
	return o
}

// Draft returns what the offer is known as.
func (o *Offer) Draft() wire.Version { return o.c.version }

// Told tells the hashes of chunks from first on, which can be read by now. It is
// called in order and without gaps.
func (o *Offer) Told(first int, sums []byte) { o.c.named(first, sums) }

// Done ends the offer of what was told of in full and lies in the store by now:
// those who are served are told its version.
func (o *Offer) Done(v wire.Version) {
	o.e.settleContent(o.c, v)
	if src, err := o.e.cfg.Store.Source(o.c.name); err == nil {
		o.e.closeReader(o.c, o.c.replace(sourceReader{src, o.c.manifest}, nil))
	}
	o.end(v)
}

// End ends an offer that came to nothing. Why is what those who are served hear,
// see package wire: ErrChanged where something else takes its place, ErrBusy
// where another node may go on.
func (o *Offer) End(why error) {
	o.end(wire.Version{})
	o.e.forget(o.c)
	o.c.refuseAll(why)
}

// end makes the draft one that has ended, as a version or, if that is zero, not.
func (o *Offer) end(v wire.Version) {
	e := o.e
	e.mu.Lock()
	o.d.c, o.d.final = nil, v
	if v.IsZero() && e.drafts[o.c.name] == o.d {
		delete(e.drafts, o.c.name)
	}
	e.mu.Unlock()
	close(o.d.done)
	e.release(o.c)
}

// closeReader closes what a content was read from.
func (e *Engine) closeReader(c *content, r chunkReader) {
	if err := r.Close(); err != nil {
		e.log.Warn("cannot close", "file", c.name, "err", err)
	}
}

// offers lists what pattern means of the files that are offered.
func (e *Engine) offers(pattern string) []wire.FoundEntry {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []wire.FoundEntry
	for name, d := range e.drafts {
		if d.incoming && d.c != nil && covers(pattern, name) {
			out = append(out, wire.FoundEntry{Name: name, Kind: wire.KindFile, Meta: d.c.meta, Draft: d.id, Incoming: true})
		}
	}
	return out
}

// Yield ends the fetch of what another node offers under a name, and returns
// what it has brought, which is the caller's from then on, and of which draft;
// nil where there is no such fetch, or nothing. Jobs that wait for the file go on
// waiting, for whoever has it next. It blocks until what is being written is.
func (e *Engine) Yield(name wire.FileName) (*store.Partial, wire.Version) {
	f := e.fetching(name)
	if f == nil || !f.yield() {
		return nil, wire.Version{}
	}
	f.poke()
	<-f.done
	return f.takeRest(true), f.incoming
}

// yield makes f end soon, leaving its rest to Yield, where it fetches what
// another node downloads.
func (f *fetch) yield() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.incoming.IsZero() || !f.draftingLocked() || !f.verdict.IsZero() || f.yielded {
		return false
	}
	f.redraft, f.yielded = true, true
	return true
}

// takeRest returns what f has brought of a draft that is gone, once, to Yield or
// else to the first job that asks; nil is nothing.
func (f *fetch) takeRest(yielding bool) *store.Partial {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.yielded != yielding {
		return nil
	}
	rest := f.rest
	f.rest = nil
	return rest
}

// keepRest keeps what is written of a draft that is gone, for what takes its
// place, and reports whether there was anything.
func (f *fetch) keepRest(err error, s sink) bool {
	p, ok := s.(*store.Partial)
	if !ok || !errors.Is(err, errRedraft) || f.e.ctx.Err() != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.canceled {
		return false
	}
	f.rest = p
	return true
}

// keepRest leaves what f has of a draft that is gone to who fetches the file
// next, as what an earlier process has left.
func (j *Job) keepRest(f *fetch) {
	rest := f.takeRest(false)
	if rest == nil {
		return
	}
	e := j.e
	e.mu.Lock()
	other := e.left[f.name]
	e.left[f.name] = rest
	e.mu.Unlock()
	j.mu.Lock()
	j.files[f.name].rest = true
	j.mu.Unlock()
	if other != nil {
		j.fail(other.Abandon())
	}
}

// dropRest gives up what keepRest has left and nobody has taken.
func (j *Job) dropRest(name wire.FileName) error {
	j.mu.Lock()
	kept := j.files[name].rest
	j.mu.Unlock()
	if !kept {
		return nil
	}
	return j.e.giveUpLeft(name)
}

// fetching returns the fetch of one of j's files.
func (j *Job) fetching(name wire.FileName) *fetch {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.files[name].fetch
}
