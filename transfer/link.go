package transfer

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"minimega/mesh/wire"
)

// idleLink is how long a connection without topics is kept.
const idleLink = 15 * time.Second

// A link is one outgoing connection of the file service: this side fetches,
// the other one gives.
type link struct {
	e    *Engine
	to   wire.Member
	conn net.Conn
	out  *outbox
	done chan struct{} // closed when the link has ended

	heard atomic.Int64 // engine time (ns) of the last byte of a chunk
	bulk  bool         // the reader is inside a chunk; the reader's alone
	in    *inflow      // the reader's alone

	mu     sync.Mutex
	topics map[uint32]*source
	next   uint32    // the topic opened last
	idle   time.Time // since when there is no topic
	err    error     // why the link has ended
}

// linkTo returns the link to a node, dialling it where there is none.
func (e *Engine) linkTo(ctx context.Context, to wire.Member) (*link, error) {
	for {
		e.mu.Lock()
		slot := e.links[to.ID]
		if slot == nil {
			slot = &linkSlot{ready: make(chan struct{})}
			e.links[to.ID] = slot
			e.mu.Unlock()
			e.dial(ctx, to, slot)
		} else {
			e.mu.Unlock()
		}
		select {
		case <-slot.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if slot.err != nil {
			return nil, slot.err
		}
		select {
		case <-slot.l.done: // it ended just now
			continue
		default:
			return slot.l, nil
		}
	}
}

// linkSlot is a link that there is, or that is being dialled.
type linkSlot struct {
	ready chan struct{} // closed when l or err is set
	l     *link
	err   error
}

func (e *Engine) dial(ctx context.Context, to wire.Member, slot *linkSlot) {
	defer close(slot.ready)
	conn, err := e.cfg.Mesh.OpenStream(ctx, to.ID, wire.ServiceFile)
	if err == nil && !e.enter() {
		conn.Close()
		err = net.ErrClosed
	}
	if err != nil {
		slot.err = err
		e.mu.Lock()
		delete(e.links, to.ID)
		e.mu.Unlock()
		return
	}
	tune(conn)
	slot.l = &link{e: e, to: to, conn: conn, in: inflowOf(conn, &e.down), out: newOutbox(), done: make(chan struct{}), topics: map[uint32]*source{}, idle: time.Now()}
	go slot.l.run() // joined through e.tasks, which enter counted
}

// run owns the link until it ends.
func (l *link) run() {
	defer l.e.tasks.Done()
	defer context.AfterFunc(l.e.ctx, func() { l.conn.Close() })()
	var writer sync.WaitGroup
	writer.Go(func() {
		err := l.write()
		l.out.fail(err)
		l.conn.Close()
	})
	err := l.read()
	l.out.fail(err)
	l.conn.Close()
	writer.Wait()
	l.end(err)
}

// end tells all topics that the link is gone.
func (l *link) end(err error) {
	l.e.mu.Lock()
	delete(l.e.links, l.to.ID)
	l.e.mu.Unlock()
	l.mu.Lock()
	l.err = fmt.Errorf("connection to %s: %w", l.to.Name, err)
	var sources []*source
	for _, s := range l.topics {
		sources = append(sources, s)
	}
	l.mu.Unlock()
	close(l.done)
	for _, s := range sources {
		s.f.lost(s, l.err)
	}
}

// open starts a topic for s.
func (l *link) open(s *source, o wire.Open) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if len(l.topics) >= wire.MaxTopics {
		return wire.ErrBusy
	}
	l.next++
	s.link, s.topic, o.Topic = l, l.next, l.next
	l.topics[s.topic] = s
	l.out.send(wire.TypeOpen, o)
	return nil
}

// close ends a topic.
func (l *link) close(s *source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.topics[s.topic] == s {
		delete(l.topics, s.topic)
		l.idle = time.Now()
		l.out.send(wire.TypeClose, wire.Close{Topic: s.topic})
	}
}

// write sends what is queued, and Alive in between.
func (l *link) write() error {
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	var spare []byte
	for {
		frames, err := l.out.take(spare)
		if err != nil {
			return err
		}
		spare = frames
		if err := write(l.conn, frames); err != nil {
			return err
		}
		select {
		case <-l.out.wake:
		case <-alive.C:
			if l.unused() {
				return net.ErrClosed
			}
			l.out.send(wire.TypeAlive, nil)
		}
	}
}

