package transfer

import (
	"container/list"
	"sync"

	"minimega/mesh/wire"
)

// recentKey names one chunk.
type recentKey struct {
	version wire.Version
	chunk   int
}

// recent keeps chunks that went through lately, as they travelled: several nodes
// want them one after another.
type recent struct {
	spare *buffers
	mu    sync.Mutex
	limit int // bytes
	size  int // bytes of the buffers
	byKey map[recentKey]*list.Element
	order *list.List // of recentChunk, the latest used first
}

type recentChunk struct {
	key  recentKey
	enc  wire.Encoding
	buf  *buffer // shared with whoever sends or verifies it
	size int
}

func newRecent(limit int, spare *buffers) *recent {
	return &recent{spare: spare, limit: limit, byKey: map[recentKey]*list.Element{}, order: list.New()}
}

// get returns a chunk that is kept, whose buffer the caller does not change, and
// puts back.
func (r *recent) get(k recentKey) (c recentChunk, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	el := r.byKey[k]
	if el == nil {
		return c, false
	}
	r.order.MoveToFront(el)
	c = el.Value.(recentChunk)
	c.buf.share()
	return c, true
}

// put keeps a chunk, the first size bytes of buf, which stays the caller's as
// well: nobody changes them any more. A compressed one takes the place of the
// plain one.
func (r *recent) put(k recentKey, enc wire.Encoding, buf *buffer, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if el := r.byKey[k]; el != nil {
		if enc == wire.Plain || el.Value.(recentChunk).enc != wire.Plain {
			return
		}
		r.drop(el)
	}
	r.byKey[k] = r.order.PushFront(recentChunk{k, enc, buf.share(), size})
	for r.size += len(buf.whole); r.size > r.limit; {
		r.drop(r.order.Back())
	}
}

// drop gives one back. The lock is held.
func (r *recent) drop(el *list.Element) {
	c := r.order.Remove(el).(recentChunk)
	delete(r.byKey, c.key)
	r.size -= len(c.buf.whole)
	r.spare.put(c.buf)
}
