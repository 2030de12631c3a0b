package plumb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"minimega/mesh/wire"
)

// askWithin is how long other nodes have to say what pipes they have, or to
// clear some.
const askWithin = 3 * time.Second

// Info is what is known of a pipe in the whole mesh.
type Info struct {
	Pipe    string
	Mode    Mode
	Log     bool
	Via     []string
	Readers int // that get what is written here
	Writers int
	Count   uint64 // lines written
	Lost    uint64 // by readers that were slow, and on the way to nodes that were, or were lost
	Last    string // line written, or its beginning, without \n

	set settings
	age time.Duration // of Last
}

// List asks all nodes and returns the pipes of a namespace, sorted by name; only
// the one named pipe, unless that is empty. What nodes did not answer is told.
func (p *Plumber) List(ctx context.Context, space, pipe string) (all []Info, silent []error) {
	found := map[string]*Info{}
	what := scope{space, pipe}
	for _, one := range p.listHere(what) {
		merge(found, one)
	}
	silent = p.askAll(ctx, MethodList, what, func(body []byte) error {
		var listing []listed
		if err := wire.Unmarshal(body, &listing); err != nil {
			return err
		}
		for _, one := range listing {
			if isName(one.Pipe) {
				merge(found, one)
			}
		}
		return nil
	})
	for _, one := range found {
		one.Readers = p.readers(Name{space, one.Pipe})
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b Info) int { return cmp.Compare(a.Pipe, b.Pipe) })
	return all, silent
}

// readers returns how many readers a pipe has, here and on other nodes.
func (p *Plumber) readers(name Name) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	if one := p.pipes[name]; one != nil {
		n = len(one.readers)
	}
	for _, s := range p.sharesLocked(name) {
		n += s.readers
	}
	return n
}

// merge adds what one node knows of a pipe.
func merge(found map[string]*Info, one listed) {
	info := found[one.Pipe]
	if info == nil {
		info = &Info{Pipe: one.Pipe}
		found[one.Pipe] = info
	}
	if age := time.Duration(one.Age); one.Count > 0 && (info.Count == 0 || age < info.age) {
		info.Last, info.age = string(one.Last[:min(len(one.Last), maxLast)]), age
	}
	info.Writers += int(min(one.Writers, maxJoints))
	info.Count += one.Count
	info.Lost += one.Lost
	if one.Set.later(info.set) {
		info.set = one.Set
	}
	info.Mode, info.Log, info.Via = info.set.Mode, info.set.Log, info.set.Via
}

// askAll calls all other nodes and hands over what each answers.
func (p *Plumber) askAll(ctx context.Context, method string, what scope, each func(body []byte) error) (silent []error) {
	var to []wire.NodeID
	for _, m := range p.mesh.Members() {
		to = append(to, m.ID)
	}
	body, err := wire.Marshal(what)
	if err != nil {
		return []error{err}
	}
	if len(to) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	for reply := range p.mesh.Call(ctx, to, method, body) {
		err := reply.Err
		if err == nil {
			err = each(reply.Body)
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			silent = append(silent, fmt.Errorf("%s: did not answer within %v: its pipes are not known", reply.From.Name, askWithin))
		case err != nil:
			silent = append(silent, fmt.Errorf("%s: %w", reply.From.Name, err))
		}
	}
	return silent
}

// listHere returns the pipes of this node.
func (p *Plumber) listHere(what scope) []listed {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := []listed{}
	for name, one := range p.pipes {
		if name.Space != what.Space || what.Pipe != "" && name.Pipe != what.Pipe {
			continue
		}
		row := listed{
			Pipe: name.Pipe, Writers: uint32(one.writers),
			Count: one.count, Last: []byte(one.last), Age: int64(time.Since(one.at)), Lost: one.lost, Set: one.set,
		}
		for _, r := range one.readers {
			row.Lost += r.queue.misses(name)
		}
		for _, to := range p.peers {
			row.Lost += to.queue.misses(name)
		}
		all = append(all, row)
	}
	return all
}

// serveList answers another node's List.
func (p *Plumber) serveList(_ context.Context, _ wire.Member, body []byte) ([]byte, error) {
	var what scope
	if err := wire.Unmarshal(body, &what); err != nil {
		return nil, fmt.Errorf("bad list of pipes: %w", err)
	}
	return wire.Marshal(p.listHere(what))
}

// Names returns the names of the pipes of all namespaces, as far as they are known
// without asking other nodes, sorted.
func (p *Plumber) Names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for name := range p.pipes {
		names = append(names, name.Pipe)
	}
	for _, in := range p.inboxes {
		for name := range in.pipes {
			names = append(names, name.Pipe)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// SetMode sets who gets the lines of a pipe, on all nodes.
func (p *Plumber) SetMode(name Name, m Mode) error {
	return p.set(name, func(s *settings) { s.Mode = m })
}

// SetLog sets whether lines go to the log of the node that they are written on,
// on all nodes.
func (p *Plumber) SetLog(name Name, on bool) error {
	return p.set(name, func(s *settings) { s.Log = on })
}

func (p *Plumber) set(name Name, change func(*settings)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	one, err := p.pipeLocked(name)
	if err != nil {
		return err
	}
	change(&one.set)
	p.clock++
	one.set.Version, one.set.Setter = p.clock, p.mesh.Self().ID
	p.tellLocked()
	return nil
}

// Clear forgets a pipe on all nodes, or, where pipe is empty, all of the
// namespace. Their readers and writers end, and the pipelines that they are a part
// of. What nodes did not answer is told.
func (p *Plumber) Clear(ctx context.Context, space, pipe string) (silent []error) {
	what := scope{space, pipe}
	p.clearHere(what.has)
	return p.askAll(ctx, MethodClear, what, func([]byte) error { return nil })
}

// Forget forgets all pipes of a namespace on this node, and on no other one.
func (p *Plumber) Forget(space string) { p.clearHere(scope{Space: space}.has) }

// ForgetAll forgets all pipes of this node, in all namespaces, and no other's.
func (p *Plumber) ForgetAll() { p.clearHere(func(Name) bool { return true }) }

// has reports whether a pipe is meant.
func (s scope) has(name Name) bool {
	return name.Space == s.Space && (s.Pipe == "" || s.Pipe == name.Pipe)
}

// clearHere forgets pipes of this node, and how others have set them.
func (p *Plumber) clearHere(meant func(Name) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, one := range p.pipes {
		if meant(name) {
			one.end()
			delete(p.pipes, name)
		}
	}
	for _, in := range p.inboxes {
		for name, one := range in.pipes {
			if meant(name) {
				one.Set = settings{}
				in.pipes[name] = one
			}
		}
	}
	p.tellLocked()
}

// serveClear does what another node's Clear asks.
func (p *Plumber) serveClear(_ context.Context, from wire.Member, body []byte) ([]byte, error) {
	var what scope
	if err := wire.Unmarshal(body, &what); err != nil {
		return nil, fmt.Errorf("bad clearing of pipes: %w", err)
	}
	p.log.Info("another node clears pipes", "node", from.Name, "namespace", what.Space, "pipe", what.Pipe)
	p.clearHere(what.has)
	return nil, nil
}
