package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"

	"minimega/mesh/wire"
	"minimega/transfer/planner"
)

// A server is one incoming connection of the file service: the other side
// fetches, this one gives.
type server struct {
	e     *Engine
	peer  wire.Member
	conn  net.Conn
	out   *outbox
	pack  *packer // the writer's alone, as valve and pace
	valve *valve
	wrote moment // when the last chunk had been written, or the connection began; likewise
	spare []byte // to be filled with control frames next; likewise
	head  []byte // to be filled with the header of the next chunk; likewise
	pace  pacer

	mu     sync.Mutex
	topics map[uint32]*served
	order  []*served // those that are open, in turn
	turn   int       // whose turn it was last
}

// served is one topic of a server.
type served struct {
	server *server
	topic  uint32

	// Set once, before it is put into order, under server.mu.
	c      *content
	asker  planner.Asker
	draft  bool // it was opened as a draft, whose version follows
	origin bool // of that draft is this node

	early  []func() // what was asked before the topic was open; under server.mu
	closed bool     // under server.mu
}

var errOutOfPlace = errors.New("out of place")

// serve is the handler of the file service.
func (e *Engine) serve(ctx context.Context, from wire.Member, conn net.Conn) {
	if !e.enter() {
		return
	}
	defer e.tasks.Done()
	s := &server{e: e, peer: from, conn: conn, out: newOutbox(), topics: map[uint32]*served{},
		pack: e.newPacker(wire.Zstd, wire.S2), valve: tune(conn), wrote: e.moment()}
	ctx, cancel := e.joinContext(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	var writer sync.WaitGroup
	writer.Go(func() {
		err := s.write(ctx)
		s.out.fail(err)
		conn.Close()
	})
	opening := &sync.WaitGroup{}
	err := s.read(ctx, opening)
	if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		e.log.Debug("file connection ended", "node", from.Name, "err", err)
	}
	cancel()
	s.out.fail(net.ErrClosed)
	conn.Close()
	writer.Wait()
	opening.Wait()
	s.mu.Lock()
	topics := slices.Collect(maps.Values(s.topics))
	s.mu.Unlock()
	for _, t := range topics {
		s.end(t, false)
	}
}

// read takes the frames of the other side until the connection ends, and
// returns why it did.
func (s *server) read(ctx context.Context, opening *sync.WaitGroup) error {
	frames := wire.NewReader(&deadlineReader{conn: s.conn}, wire.MaxDataFrame)
	for {
		t, payload, err := frames.Next()
		if err != nil {
			return err
		}
		if err := s.frame(ctx, opening, t, payload); err != nil {
			return &wire.DecodeError{Offset: frames.Offset(), What: fmt.Sprintf("frame %d", t), Err: err}
		}
	}
}

func (s *server) frame(ctx context.Context, opening *sync.WaitGroup, t wire.Type, payload []byte) error {
	switch t {
	case wire.TypeOpen:
		var open wire.Open
		if err := wire.Unmarshal(payload, &open); err != nil {
			return err
		}
		return s.open(ctx, opening, open)
	case wire.TypeHave:
		have, err := wire.ParseHave(payload)
		if err != nil {
			return err
		}
		return s.have(have)
	case wire.TypeDeal:
		var deal wire.Deal
		if err := wire.Unmarshal(payload, &deal); err != nil {
			return err
		}
		return s.deal(deal)
	case wire.TypeRequest, wire.TypeWithdraw:
		var req wire.Request
		if err := wire.Unmarshal(payload, &req); err != nil {
			return err
		}
		return s.request(t, req)
	case wire.TypeClose:
		var end wire.Close
		if err := wire.Unmarshal(payload, &end); err != nil {
			return err
		}
		s.mu.Lock()
		topic := s.topics[end.Topic]
		s.mu.Unlock()
		if topic != nil {
			s.end(topic, true)
		}
	case wire.TypeHead, wire.TypeHashes, wire.TypeChunk:
		return errOutOfPlace
	}
	return nil
}

// open starts a topic; what must be hashed first is opened when it has been.
func (s *server) open(ctx context.Context, opening *sync.WaitGroup, open wire.Open) error {
	if _, err := wire.ParseFileName(string(open.Name)); err != nil {
		s.refuse(open.Topic, wire.WholeTopic, err)
		return nil
	}
	t := &served{server: s, topic: open.Topic, draft: !open.Draft.IsZero()}
	s.mu.Lock()
	known, many := s.topics[open.Topic] != nil, len(s.topics) >= wire.MaxTopics
	if !known && !many {
		s.topics[open.Topic] = t
	}
	s.mu.Unlock()
	if known || many {
		return fmt.Errorf("topic %d: %w", open.Topic, errOutOfPlace)
	}
	opening.Go(func() {
		c, err := s.e.contentFor(ctx, open)
		if err != nil {
			s.refuse(open.Topic, wire.WholeTopic, err)
			s.end(t, false)
			return
		}
		s.start(t, c, open)
	})
	return nil
}

