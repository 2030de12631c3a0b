package transfer

import (
	"errors"
	"fmt"
	"syscall"

	"minimega/mesh/wire"
	"minimega/transfer/planner"
	"minimega/transfer/store"
)

// errLiar marks a source that sent what does not verify.
var errLiar = errors.New("sent bad data")

// errUnnamed reports a chunk that came before its hash.
var errUnnamed = errors.New("its hash was not told")

// many reports whether several sources give to f.
func (f *fetch) many() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.byPeer) > 1
}

// chunk verifies a chunk, whose data lies in the buffer in, and keeps it. It blocks
// while it is written.
func (f *fetch) chunk(s *source, c wire.Chunk, in *buffer) {
	f.mu.Lock()
	m, i := f.manifest, int(c.Chunk)
	if f.rx == nil || f.ending || !s.joined {
		f.mu.Unlock()
		return
	}
	f.writing.Add(1)
	defer f.writing.Done()
	if !f.rx.Lacks(i) { // it came from elsewhere, or there is no such chunk
		f.rx.Arrived(f.e.now(), s.peer, i)
		f.planLocked()
		f.mu.Unlock()
		return
	}
	swarm := len(f.byPeer) > 1 // so that others will ask for it
	named := m.Count()
	if f.draftingLocked() {
		named = f.named
	}
	f.mu.Unlock()
	if i >= named {
		f.bad(s, i, errUnnamed)
		return
	}
	data, free, err := f.e.unpack(c, m.Len(i))
	if err == nil {
		defer free()
	}
	if err != nil || !m.Verify(i, data) {
		f.bad(s, i, err)
		return
	}
	if c.Encoding != wire.Plain || swarm {
		f.e.recent.put(recentKey{f.c.version, i}, c.Encoding, in, len(c.Data))
	}
	if err := f.sink.WriteChunk(i, data); err != nil {
		f.unwritten(s, i, err)
		return
	}
	f.good(s, i, len(data), len(c.Data))
}

// good counts a chunk of size bytes, which travelled in carried ones, and tells
// everybody of it, those who lack it first.
func (f *fetch) good(s *source, i, size, carried int) {
	f.mu.Lock()
	if !f.rx.Lacks(i) {
		f.rx.Arrived(f.e.now(), s.peer, i)
		f.planLocked()
		f.mu.Unlock()
		return
	}
	fresh := f.rx.Fresh(i)
	f.rx.Arrived(f.e.now(), s.peer, i)
	s.given += int64(size)
	f.came += int64(size)
	f.carried += int64(carried)
	f.rate.add(f.e.now(), size)
	spread := f.heldLocked(i, fresh)
	f.mu.Unlock()
	spread()
}

// heldLocked counts chunk i, which the sink holds by now, and tells the sources
// of it, unless no chunk is asked for yet: then they are told all at once. The
// caller runs what it returns without the lock.
func (f *fetch) heldLocked(i int, fresh bool) (spread func()) {
	f.unsynced += int64(f.manifest.Len(i))
	f.countLocked(i, 1)
	f.c.own(i)
	var told map[wire.NodeID]bool
	if !f.reuse.alone {
		told = f.tellLocked(i, fresh)
		f.planLocked()
		f.pokeLocked()
	}
	f.firstLocked(i)
	done := f.rx.Missing() == 0
	return func() {
		f.c.gained(i, told)
		if done {
			f.poke()
		}
	}
}

// firstLocked notes that chunk i is held, where it is the first of the file.
func (f *fetch) firstLocked(i int) {
	if i > 0 {
		return
	}
	select {
	case <-f.first:
	default:
		close(f.first)
	}
}

// tellLocked sends news of chunk i to the sources that lack it, where it is
// fresh, so that nobody else can pass it on, and notes it for the others: with
// all news at once a swarm would be busy with little else. It returns who need
// not be told otherwise. The writers are woken by pokeLocked, when what else
// there is to say is queued too.
func (f *fetch) tellLocked(i int, fresh bool) map[wire.NodeID]bool {
	if f.private {
		return nil
	}
	told := make(map[wire.NodeID]bool, len(f.byPeer))
	for peer, s := range f.byPeer {
		told[s.node.ID] = true
		if !fresh || f.rx.PeerHas(peer, i) {
			s.later(i)
			continue
		}
		s.link.out.addQuiet(func(b []byte) []byte {
			return wire.AppendHave(b, wire.Have{Topic: s.topic, First: uint32(i), Bits: []byte{1}})
		})
	}
	return told
}

// pokeLocked wakes the writers that have something to say.
func (f *fetch) pokeLocked() {
	for _, s := range f.byPeer {
		s.link.out.pokeIfAny()
	}
}

