package transfer

import (
	"context"
	"errors"
	"time"

	"minimega/mesh/wire"
)

// news tells the other side of chunk i. The content's lock is held.
func (t *served) news(i int) {
	t.server.out.add(func(b []byte) []byte {
		return wire.AppendHave(b, wire.Have{Topic: t.topic, First: uint32(i), Bits: []byte{1}})
	})
}

// announce tells what c is, as far as that is known. The content's lock is held.
func (t *served) announce(c *content, open wire.Open, have []byte) {
	t.origin = t.draft && (c.origin || c.draft.IsZero())
	head := t.head(c)
	if head.Draft.IsZero() {
		head.Draft = open.Draft
	}
	final := head.Version
	if t.draft {
		head.Version = wire.Version{}
	}
	known := c.manifest.Count()
	switch {
	case t.draft && !t.origin, !t.draft && open.Known:
		known = 0
	case c.origin:
		known = c.known
	}
	out := t.server.out
	out.send(wire.TypeHead, head)
	out.hashes(t.topic, 0, c.manifest.Hashes[:known*wire.HashSize])
	out.add(func(b []byte) []byte { return appendHave(b, t.topic, have) })
	if t.origin && !final.IsZero() {
		head.Version = final
		out.send(wire.TypeHead, head)
	}
}

// head describes c. The content's lock is held.
func (t *served) head(c *content) wire.Head {
	head := wire.Head{Topic: t.topic, Version: c.version, Draft: c.draft, Meta: c.meta,
		ChunkSize: c.manifest.ChunkSize, Chunks: uint32(c.manifest.Count()), Origin: t.origin}
	if !c.draft.IsZero() {
		head.Version = c.final
	}
	return head
}

func (s *server) refuse(topic uint32, chunk int64, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	s.out.send(wire.TypeRefuse, wire.Refuse{Topic: topic, Chunk: chunk, Code: wire.CodeOf(err), Text: text})
}

// write sends control frames first, then chunks, then Alive.
func (s *server) write(ctx context.Context) error {
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for {
		if any, err := s.writeQueued(); err != nil {
			return err
		} else if any {
			continue
		}
		sent, err := s.sendChunk(ctx)
		if err != nil {
			return err
		}
		if sent {
			continue
		}
		select {
		case <-s.out.wake:
		case <-alive.C:
			s.out.send(wire.TypeAlive, nil)
		}
	}
}

// writeQueued sends the control frames that there are.
func (s *server) writeQueued() (any bool, err error) {
	frames, err := s.out.take(s.spare)
	if err != nil {
		return false, err
	}
	s.spare = frames
	return len(frames) > 0, s.pace.write(s.conn, frames)
}

// next picks what is sent now, a topic after the other. Where there is nothing, it
// returns a draft that the other side waits for more of, if there is one.
func (s *server) next() (t *served, chunk int, waited *content) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range s.order {
		s.turn = (s.turn + 1) % len(s.order)
		t := s.order[s.turn]
		t.c.mu.Lock()
		chunk, ok, dry := t.c.dealer.Next(s.e.now(), t.asker)
		if t.c.hot.from != nil && t.c.dealer.Pending(t.asker) > 0 {
			waited = t.c
		}
		if dry {
			t.c.wakeSpared()
		}
		t.c.mu.Unlock()
		if dry {
			s.refuse(t.topic, wire.NothingFresh, nil)
		}
		if ok {
			return t, chunk, nil
		}
	}
	return nil, 0, waited
}

// sendChunk sends one chunk, if any is wanted. Where one is that is still to be
// hashed it does that, and reports true as well: there is more to do.
func (s *server) sendChunk(ctx context.Context) (sent bool, err error) {
	t, i, waited := s.next()
	if t == nil {
		return waited != nil && waited.hashOne(&s.e.buffers), nil
	}
	t.c.hashAhead(s.e, s.out.poke)
	s.e.sending.Add(1)
	defer s.e.sending.Add(-1)
	buf, enc, size, err := s.pack.load(t.c, i)
	if err != nil {
		s.unreadable(t, i, err)
		return true, nil
	}
	defer s.e.buffers.put(buf)
	for any := true; any; { // the chunk's hash may be among them
		if any, err = s.writeQueued(); err != nil {
			return false, err
		}
	}
	s.head = wire.AppendChunkHeader(s.head[:0], t.topic, uint32(i), enc, size)
	full, last, start := s.valve.full(), s.wrote, s.e.moment()
	s.e.uploaded.Add(int64(size))
	s.e.sent.Add(1)
	from := start
	if full {
		from = last
	}
	err = s.e.up.send(ctx, &s.pace, s.conn, s.head, buf.behind(0, size))
	s.wrote = s.e.moment()
	s.pack.wrote(shown{bytes: size, since: s.wrote.at.Sub(last.at), took: s.wrote.at.Sub(from.at), full: full, held: s.valve.held(),
		beside: int(s.wrote.uploaded-from.uploaded) - size, busy: int(s.e.sending.Load()) - 1})
	s.valve.wrote(size, last.at, start.at, s.wrote.at)
	return true, err
}

// A moment is a time, and how many bytes the engine had begun to send by then.
type moment struct {
	at       time.Time
	uploaded int64
}

func (e *Engine) moment() moment { return moment{time.Now(), e.uploaded.Load()} }

// unreadable refuses a chunk, or the topic when the file has changed.
func (s *server) unreadable(t *served, i int, err error) {
	s.e.log.Warn("cannot serve", "file", t.c.name, "err", err)
	if !errors.Is(err, wire.ErrChanged) {
		s.refuse(t.topic, int64(i), err)
		return
	}
	s.refuse(t.topic, wire.WholeTopic, err)
	s.e.forget(t.c)
	s.end(t, false)
}
