package transfer

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// What an earlier process left of files waits in Engine.left, by name, for
// whoever is the first to fetch that name: the job that resume starts for it, or
// another one that has its turn before. What it is worth is found when it is
// known what is fetched; what is worth nothing is removed.

// resume goes on with what an earlier process left, and closes loaded when all
// the jobs for that are known, so that Delete misses none.
func (e *Engine) resume() {
	defer close(e.loaded)
	partials, err := e.cfg.Store.Leftovers()
	if err != nil {
		e.log.Warn("cannot resume transfers", "err", err)
	}
	e.goOn(partials)
}

// goOn starts a job for each name that partials have.
func (e *Engine) goOn(partials []*store.Partial) {
	byName := map[wire.FileName]*store.Partial{}
	for _, p := range partials {
		if old := byName[p.Name()]; old != nil {
			p = e.fuller(old, p)
		}
		byName[p.Name()] = p
	}
	var items []item
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		items = append(items, e.resumed(byName[name]))
	}
	e.mu.Lock()
	maps.Copy(e.left, byName)
	e.mu.Unlock()
	for _, it := range items {
		if err := e.startJob(e.newJob(string(it.name)), []item{it}); err != nil {
			return // the engine has stopped, and closes what is left
		}
	}
}

// resumed returns the item that asks for the rest of p, and tells of it.
func (e *Engine) resumed(p *store.Partial) item {
	it := item{name: p.Name(), kind: wire.KindFile, meta: p.Meta(), resumed: true}
	if p.Draft() {
		e.log.Info("transfer begun again, with what was there", "file", it.name)
		return it
	}
	it.version = p.Manifest().Version()
	e.log.Info("transfer resumed", "file", it.name, "chunks", p.Count(), "of", p.Manifest().Count())
	return it
}

// fuller returns which of two partial files of one name has more, and removes
// the other.
func (e *Engine) fuller(a, b *store.Partial) *store.Partial {
	if a.Count() < b.Count() {
		a, b = b, a
	}
	if err := b.Abandon(); err != nil {
		e.log.Warn("cannot remove what was left", "file", b.Name(), "err", err)
	}
	return a
}

// hasLeft reports whether an earlier process left some of a file that nobody has
// taken yet.
func (e *Engine) hasLeft(name wire.FileName) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.left[name] != nil
}

// takeLeft returns what an earlier process left of a file and nobody has taken
// yet; nil where there is nothing.
func (e *Engine) takeLeft(name wire.FileName) *store.Partial {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.left[name]
	delete(e.left, name)
	return p
}

// giveUpLeft ends what an earlier process left of a file, unless it was taken:
// it stays for the next one where this engine stops, and is removed otherwise.
func (e *Engine) giveUpLeft(name wire.FileName) error {
	p := e.takeLeft(name)
	var err error
	switch {
	case p == nil:
		return nil
	case e.ctx.Err() != nil:
		err = p.Close()
	default:
		err = p.Abandon()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// dropLeft removes what an earlier process left of what pattern names and
// nobody has taken.
func (e *Engine) dropLeft(pattern string) error {
	e.mu.Lock()
	names := slices.Collect(maps.Keys(e.left))
	e.mu.Unlock()
	var errs []error
	for _, name := range names {
		if covers(pattern, name) {
			errs = append(errs, e.giveUpLeft(name))
		}
	}
	return errors.Join(errs...)
}

// closeLeft leaves to the next process what nobody has taken, at the engine's
// end.
func (e *Engine) closeLeft() error {
	var errs []error
	for _, p := range e.left {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// inherit gives f, which has not begun, what an earlier process left of its
// name, or nil. Where that is of the version that f fetches nobody need be asked
// for the manifest.
func (f *fetch) inherit(left *store.Partial) {
	if left == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.searchNow = true; left.Draft() || left.Manifest().Version() != f.version {
		f.left = left
		return
	}
	f.manifest, f.sink = left.Manifest(), left
}

// takeUp returns the sink that an earlier process left, where there is one and m
// is its manifest, or one that it can be checked against.
func (f *fetch) takeUp(drafting bool, m *store.Manifest) (sink, error) {
	f.mu.Lock()
	left, meta := f.left, f.meta
	f.left = nil
	f.mu.Unlock()
	switch {
	case left == nil:
		return nil, nil
	case drafting:
		next, err := left.Redraft(meta, m)
		if err == nil {
			return next, nil
		}
		return nil, left.Abandon()
	case !left.Draft():
		if left.Manifest().Version() == m.Version() {
			return left, nil
		}
		return nil, left.Abandon()
	}
	err := left.Become(m)
	if err == nil {
		return left, nil
	}
	f.e.log.Info("transfer begins anew", "file", f.name, "err", err)
	return nil, left.Abandon()
}
