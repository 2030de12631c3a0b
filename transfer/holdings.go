package transfer

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"minimega/mesh/wire"
)

// Limits of what [Holdings] asks and keeps.
const (
	heldNames  = 64 // names that something is known of
	heldRounds = 4  // names that are asked for at once

	heldWithin = 30 * time.Second // for nodes to answer, and to hash what nobody has hashed yet
	heldFresh  = 3 * time.Second  // that answers are good for without asking again
	heldSoon   = 100 * time.Millisecond
)

// Holdings is what is known of who holds what under single names, for those who
// must not wait. Known returns what nodes have said so far and has them asked
// again in the background. What a node holds and has never hashed it is asked to
// hash, as [Engine.Get] would, so that it is known by its version.
//
// All methods are safe for concurrent use.
type Holdings struct {
	engine  *Engine
	changed func()
	asks    chan wire.FileName // names to be asked for

	mu   sync.Mutex              // guards what follows
	held map[wire.FileName]*held // at most heldNames
	more chan struct{}           // closed and replaced whenever more is known
}

// held is what is known of one name.
type held struct {
	rows    map[wire.NodeID][]Holding // none, or one
	heard   map[wire.NodeID]bool      // whose rows are of the round that runs, or was last
	running bool                      // a round is under way, or waits for its turn
	asked   time.Time                 // when it was called for
	used    time.Time                 // when Known last wanted it
}

// NewHoldings returns a Holdings that knows nothing yet and starts nothing.
// changed is called, from any goroutine and with nothing locked, when more is
// known.
func NewHoldings(e *Engine, changed func()) *Holdings {
	return &Holdings{
		engine: e, changed: changed, asks: make(chan wire.FileName, heldNames),
		held: map[wire.FileName]*held{}, more: make(chan struct{}),
	}
}

// Run asks what Known finds missing, until ctx ends. It returns when no question
// is under way any more, always nil.
func (h *Holdings) Run(ctx context.Context) error {
	var rounds sync.WaitGroup
	for range heldRounds {
		rounds.Go(func() {
			for {
				select {
				case name := <-h.asks:
					h.ask(ctx, name)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	rounds.Wait()
	return nil
}

// Known returns who is known to hold what under name, those alone whose version
// is known, sorted by version and node. soon reports that nodes were asked only
// just now, and a moment's wait may show more. It does not block.
func (h *Holdings) Known(name wire.FileName) (rows []Holding, soon bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := h.heldLocked(name)
	return k.sorted(), k.running && time.Since(k.asked) < heldSoon
}

// Ask is Known for those who can wait: it blocks until all nodes have answered,
// or ctx ends, and returns what is known then.
func (h *Holdings) Ask(ctx context.Context, name wire.FileName) []Holding {
	for {
		h.mu.Lock()
		k, more := h.heldLocked(name), h.more
		rows, running := k.sorted(), k.running
		h.mu.Unlock()
		if !running {
			return rows
		}
		select {
		case <-more:
		case <-ctx.Done():
			return rows
		}
	}
}

// heldLocked returns what is known of name, and has it asked for unless that is
// fresh. Where too many questions wait already, this one is left out: the next
// key asks again.
func (h *Holdings) heldLocked(name wire.FileName) *held {
	k, ok := h.held[name]
	if !ok {
		h.shrinkLocked()
		k = &held{rows: map[wire.NodeID][]Holding{}}
		h.held[name] = k
	}
	k.used = time.Now()
	if k.running || time.Since(k.asked) < heldFresh {
		return k
	}
	select {
	case h.asks <- name:
		k.running, k.asked, k.heard = true, k.used, map[wire.NodeID]bool{}
	default:
	}
	return k
}

// shrinkLocked makes room for one more name.
func (h *Holdings) shrinkLocked() {
	for len(h.held) >= heldNames {
		oldest, since := wire.FileName(""), time.Time{}
		for name, k := range h.held {
			if !k.running && (since.IsZero() || k.used.Before(since)) {
				oldest, since = name, k.used
			}
		}
		if since.IsZero() {
			return
		}
		delete(h.held, oldest)
	}
}

// ask has all nodes, and this one, say what they hold under name.
func (h *Holdings) ask(ctx context.Context, name wire.FileName) {
	ctx, cancel := context.WithTimeout(ctx, heldWithin)
	defer cancel()
	self := h.engine.cfg.Mesh.Self()
	var answers sync.WaitGroup
	answers.Go(func() { h.learn(ctx, name, self, h.engine.has(string(name))) })
	var ids []wire.NodeID
	for _, m := range h.engine.cfg.Mesh.Members() {
		ids = append(ids, m.ID)
	}
	body, err := wire.Marshal(wire.Find{Pattern: string(name)})
	if err == nil && len(ids) > 0 {
		for reply := range h.engine.cfg.Mesh.Call(ctx, ids, wire.MethodFind, body) {
			if reply.Err != nil || h.engine.banned(reply.From.ID) {
				continue
			}
			if entries, err := parseFound(string(name), reply.Body); err == nil {
				answers.Go(func() { h.learn(ctx, name, reply.From, entries) })
			}
		}
	}
	answers.Wait()
	h.end(name)
}

// learn keeps what a node has under name, once its version is known.
func (h *Holdings) learn(ctx context.Context, name wire.FileName, node wire.Member, entries []wire.FoundEntry) {
	i := slices.IndexFunc(entries, func(f wire.FoundEntry) bool { return f.Name == name && f.Kind == wire.KindFile })
	if i < 0 {
		h.add(name, node.ID)
		return
	}
	row := Holding{node.Name, entries[i].Version, entries[i].Meta}
	if row.Version.IsZero() && !entries[i].Partial && !entries[i].Incoming {
		if all := h.engine.versions(ctx, node.ID, []wire.FileName{name}); len(all) == 1 {
			row.Version = all[0]
		}
	}
	if row.Version.IsZero() {
		h.add(name, node.ID)
		return
	}
	h.add(name, node.ID, row)
}

// add keeps what a node holds, in the place of what it held before.
func (h *Holdings) add(name wire.FileName, node wire.NodeID, rows ...Holding) {
	h.mu.Lock()
	k := h.held[name]
	k.rows[node], k.heard[node] = rows, true
	h.tellLocked()
	h.mu.Unlock()
	h.changed()
}

// end drops what nodes said before and not again.
func (h *Holdings) end(name wire.FileName) {
	h.mu.Lock()
	k := h.held[name]
	k.running = false
	for node := range k.rows {
		if !k.heard[node] {
			delete(k.rows, node)
		}
	}
	h.tellLocked()
	h.mu.Unlock()
	h.changed()
}

// tellLocked wakes those who wait for more.
func (h *Holdings) tellLocked() {
	close(h.more)
	h.more = make(chan struct{})
}

// sorted returns the rows by version and node.
func (k *held) sorted() []Holding {
	var all []Holding
	for _, rows := range k.rows {
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(a, b Holding) int {
		if c := slices.Compare(a.Version[:], b.Version[:]); c != 0 {
			return c
		}
		return strings.Compare(string(a.Node), string(b.Node))
	})
	return all
}