func (l *link) unused() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.topics) == 0 && time.Since(l.idle) > idleLink
}

// read hands what comes to the fetches that it is for. While there is too much to
// verify and to write, nothing is read.
func (l *link) read() error {
	frames := wire.NewReader(&deadlineReader{conn: l.conn, piece: l.e.down.piece, heard: l.hear, due: l.due()}, wire.MaxDataFrame)
	var small []byte
	for {
		var b *buffer  // a chunk's
		var held int64 // of the memory budget
		t, payload, err := frames.NextInto(func(t wire.Type, size int) []byte {
			if l.bulk = t == wire.TypeChunk; l.bulk {
				if l.e.memory.Acquire(l.e.ctx, int64(size)) == nil { // otherwise the connection is being closed
					held = int64(size)
				}
				b = l.e.buffers.get(size - wire.ChunkHead)
				return b.behind(wire.ChunkHead, size-wire.ChunkHead)
			}
			if cap(small) < size {
				small = make([]byte, size)
			}
			return small[:size]
		})
		if err != nil {
			l.e.memory.Release(held)
			return err
		}
		if t == wire.TypeChunk {
			err = l.chunk(payload, b, held)
		} else {
			err = l.frame(t, payload)
		}
		l.bulk = false
		if err != nil {
			return &wire.DecodeError{Offset: frames.Offset(), What: fmt.Sprintf("frame %d", t), Err: err}
		}
	}
}

// due returns what is to be told how many bytes the next read is of: the
// connection waits for those of chunks more patiently, if it can.
func (l *link) due() func(n int) {
	conn, ok := l.conn.(interface{ Expect(n int) })
	if !ok {
		return nil
	}
	return func(n int) {
		if !l.bulk {
			n = 0
		}
		conn.Expect(n)
	}
}

// hear notes that bytes came, and pays for those of chunks.
func (l *link) hear(n int) {
	if !l.bulk {
		l.in.fit()
		return
	}
	l.heard.Store(int64(l.e.now()))
	l.in.pay(l.e.ctx, n)
}

// lastHeard returns when the last byte of a chunk came.
func (l *link) lastHeard() time.Duration { return time.Duration(l.heard.Load()) }

// source returns who has a topic: nil for one that was closed.
func (l *link) source(topic uint32) *source {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.topics[topic]
}

// chunk passes a chunk to a worker, and with it the buffer that it lies in. Where
// other links bring chunks too, there is enough to do beside it, and waking another
// goroutine for each takes longer than it gains.
func (l *link) chunk(payload []byte, b *buffer, held int64) error {
	drop := func() {
		l.e.memory.Release(held)
		l.e.buffers.put(b)
	}
	c, err := wire.ParseChunk(payload)
	if err != nil {
		drop()
		return err
	}
	s := l.source(c.Topic)
	if s == nil {
		drop()
		return nil
	}
	if s.f.many() {
		s.f.chunk(s, c, b)
		drop()
		return nil
	}
	select {
	case l.e.work <- func() { s.f.chunk(s, c, b); drop() }:
	case <-l.e.ctx.Done():
		drop()
	}
	return nil
}

func (l *link) frame(t wire.Type, payload []byte) error {
	switch t {
	case wire.TypeHead:
		var h wire.Head
		if err := wire.Unmarshal(payload, &h); err != nil {
			return err
		}
		if s := l.source(h.Topic); s != nil {
			return s.f.head(s, h)
		}
	case wire.TypeHashes:
		h, err := wire.ParseHashes(payload)
		if err != nil {
			return err
		}
		if s := l.source(h.Topic); s != nil {
			return s.f.hashes(s, h)
		}
	case wire.TypeHave:
		h, err := wire.ParseHave(payload)
		if err != nil {
			return err
		}
		if s := l.source(h.Topic); s != nil {
			s.f.have(s, int(h.First), h.Bits)
		}
	case wire.TypeRefuse:
		var r wire.Refuse
		if err := wire.Unmarshal(payload, &r); err != nil {
			return err
		}
		if s := l.source(r.Topic); s != nil {
			s.f.refused(s, r)
		}
	case wire.TypeOpen, wire.TypeRequest, wire.TypeDeal, wire.TypeWithdraw, wire.TypeClose:
		return errOutOfPlace
	}
	return nil
}