// later widens what the source is to be told at leisure.
func (s *source) later(i int) {
	if s.lazyTo == 0 {
		s.lazyFrom, s.lazyTo = i, i+1
		return
	}
	s.lazyFrom, s.lazyTo = min(s.lazyFrom, i), max(s.lazyTo, i+1)
}

// tellLazyLocked tells a source what was put off: a complete holder, so that it
// does not deal it, any other, so that it has one more to ask. The writer sleeps
// on.
func (f *fetch) tellLazyLocked(s *source) {
	s.toldAt = f.e.now()
	own := f.c.holds()
	from, to := s.lazyFrom/8, min((s.lazyTo+7)/8, len(own))
	s.lazyFrom, s.lazyTo = 0, 0
	s.link.out.addQuiet(func(b []byte) []byte {
		return wire.AppendHave(b, wire.Have{Topic: s.topic, First: uint32(from * 8), Bits: own[from:to]})
	})
}

// rideLocked lets news that was put off go with what is about to be sent to s:
// so it costs no packet, and wakes nobody, of its own. Who is let deal by it is to
// know what has landed, and is told each time, where that is short.
func (f *fetch) rideLocked(s *source, deals bool) {
	due := f.e.now()-s.toldAt >= tickEvery || deals && s.lazyTo-s.lazyFrom <= shortNews
	if s.lazyTo > 0 && due {
		f.tellLazyLocked(s)
	}
}

// tellLateLocked tells what found nothing to ride with.
func (f *fetch) tellLateLocked() {
	for _, s := range f.byPeer {
		if s.lazyTo > 0 && f.e.now()-s.toldAt >= newsPatience {
			f.tellLazyLocked(s)
			s.link.out.poke()
		}
	}
}

// bad gives up a source that sent wrong bytes.
func (f *fetch) bad(s *source, i int, err error) {
	if err == nil {
		err = errors.New("wrong bytes")
	}
	f.e.blame(s.node)
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.refused == nil {
		f.refuseLocked(s, fmt.Errorf("%s from %s: chunk %d: %w: %w", f.name, s.node.Name, i, errLiar, err))
	}
}

// unwritten takes a chunk back that could not be kept.
func (f *fetch) unwritten(s *source, i int, err error) {
	f.mu.Lock()
	f.rx.Lost(f.e.now(), s.peer, i)
	f.mu.Unlock()
	if f.pause(err) {
		return
	}
	if f.over() {
		return
	}
	f.mu.Lock()
	f.fatal = fmt.Errorf("%s: %w", f.name, err)
	f.mu.Unlock()
	f.poke()
}

// tick plans without an event, and looks at the disk again.
func (f *fetch) tick() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rx == nil {
		return
	}
	now := f.e.now()
	if f.paused != nil && now >= f.retryAt {
		if err := f.sink.Room(); errors.Is(err, syscall.ENOSPC) {
			f.paused, f.retryAt = err, now+f.e.spaceRetry
		} else {
			f.paused = nil
		}
	}
	for peer, s := range f.byPeer {
		if at := s.link.lastHeard(); at > s.heard {
			s.heard = at
			f.rx.Heard(at, peer)
		}
	}
	f.paceReuseLocked()
	f.tellLateLocked()
	f.planLocked()
}

// planLocked carries out what the planner wants. Nothing is asked for while the
// disk is full, or what is here is still being looked for.
func (f *fetch) planLocked() {
	if f.rx == nil || f.paused != nil || f.reuse.alone {
		return
	}
	var asks map[*source]*wire.Request
	for _, a := range f.rx.Plan(f.e.now()) {
		s := f.byPeer[a.Peer]
		if s == nil || s.link == nil {
			continue
		}
		switch a.Kind {
		case planner.Request:
			if asks == nil {
				asks = map[*source]*wire.Request{}
			}
			if asks[s] == nil {
				asks[s] = &wire.Request{Topic: s.topic}
			}
			asks[s].Chunks = append(asks[s].Chunks, uint32(a.Chunk))
		case planner.Withdraw:
			s.link.out.send(wire.TypeWithdraw, wire.Request{Topic: s.topic, Chunks: []uint32{uint32(a.Chunk)}})
		case planner.Deal:
			f.rideLocked(s, true)
			s.link.out.send(wire.TypeDeal, wire.Deal{Topic: s.topic, N: uint16(a.N), Lane: uint16(a.Lane), Lanes: uint16(a.Lanes)})
		}
	}
	for s, req := range asks {
		f.rideLocked(s, false)
		s.link.out.send(wire.TypeRequest, req)
	}
}

// createPartial makes the sink of an ordinary fetch.
func (e *Engine) createPartial(name wire.FileName, meta wire.Meta, m *store.Manifest) (sink, error) {
	p, err := e.cfg.Store.Create(name, meta, m)
	if err != nil {
		return nil, err
	}
	return p, nil
}
