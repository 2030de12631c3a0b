package transfer

import (
	"errors"
	"sync"

	"minimega/mesh/wire"
	"minimega/transfer/planner"
	"minimega/transfer/store"
)

// chunkReader reads verified chunks: a store.Source or a store.Partial.
type chunkReader interface {
	ReadChunk(i int, buf []byte) ([]byte, error)
	Close() error
}

// sourceReader is a published file.
type sourceReader struct {
	*store.Source
	m *store.Manifest
}

func (s sourceReader) ReadChunk(i int, buf []byte) ([]byte, error) {
	return s.Source.ReadChunk(i, s.m, buf)
}

// A content is one version that this node serves: a file of the store, or what
// it has of one that it is fetching.
type content struct {
	version  wire.Version // a draft's identity where it was made before the version was known
	name     wire.FileName
	meta     wire.Meta
	manifest *store.Manifest
	draft    wire.Version // version, if that is a draft's
	origin   bool         // the draft is this node's own

	mu       sync.Mutex
	dealer   *planner.Dealer
	topics   map[planner.Asker]*served // who is served
	next     planner.Asker
	reader   chunkReader   // nil when it has gone
	moving   chan struct{} // non-nil while the file is being published: closed after it
	fetching *fetch        // nil when the content is complete
	known    int           // of its own draft: chunks whose hashes are known
	hot      hot           // of its own draft
	final    wire.Version  // of a draft: its version when that is known; set under the engine's lock too
}

func newContent(v wire.Version, name wire.FileName, meta wire.Meta, m *store.Manifest, r chunkReader) *content {
	return &content{
		version: v, name: name, meta: meta, manifest: m, reader: r,
		dealer: planner.NewDealer(m.Count()), topics: map[planner.Asker]*served{},
	}
}

// join adds a topic and tells it what is held, before any news.
func (c *content) join(s *served, tell func(have []byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	s.asker = c.next
	c.topics[s.asker] = s
	c.dealer.Join(s.asker)
	tell(c.dealer.Holds().Bytes())
}

// leave removes a topic. A node that stays, but needs no more, is satisfied.
func (c *content) leave(s *served, satisfied bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.topics, s.asker)
	if satisfied {
		c.dealer.Done(s.asker)
	} else {
		c.dealer.Leave(s.asker)
	}
	c.wakeSpared()
}

// wakeSpared lets those go on who were passed over while others were dealt what was
// fresh. The content's lock is held.
func (c *content) wakeSpared() {
	for _, asker := range c.dealer.Spared() {
		c.topics[asker].server.out.poke()
	}
}

// own lets chunk i be sent: from now on others may be told of it.
func (c *content) own(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dealer.Own(i)
}

// gained makes chunk i, which is owned, known to all who are served, lack it,
// and are not told otherwise.
func (c *content) gained(i int, told map[wire.NodeID]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for asker, s := range c.topics {
		if !told[s.server.peer.ID] && !c.dealer.AskerHas(asker, i) {
			s.news(i)
		}
	}
}

// holds returns what is held, as wire.Have wants it; nil where that is nothing.
func (c *content) holds() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dealer.Holds().Count() == 0 {
		return nil
	}
	return c.dealer.Holds().Bytes()
}

// chunk reads chunk i into buf.
func (c *content) chunk(i int, buf []byte) ([]byte, error) {
	for {
		c.mu.Lock()
		r, moving := c.reader, c.moving
		c.mu.Unlock()
		if r == nil {
			return nil, wire.ErrNotFound
		}
		data, err := r.ReadChunk(i, buf)
		if err == nil || errors.Is(err, wire.ErrChanged) {
			return data, err
		}
		c.mu.Lock()
		same := c.reader == r && c.moving == nil && moving == nil
		now := c.moving
		c.mu.Unlock()
		if same {
			return nil, err
		}
		if now != nil {
			<-now
		}
	}
}

// replace puts another reader in the place of the present one and returns that.
func (c *content) replace(r chunkReader, done chan struct{}) chunkReader {
	c.mu.Lock()
	old := c.reader
	c.reader, c.moving = r, nil
	c.mu.Unlock()
	if done != nil {
		close(done)
	}
	return old
}
