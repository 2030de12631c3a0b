package plumb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"minimega/mesh/wire"
)

// How lines and news are handed to a node.
const (
	parcelWithin = 5 * time.Second        // for it to answer
	retryAfter   = 200 * time.Millisecond // for what it did not answer
	strangerTime = time.Minute            // that news of a node are kept that is no member
	maxForgotten = 4096
)

// peer is another node, as one that is sent to.
type peer struct {
	id    wire.NodeID
	queue *queue
	end   context.CancelFunc

	// guarded by Plumber.mu
	tell bool // the state of our pipes is news to it
	ask  bool // its state is not known
}

// inbox is another node, as one that sends.
type inbox struct {
	turn chan struct{} // has room for one: who puts in what it sent

	// held by whom has the turn
	seq     uint64 // of the parcel that came last
	partial []byte // of a line that is not whole yet

	// guarded by Plumber.mu
	pipes map[Name]pipeState
	at    time.Time // of the last news
}

// share is a node that has readers for a pipe.
type share struct {
	peer    *peer
	readers int
}

// sharesLocked returns the nodes that have readers for a pipe, in the order of
// their identities.
func (p *Plumber) sharesLocked(name Name) []share {
	if known, ok := p.shares[name]; ok {
		return known
	}
	var all []share
	for id, in := range p.inboxes {
		if n := in.pipes[name].Readers; n > 0 && p.peers[id] != nil {
			all = append(all, share{p.peers[id], int(n)})
		}
	}
	slices.SortFunc(all, func(a, b share) int { return bytes.Compare(a.peer.id[:], b.peer.id[:]) })
	p.shares[name] = all
	return all
}

// meet begins to send to who has come, and ends it to who has gone.
func (p *Plumber) meet(members []wire.Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.shares)
	here := make(map[wire.NodeID]bool, len(members))
	for _, m := range members {
		here[m.ID] = true
		if p.peers[m.ID] == nil {
			p.addLocked(m.ID)
		}
	}
	for id, lost := range p.peers {
		if !here[id] {
			p.loseLocked(id, lost)
		}
	}
	for id, in := range p.inboxes {
		if !here[id] && time.Since(in.at) > strangerTime {
			delete(p.inboxes, id)
		}
	}
}

func (p *Plumber) addLocked(id wire.NodeID) {
	ctx, cancel := context.WithCancel(p.ctx)
	to := &peer{id: id, queue: newQueue(), end: cancel, tell: len(p.stateLocked().Pipes) > 0, ask: p.forgotten[id]}
	if !p.startLocked(func() { p.send(ctx, to) }) {
		cancel()
		return
	}
	delete(p.forgotten, id)
	p.peers[id] = to
	if to.tell || to.ask {
		to.queue.wake()
	}
}

func (p *Plumber) loseLocked(id wire.NodeID, lost *peer) {
	lost.end()
	delete(p.peers, id)
	for name, n := range lost.queue.drop() {
		if one := p.pipes[name]; one != nil {
			one.lost += n
		}
	}
	in := p.inboxes[id]
	if in == nil || len(in.pipes) == 0 {
		return
	}
	if len(p.forgotten) >= maxForgotten {
		clear(p.forgotten)
	}
	p.forgotten[id] = true
	in.pipes = nil
}

// tellLocked has all nodes told of the pipes here.
func (p *Plumber) tellLocked() {
	for _, to := range p.peers {
		to.tell = true
		to.queue.wake()
	}
}

// stateLocked returns what other nodes are told of the pipes here.
func (p *Plumber) stateLocked() *state {
	s := &state{}
	for name, one := range p.pipes {
		if len(one.readers) > 0 || one.set.Version > 0 {
			s.Pipes = append(s.Pipes, pipeState{name.Space, name.Pipe, uint32(len(one.readers)), one.set})
		}
	}
	return s
}

