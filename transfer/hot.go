package transfer

import (
	"context"

	"minimega/transfer/store"
)

// maxHot is how many chunks of a content may lie in memory between being hashed
// and being sent.
const maxHot = 4

// A hot is what a draft of this node's own, while it is hashed, has for those who
// are served: a file's hashing knows no chunk yet that is fresh for them, so they
// lend a hand, and send the bytes that were hashed without reading them again.
type hot struct {
	from   hasher          // nil once nothing is left to be hashed, or somebody waits for the end
	chunks map[int]*buffer // chunk → its bytes: at most maxHot, and one for each who hashes
	ahead  bool            // one is hashed beside the sending of others
}

// hasher is the hashing of one file, see store.HashNext.
type hasher interface {
	HashNext(buf []byte) (i int, data []byte, ok bool)
	HashLater()
}

// fileHasher is the hashing of a file in the store.
type fileHasher struct {
	store *store.Store
	src   *store.Source
}

func (h fileHasher) HashNext(buf []byte) (int, []byte, bool) { return h.store.HashNext(h.src, buf) }
func (h fileHasher) HashLater()                              { h.store.HashLater(h.src) }

// hashesWith lets c lend a hand to the hashing of its file. It is called before c
// is served.
func (c *content) hashesWith(from hasher) { c.hot = hot{from: from, chunks: map[int]*buffer{}} }

// hashAlone leaves the rest to the hashing itself, which no receiver holds up then.
func (c *content) hashAlone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hot.from = nil
}

// hashAhead hashes one more chunk of c while another is sent, unless somebody does
// already, and then calls done. It may end after those who were served have left:
// the hashing has the file open itself, and waits for it.
func (c *content) hashAhead(e *Engine, done func()) {
	c.mu.Lock()
	begin := c.hot.from != nil && !c.hot.ahead && !c.hot.full(c, &e.buffers)
	c.hot.ahead = c.hot.ahead || begin
	c.mu.Unlock()
	if !begin {
		return
	}
	end := func() {
		c.mu.Lock()
		c.hot.ahead = false
		c.mu.Unlock()
	}
	if !e.spawn(func(context.Context) { c.hashOne(&e.buffers); end(); done() }) {
		end()
	}
}

// hashOne hashes one more chunk of c, and reports whether there was one.
func (c *content) hashOne(spare *buffers) bool {
	c.mu.Lock()
	from := c.hot.from
	full := c.hot.full(c, spare)
	c.mu.Unlock()
	if from == nil || full {
		return false
	}
	buf := spare.get(int(c.manifest.ChunkSize))
	i, _, ok := from.HashNext(buf.behind(0, 0))
	c.mu.Lock()
	defer c.mu.Unlock()
	if !ok {
		spare.put(buf)
		c.hot.from = nil
		return false
	}
	c.hot.chunks[i] = buf
	return true
}

// full reports whether maxHot chunks are waiting to be sent, after giving back
// those that need not be sent any more. The content's lock is held.
func (h *hot) full(c *content, to *buffers) bool {
	if len(h.chunks) < maxHot {
		return false
	}
	for i, buf := range h.chunks {
		if i < c.known && !c.dealer.Fresh(i) {
			to.put(buf)
			delete(h.chunks, i)
		}
	}
	return len(h.chunks) >= maxHot
}

// takeHot returns the buffer that chunk i, which is to be sent, lies in, and which
// is the caller's, or nil.
func (c *content) takeHot(i int) *buffer {
	c.mu.Lock()
	from := c.hot.from
	buf := c.hot.chunks[i]
	delete(c.hot.chunks, i)
	c.mu.Unlock()
	if from != nil && buf == nil {
		from.HashLater()
	}
	return buf
}
