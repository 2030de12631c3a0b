package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// TakeOver makes what a draft has brought of a file the beginning of its
// download from source, and ends p. The error wraps [ErrBadManifest] where stamp
// is of another length or proves nothing; p has not ended then.
func (s *Store) TakeOver(p *Partial, source string, stamp Stamp) (*Download, error) {
	if err := p.checkDraft(stamp.Size, p.m.ChunkSize); err != nil {
		return nil, err
	}
	if stamp.Tag == "" {
		return nil, fmt.Errorf("%s: %w: nothing proves that it is still the same", p.name, ErrBadManifest)
	}
	p.syncing.Lock()
	defer p.syncing.Unlock()
	if !p.end() {
		return nil, fmt.Errorf("%s: %w", p.name, fs.ErrClosed)
	}
	d := &Download{store: s, name: p.name, source: source, stamp: stamp, dir: p.dir, lock: p.lock, data: p.data.File, ahead: p.extents()}
	d.advance()
	d.ahead = largest(d.ahead, maxAhead)
	if err := d.sync(); err != nil {
		return nil, errors.Join(err, d.Abandon())
	}
	return d, s.root.Remove(path.Join(p.dir, draftName))
}

// maxAhead is how many parts a download has at most that lie further ahead: each
// is a request to the server.
const maxAhead = 64

// extents returns the parts that p holds, in order.
func (p *Partial) extents() []extent {
	var all []extent
	for i := range p.m.Count() {
		from := p.m.offset(i)
		to := from + int64(p.m.Len(i))
		switch last := len(all) - 1; {
		case !p.Has(i):
		case last >= 0 && all[last].to == from:
			all[last].to = to
		default:
			all = append(all, extent{from, to})
		}
	}
	return all
}

// largest returns the n largest of all, in order.
func largest(all []extent, n int) []extent {
	if len(all) <= n {
		return all
	}
	slices.SortStableFunc(all, func(a, b extent) int { return cmp.Compare(b.to-b.from, a.to-a.from) })
	all = all[:n]
	slices.SortFunc(all, func(a, b extent) int { return cmp.Compare(a.from, b.from) })
	return all
}