// send hands to a node what there is for it, until ctx ends.
func (p *Plumber) send(ctx context.Context, to *peer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-to.queue.ready:
		}
		items, at := to.queue.take(MaxLines, MaxBytes), 0
		for first := true; first || len(items) > 0; first = false {
			next := p.news(to)
			next.Pieces, items, at = pack(items, at)
			if next.State == nil && !next.Ask && len(next.Pieces) == 0 {
				break
			}
			if err := p.hand(ctx, to.id, next); err != nil {
				p.log.Debug("lines of pipes were not taken", "node", to.id, "err", err)
			}
		}
	}
}

// news returns a parcel with what a node is to know first.
func (p *Plumber) news(to *peer) *parcel {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	next := &parcel{Seq: p.seq, Ask: to.ask}
	if to.tell {
		next.State = p.stateLocked()
	}
	to.tell, to.ask = false, false
	return next
}

// hand sends a parcel until it is answered. Its error is ctx's, or that of a
// node that does not want it.
func (p *Plumber) hand(ctx context.Context, to wire.NodeID, what *parcel) error {
	body, err := wire.Marshal(what)
	for err == nil {
		err = p.call(ctx, to, body)
		retry := errors.Is(err, wire.ErrBusy) || errors.Is(err, wire.ErrUnreachable) ||
			errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
		switch {
		case err == nil, ctx.Err() != nil:
			return ctx.Err()
		case !retry:
			return err
		}
		timer := time.NewTimer(retryAfter)
		select {
		case <-timer.C:
			err = nil
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return err
}

func (p *Plumber) call(ctx context.Context, to wire.NodeID, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, parcelWithin)
	defer cancel()
	var err error
	for reply := range p.mesh.Call(ctx, []wire.NodeID{to}, Method, body) {
		err = errors.Join(err, reply.Err)
	}
	return err
}

// Methods returns the calls that other nodes may make here, by name.
func (p *Plumber) Methods() map[string]wire.Handler {
	return map[string]wire.Handler{Method: p.receive, MethodList: p.serveList, MethodClear: p.serveClear}
}

// receive takes a parcel in.
func (p *Plumber) receive(ctx context.Context, from wire.Member, body []byte) ([]byte, error) {
	var got parcel
	if err := wire.Unmarshal(body, &got); err != nil {
		return nil, fmt.Errorf("bad parcel: %w", err)
	}
	if err := got.check(); err != nil {
		return nil, err
	}
	in := p.inbox(from.ID)
	select {
	case in.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-in.turn }()
	if got.Seq <= in.seq {
		return nil, nil
	}
	in.seq = got.Seq
	p.learn(from.ID, in, &got)
	for _, one := range got.Pieces {
		line, whole := "", false
		if in.partial, line, whole = unpack(in.partial, one); whole {
			p.deliver(ctx, Name{one.Space, one.Pipe}, one.One, line)
		}
	}
	return nil, nil
}

// inbox returns that of a node.
func (p *Plumber) inbox(from wire.NodeID) *inbox {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := p.inboxes[from]
	if in == nil {
		in = &inbox{turn: make(chan struct{}, 1)}
		p.inboxes[from] = in
	}
	in.at = time.Now()
	return in
}

// learn takes in what a node says of its pipes.
func (p *Plumber) learn(from wire.NodeID, in *inbox, got *parcel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to := p.peers[from]; got.Ask && to != nil {
		to.tell = true
		to.queue.wake()
	}
	if got.State == nil {
		return
	}
	clear(p.shares)
	in.pipes = make(map[Name]pipeState, len(got.State.Pipes))
	for _, one := range got.State.Pipes {
		name := Name{one.Space, one.Pipe}
		if !isName(name.Space) || !isName(name.Pipe) || viaSize(one.Set.Via) > maxVia {
			continue
		}
		one.Readers = min(one.Readers, maxJoints)
		in.pipes[name] = one
		p.clock = max(p.clock, one.Set.Version)
		if mine := p.pipes[name]; mine != nil && one.Set.later(mine.set) {
			mine.set = one.Set
		}
	}
}
