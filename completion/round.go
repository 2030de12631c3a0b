package completion

import (
	"context"
	"errors"
	"slices"
	"sync"

	"minimega/mesh/wire"
)

// A round is one question to all nodes about the names under a key.
type round struct {
	key     string
	members []wire.Member
	cancel  context.CancelFunc
	usual   chan struct{} // closed when awaited is empty

	// Under MeshNames.mu.
	awaited map[wire.NodeID]bool // nodes that usually answer and have not; the zero NodeID is this one
	over    bool
}

// ask runs a round and returns when those nodes have answered that usually do.
// The others have the rest of a second to do so, in a goroutine that rounds
// counts: they do not keep the next question waiting.
func (m *MeshNames) ask(ctx context.Context, key string, rounds *sync.WaitGroup) {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	r := m.begin(key, m.mesh.Members(), cancel)
	over := make(chan struct{})
	rounds.Go(func() {
		defer close(over)
		defer cancel()
		m.run(ctx, r)
	})
	select {
	case <-over:
	case <-r.usual:
		m.leave(r)
	}
}

// leave lets r go on by itself; where too many do, the oldest one ends.
func (m *MeshNames) leave(r *round) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.over {
		return
	}
	m.linger = append(m.linger, r)
	if len(m.linger) > maxLinger {
		m.linger[0].cancel()
		m.linger = m.linger[1:]
	}
}

// run asks this node and all others and keeps what they say until ctx ends.
func (m *MeshNames) run(ctx context.Context, r *round) {
	var here sync.WaitGroup
	here.Go(func() {
		names, total := m.list(r.key, maxNames)
		if total <= len(names) {
			total = 0
		}
		m.add(r, names, total, wire.NodeID{})
	})
	silent := m.others(ctx, r)
	here.Wait()
	m.end(r, silent, errors.Is(ctx.Err(), context.Canceled))
}

// others asks the members and returns those that did not answer in time.
func (m *MeshNames) others(ctx context.Context, r *round) (silent map[wire.NodeID]bool) {
	silent = map[wire.NodeID]bool{}
	ids := make([]wire.NodeID, len(r.members))
	for i, member := range r.members {
		ids[i] = member.ID
		silent[member.ID] = true
	}
	body, err := wire.Marshal(namesRequest{Prefix: r.key, Limit: maxNames})
	if err != nil || len(ids) == 0 {
		return nil // a struct of a string and a number always marshals
	}
	for reply := range m.mesh.Call(ctx, ids, Method, body) {
		if errors.Is(reply.Err, context.DeadlineExceeded) || errors.Is(reply.Err, context.Canceled) {
			continue
		}
		delete(silent, reply.From.ID)
		var answer namesAnswer
		var names []string
		if reply.Err == nil && wire.Unmarshal(reply.Body, &answer) == nil {
			names = decodeNames(answer.Names, r.key)
		}
		m.add(r, names, int(min(answer.Total, maxLocal)), reply.From.ID)
	}
	return silent
}

// begin notes whose answers are worth waiting for.
func (m *MeshNames) begin(key string, members []wire.Member, cancel context.CancelFunc) *round {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &round{
		key: key, members: members, cancel: cancel,
		usual: make(chan struct{}), awaited: map[wire.NodeID]bool{{}: true},
	}
	// Where most are slow it is our link that is: all are worth waiting for.
	most := 2*len(m.slow) > len(members)
	for _, member := range members {
		if most || !m.slow[member.ID] {
			r.awaited[member.ID] = true
		}
	}
	l := m.listingLocked(key)
	l.awaited, l.mostNow = len(r.awaited), 0
	return r
}

// add keeps what one node said, which has total names where these are not all.
// The zero NodeID is this one.
func (m *MeshNames) add(r *round, names []string, total int, from wire.NodeID) {
	m.mu.Lock()
	delete(m.slow, from)
	l := m.listingLocked(r.key)
	l.heard++
	l.arriving = merge(l.arriving, sorted(names))
	l.mostNow = max(l.mostNow, total)
	most := maxMerged
	if l.mostNow > 0 { // between the first ones and the last there are others
		most = maxNames
	}
	if len(l.arriving) > most {
		l.mostNow = max(l.mostNow, len(l.arriving))
		l.arriving = abridged(l.arriving, most)
	}
	l.most = max(l.most, l.mostNow)
	if r.awaited[from] && len(r.awaited) == 1 {
		close(r.usual)
	}
	delete(r.awaited, from)
	l.awaited = len(r.awaited)
	m.mu.Unlock()
	m.tell()
}

// end drops what was known before and not said again. Of a round that was cut
// short nobody is said to be slow.
func (m *MeshNames) end(r *round, silent map[wire.NodeID]bool, short bool) {
	m.mu.Lock()
	l := m.listingLocked(r.key)
	l.settled, l.arriving, l.most = l.arriving, nil, l.mostNow
	l.awaited, l.running, l.partial = 0, false, len(silent) > 0
	r.over = true
	m.linger = slices.DeleteFunc(m.linger, func(other *round) bool { return other == r })
	if !short {
		clear(m.slow)
		for _, member := range r.members {
			if silent[member.ID] {
				m.slow[member.ID] = true
			}
		}
	}
	m.mu.Unlock()
	m.tell()
}
