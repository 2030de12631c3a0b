package transfer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// maxDrafts is how many drafts that have got their version are remembered, for
// those who lost the connection meanwhile.
const maxDrafts = 1024

// A draft is a file that this node gave a name to before its version was known.
// Its fields belong to the engine's lock.
type draft struct {
	id    wire.Version
	c     *content      // nil when it has been hashed
	src   *store.Source // the content's; nil likewise, and where it is incoming
	final wire.Version  // zero until it has been hashed
	// incoming: it is being downloaded, and hashed as it comes, see [Offer].
	incoming bool
	done     chan struct{} // closed when final is set, or never will be
}

// ahead returns the content of a file in the store, with a reference that the
// caller releases: at once, as a draft, where it is worth it. Hashing goes on by
// itself.
func (e *Engine) ahead(ctx context.Context, name wire.FileName) (*content, error) {
	_, meta, known := e.cfg.Store.CachedVersion(name)
	if known && e.hashing(name) == nil || meta.Size <= wire.MaxSmall {
		return e.published(ctx, wire.Version{}, name)
	}
	src, err := e.cfg.Store.Source(name)
	if err != nil {
		return nil, err
	}
	m, err := src.Draft()
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	c := newContent(newDraftID(), name, src.Meta(), m, sourceReader{src, m})
	c.draft, c.origin = c.version, true
	c.hashesWith(fileHasher{e.cfg.Store, src})
	c.dealer.Grow(true)
	e.mu.Lock()
	if d := e.drafts[name]; d != nil && d.c != nil && !d.incoming && d.src.Is(m) {
		c = d.c
		e.refs[c]++
		e.mu.Unlock()
		return c, src.Close()
	}
	e.pruneDraftsLocked()
	d := &draft{id: c.version, c: c, src: src, done: make(chan struct{})}
	e.drafts[name] = d
	e.contents[c.version] = c
	e.refs[c] += 2 // the caller's, and the hashing's
	e.mu.Unlock()
	if !e.spawn(func(ctx context.Context) { e.hashDraft(ctx, d, c, src) }) {
		close(d.done)
		e.release(c)
	}
	return c, nil
}

func newDraftID() (id wire.Version) {
	rand.Read(id[:]) // never fails
	return id
}

// pruneDraftsLocked forgets drafts that have been hashed, when there are many.
func (e *Engine) pruneDraftsLocked() {
	for name, d := range e.drafts {
		if len(e.drafts) < maxDrafts {
			return
		}
		if d.c == nil {
			delete(e.drafts, name)
		}
	}
}

// hashDraft hashes the file of a draft, telling those who are served as it goes.
func (e *Engine) hashDraft(ctx context.Context, d *draft, c *content, src *store.Source) {
	defer e.release(c)
	defer close(d.done)
	m, err := e.hash(ctx, c.name, c.named)
	if err == nil && !src.Is(m) {
		err = fmt.Errorf("%s: %w", c.name, wire.ErrChanged)
	}
	if err == nil {
		e.settleContent(c, m.Version())
	}
	e.mu.Lock()
	if d.c, d.src = nil, nil; err == nil {
		d.final = c.final
	} else if e.drafts[c.name] == d {
		delete(e.drafts, c.name)
	}
	e.mu.Unlock()
	if err != nil {
		e.log.Warn("cannot hash", "file", c.name, "err", err)
		e.forget(c)
		c.refuseAll(err)
	}
}

// named takes the hashes of chunks from first on, tells them to all who are
// served, and lets the chunks be dealt.
func (c *content) named(first int, sums []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first != c.known || (first+len(sums)/wire.HashSize) > c.manifest.Count() {
		return // the file was replaced, which its stat will tell
	}
	own := c.manifest.Hashes[first*wire.HashSize:][:len(sums)]
	copy(own, sums)
	for _, s := range c.topics {
		s.server.out.hashes(s.topic, first, own)
	}
	c.known = first + len(sums)/wire.HashSize
	for i := first; i < c.known; i++ {
		c.ownLocked(i)
	}
}

// ownLocked makes a chunk whose hash is known one that can be sent.
func (c *content) ownLocked(i int) {
	if c.manifest.Zero(i) {
		c.dealer.Void(i)
		return
	}
	c.dealer.Own(i)
}

// settleContent makes a draft known under its version too.
func (e *Engine) settleContent(c *content, v wire.Version) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.final = v
	if e.refs[c] > 0 && e.contents[v] == nil && e.contents[c.version] == c {
		e.contents[v] = c
	}
	c.dealer.Grow(false)
	for _, s := range c.topics {
		if s.origin {
			s.server.out.send(wire.TypeHead, s.head(c))
		}
		s.server.out.poke() // who was kept waiting for more is told that there is none
	}
}

// refuseAll refuses every topic of a draft that came to nothing.
func (c *content) refuseAll(err error) {
	c.mu.Lock()
	var topics []*served
	for _, s := range c.topics {
		topics = append(topics, s)
	}
	c.mu.Unlock()
	for _, s := range topics {
		s.server.refuse(s.topic, wire.WholeTopic, err)
		s.server.end(s, false)
	}
}

// hashing returns a channel that is closed when the version of a file's draft
// is known, or nil where none is being made.
func (e *Engine) hashing(name wire.FileName) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d := e.drafts[name]; d != nil && d.c != nil {
		return d.done
	}
	return nil
}

// hurry has the version of a file's draft, if one is made, be known as soon as it
// can be.
func (e *Engine) hurry(name wire.FileName) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d := e.drafts[name]; d != nil && d.c != nil {
		d.c.hashAlone()
	}
}

// drafted returns what is known of a file's draft: its identity, and its
// version once that has been computed.
func (e *Engine) drafted(name wire.FileName) (id, final wire.Version) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d := e.drafts[name]; d != nil {
		return d.id, d.final
	}
	return id, final
}
