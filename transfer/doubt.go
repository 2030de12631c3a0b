package transfer

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"minimega/mesh/wire"
)

// learnPatience is how long a get waits for nodes to hash what decides between
// them, before it begins with what one of them has.
const learnPatience = 250 * time.Millisecond

// A doubt is whether the nodes that hold a large file under one name hold the
// same: some of them have yet to hash it. The file is fetched from one of them
// meanwhile, and gets its name when all are known to agree.
type doubt struct {
	name  wire.FileName
	hs    []holding
	asked *inquiry
}

// doubtful reports whether hs, of one name, can be fetched before all of them are
// known: as far as is known they agree, and some have a large file to hash.
func doubtful(hs []holding) bool {
	var known wire.Version
	hidden := false
	for _, h := range hs {
		v := h.entry.Version
		if h.entry.Kind != wire.KindFile || h.entry.Meta.Size <= wire.MaxSmall || h.entry.Meta.Size != hs[0].entry.Meta.Size {
			return false
		}
		if !v.IsZero() && !known.IsZero() && v != known {
			return false
		}
		if hidden = hidden || h.hides(); known.IsZero() {
			known = v
		}
	}
	return hidden
}

// hides reports whether the node has a whole file of which it must tell the version.
func (h holding) hides() bool {
	return h.entry.Kind == wire.KindFile && h.entry.Version.IsZero() && !h.entry.Partial
}

// begin returns what is fetched at first: what is known to be one version, or
// what one of the nodes has not hashed yet, which is the same one for all who ask.
func (d *doubt) begin() item {
	chosen := slices.DeleteFunc(slices.Clone(d.hs), func(h holding) bool { return h.entry.Version.IsZero() })
	if len(chosen) == 0 {
		chosen = []holding{slices.MinFunc(d.hs, func(a, b holding) int {
			return cmp.Or(cmp.Compare(a.rank(), b.rank()), bytes.Compare(a.node.ID[:], b.node.ID[:]))
		})}
	}
	it := newest(d.name, chosen)
	it.doubt = d
	return it
}

// rank orders what may be fetched before it is hashed: first what is already.
func (h holding) rank() int {
	switch {
	case h.entry.Partial:
		return 2
	case h.entry.Draft.IsZero():
		return 1
	}
	return 0
}

// wait returns what the name means once all nodes have hashed what they hold, or
// are gone: nothing where none has it any more. The error is a *[ConflictError], or
// that ctx or the inquiry has ended.
func (d *doubt) wait(ctx context.Context, self wire.Member) (it item, err error) {
	select {
	case <-d.asked.done[d.name]:
	case <-ctx.Done():
	}
	if err := cmp.Or(ctx.Err(), d.asked.ctx.Err()); err != nil {
		return it, err
	}
	hs := d.asked.filled(d.hs)
	if len(hs) == 0 {
		return it, nil
	}
	equate(hs)
	it, _, err = settle(d.name, hs, self, Pick{})
	return it, err
}

// endInquiries has nobody asked any more about items.
func endInquiries(items []item) {
	for _, it := range items {
		if it.doubt != nil {
			it.doubt.asked.cancel()
		}
	}
}

// An inquiry asks nodes for the versions of large files, each for one after the
// other: it may have to hash them.
type inquiry struct {
	e      *Engine
	ctx    context.Context // ends when nobody waits for it any more
	cancel context.CancelFunc
	done   map[wire.FileName]chan struct{} // each closed when all who were asked for it have said, or never will

	mu       sync.Mutex // guards what follows
	left     map[wire.FileName]int
	versions map[asked]wire.Version // zero: the node is gone, or has no such file any more
}

// asked is one question of an inquiry.
type asked struct {
	node wire.NodeID
	name wire.FileName
}

// inquire begins to ask.
func (e *Engine) inquire(names map[wire.NodeID][]wire.FileName) *inquiry {
	q := &inquiry{e: e, done: map[wire.FileName]chan struct{}{}, left: map[wire.FileName]int{}, versions: map[asked]wire.Version{}}
	q.ctx, q.cancel = context.WithCancel(e.ctx)
	for _, of := range names {
		slices.Sort(of)
		for _, name := range of {
			if q.left[name]++; q.done[name] == nil {
				q.done[name] = make(chan struct{})
			}
		}
	}
	for id, of := range names {
		ask := func() {
			for _, name := range of {
				q.tell(id, name, q.version(id, name))
			}
		}
		if !e.spawn(func(context.Context) { ask() }) {
			q.cancel()
			ask() // nobody, as it has ended
		}
	}
	return q
}

// version asks a node for one version, again while it fails.
func (q *inquiry) version(id wire.NodeID, name wire.FileName) (v wire.Version) {
	for q.ctx.Err() == nil {
		changed := q.e.cfg.Mesh.Changed()
		if versions := q.e.versions(q.ctx, id, []wire.FileName{name}); len(versions) > 0 {
			return versions[0]
		}
		if !slices.ContainsFunc(q.e.cfg.Mesh.Members(), func(m wire.Member) bool { return m.ID == id }) {
			return v
		}
		select {
		case <-q.ctx.Done():
		case <-changed:
		case <-time.After(searchPace):
		}
	}
	return v
}

// tell notes an answer.
func (q *inquiry) tell(id wire.NodeID, name wire.FileName, v wire.Version) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.versions[asked{id, name}] = v
	if q.left[name]--; q.left[name] == 0 {
		close(q.done[name])
	}
}

// filled returns hs with the versions that were told, without those of which there
// turned out to be none.
func (q *inquiry) filled(hs []holding) []holding {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make([]holding, 0, len(hs))
	for _, h := range hs {
		v, told := q.versions[asked{h.node.ID, h.entry.Name}]
		if told {
			h.entry.Version = v
		}
		if !told || !v.IsZero() {
			out = append(out, h)
		}
	}
	return out
}

// answer puts what is said within [learnPatience] into byName, and ends those
// doubts.
func (q *inquiry) answer(ctx context.Context, doubts map[wire.FileName]*doubt, byName map[wire.FileName][]holding) {
	moment, cancel := context.WithTimeout(ctx, learnPatience)
	defer cancel()
	for name, d := range doubts {
		if d.asked = q; !q.soon(moment, name) {
			continue
		}
		delete(doubts, name)
		if hs := q.filled(d.hs); len(hs) > 0 {
			byName[name] = hs
		}
	}
	if len(doubts) == 0 || ctx.Err() != nil {
		q.cancel()
	}
}

// soon waits for the answers about a name; it reports whether they came before the
// end of moment.
func (q *inquiry) soon(moment context.Context, name wire.FileName) bool {
	select {
	case <-q.done[name]:
		return true
	case <-moment.Done():
	}
	select {
	case <-q.done[name]:
		return true
	default:
		return false
	}
}
