package transfer

import (
	"context"
	"errors"
	"fmt"

	"minimega/mesh/wire"
)

// contentFor returns the content that an Open means, with a reference that the
// caller releases. It hashes where it must. Errors: wire.ErrNotFound,
// wire.ErrChanged where the name holds another version.
func (e *Engine) contentFor(ctx context.Context, o wire.Open) (*content, error) {
	v, name := o.Version, o.Name
	if v.IsZero() {
		v = o.Draft
	}
	for {
		e.mu.Lock()
		c, f := e.contents[v], e.fetches[name]
		if c != nil {
			e.refs[c]++
		}
		e.mu.Unlock()
		if c != nil {
			return c, nil
		}
		if f == nil || !f.is(v) {
			return e.stored(ctx, o)
		}
		select {
		case <-f.ready:
			if e.contentOf(v) == nil { // it ended just now
				return e.stored(ctx, o)
			}
		case <-f.done:
			return e.stored(ctx, o)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// stored returns the content of a file in the store that an Open means.
func (e *Engine) stored(ctx context.Context, o wire.Open) (*content, error) {
	if done := e.hashing(o.Name); done != nil && (!o.Version.IsZero() || !o.Now) {
		e.hurry(o.Name)
		select {
		case <-done: // so that there are not two contents, each with its own dealer
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	switch {
	case !o.Version.IsZero():
		return e.published(ctx, o.Version, o.Name)
	case !o.Draft.IsZero():
		if id, final := e.drafted(o.Name); id == o.Draft && !final.IsZero() {
			return e.published(ctx, final, o.Name)
		}
		return nil, fmt.Errorf("%s: %w", o.Name, wire.ErrChanged)
	case o.Now:
		return e.ahead(ctx, o.Name)
	}
	return e.published(ctx, wire.Version{}, o.Name)
}

// is reports whether f fetches version, or draft, v.
func (f *fetch) is(v wire.Version) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.private && !v.IsZero() && (f.version == v || f.draft == v)
}

func (e *Engine) contentOf(v wire.Version) *content {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.contents[v]
}

// published returns the content of a file in the store.
func (e *Engine) published(ctx context.Context, v wire.Version, name wire.FileName) (*content, error) {
	m, err := e.cfg.Store.Manifest(ctx, name)
	if err != nil {
		return nil, err
	}
	version := m.Version()
	if !v.IsZero() && v != version {
		return nil, fmt.Errorf("%s: %w", name, wire.ErrChanged)
	}
	src, err := e.cfg.Store.Source(name)
	if err != nil {
		return nil, err
	}
	c := newContent(version, name, src.Meta(), m, sourceReader{src, m})
	c.dealer.OwnAll()
	e.mu.Lock()
	if other := e.contents[version]; other != nil {
		e.refs[other]++
		e.mu.Unlock()
		return other, src.Close()
	}
	e.contents[version] = c
	e.refs[c]++
	e.mu.Unlock()
	return c, nil
}

// addContent makes the content of a fetch known, with a reference of the
// fetch's own.
func (e *Engine) addContent(c *content) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refs[c]++
	if e.contents[c.version] == nil {
		e.contents[c.version] = c
	}
}

// forget takes a content out of what is served; who is being served goes on
// until it fails.
func (e *Engine) forget(c *content) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forgetLocked(c)
}

func (e *Engine) forgetLocked(c *content) {
	for _, v := range []wire.Version{c.version, c.final} {
		if e.contents[v] == c {
			delete(e.contents, v)
		}
	}
}

// release gives a reference back; the last one closes the content.
func (e *Engine) release(c *content) {
	e.mu.Lock()
	e.refs[c]--
	last := e.refs[c] == 0
	if last {
		delete(e.refs, c)
		e.forgetLocked(c)
	}
	e.mu.Unlock()
	if !last {
		return
	}
	if r := c.replace(nil, nil); r != nil {
		if err := r.Close(); err != nil {
			e.log.Warn("cannot close", "file", c.name, "err", err)
		}
	}
}

// closeContents closes what is left when nobody is served any more.
func (e *Engine) closeContents() error {
	var errs []error
	for c := range e.refs {
		if r := c.replace(nil, nil); r != nil {
			errs = append(errs, r.Close())
		}
	}
	return errors.Join(errs...)
}