// start answers an Open and lets the topic be served.
func (s *server) start(t *served, c *content, open wire.Open) {
	c.mu.Lock()
	fetching := c.fetching
	c.mu.Unlock()
	if !s.join(t, c, open) {
		s.e.release(c)
		return
	}
	s.out.poke()
	if fetching != nil {
		fetching.offer(s.peer, false)
	}
}

// join puts t among the topics of c and announces it. It returns false when t
// has been closed meanwhile.
func (s *server) join(t *served, c *content, open wire.Open) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.closed {
		return false
	}
	t.c = c
	c.join(t, func(have []byte) {
		t.draft = t.draft || !c.draft.IsZero() && c.final.IsZero()
		t.announce(c, open, have)
	})
	s.order = append(s.order, t)
	for _, do := range t.early {
		do()
	}
	t.early = nil
	return true
}

// appendHave appends the frames that tell of a whole bitmap.
func appendHave(b []byte, topic uint32, marks []byte) []byte {
	const most = wire.MaxHavePacket / 8
	for at := 0; at < len(marks); at += most {
		b = wire.AppendHave(b, wire.Have{Topic: topic, First: uint32(at * 8), Bits: marks[at:min(at+most, len(marks))]})
	}
	return b
}

// when runs do as soon as the topic is open. Nothing happens where there is no
// such topic: it may have been closed or refused.
func (s *server) when(topic uint32, do func(t *served)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[topic]
	switch {
	case t == nil:
	case t.c != nil:
		do(t)
	case len(t.early) >= wire.MaxInFlight:
		return errOutOfPlace
	default:
		t.early = append(t.early, func() { do(t) })
	}
	return nil
}

func (s *server) have(h wire.Have) error {
	now := s.e.now()
	marks := append([]byte(nil), h.Bits...)
	var fetching *fetch
	err := s.when(h.Topic, func(t *served) {
		t.c.mu.Lock()
		defer t.c.mu.Unlock()
		planner.Each(t.c.manifest.Count(), int(h.First), marks, func(i int) { t.c.dealer.Have(now, t.asker, i) })
		fetching = t.c.fetching
	})
	if fetching != nil {
		fetching.peerHas(s.peer.ID, int(h.First), marks)
	}
	return err
}

func (s *server) deal(d wire.Deal) error {
	err := s.when(d.Topic, func(t *served) {
		t.c.mu.Lock()
		defer t.c.mu.Unlock()
		if room := wire.MaxInFlight - t.c.dealer.Pending(t.asker); room > 0 {
			t.c.dealer.Deal(t.asker, min(int(d.N), room), int(d.Lane), int(d.Lanes))
		}
	})
	s.out.poke()
	return err
}

func (s *server) request(t wire.Type, req wire.Request) error {
	if len(req.Chunks) > wire.MaxInFlight {
		return fmt.Errorf("%w: %d chunks", wire.ErrTooLarge, len(req.Chunks))
	}
	err := s.when(req.Topic, func(topic *served) {
		for _, i := range req.Chunks {
			topic.ask(t, int(i))
		}
	})
	s.out.poke()
	return err
}

// ask queues or withdraws one chunk.
func (t *served) ask(kind wire.Type, i int) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if kind == wire.TypeWithdraw {
		t.c.dealer.Withdraw(t.asker, i)
		return
	}
	if t.c.dealer.Pending(t.asker) >= 2*wire.MaxInFlight {
		t.server.refuse(t.topic, int64(i), wire.ErrBusy)
	} else if !t.c.dealer.Request(t.asker, i) {
		t.server.refuse(t.topic, int64(i), wire.ErrNotFound)
	}
}

// end closes a topic.
func (s *server) end(t *served, satisfied bool) {
	s.mu.Lock()
	was := t.closed
	t.closed = true
	c := t.c
	delete(s.topics, t.topic)
	for i, o := range s.order {
		if o == t {
			s.order = append(s.order[:i:i], s.order[i+1:]...)
			break
		}
	}
	s.mu.Unlock()
	if c != nil && !was {
		c.leave(t, satisfied)
		s.e.release(c)
	}
}
