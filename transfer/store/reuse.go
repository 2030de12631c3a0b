package store

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"minimega/mesh/wire"
)

// Reuse takes what p lacks from other files of the store, as far as the hash
// cache knows them with chunks of p's size, and calls took with each chunk that
// is held from then on. It blocks until all such files are looked through or ctx
// ends, whose error it returns then; other errors are those of writing p. That a
// file is gone, changed or damaged is none: it yields nothing then.
//
// Where chunks are still lacking without an error, it returns the file that p
// is most like, open: the one that gave most chunks at their own place. The
// caller closes it; nil when there is none.
//
// Chunks may be written by others meanwhile, but p must not end before Reuse has
// returned.
func (p *Partial) Reuse(ctx context.Context, took func(i int)) (alike *Source, err error) {
	if p.Count() == p.m.Count() {
		return nil, nil
	}
	donors := p.store.hash.donors(p.m.ChunkSize, string(p.name))
	if len(donors) == 0 {
		return nil, nil
	}
	r := &reuse{p: p, wanted: newWanted(p), copier: copier{p: p}, took: took}
	for _, d := range donors {
		if err = r.from(ctx, d); err != nil || p.Count() == p.m.Count() {
			break
		}
	}
	if err := errors.Join(err, r.copier.close()); err != nil || p.Count() == p.m.Count() {
		return nil, err
	}
	return r.mostAlike(donors), nil
}

// mostAlike returns the donor that gave most chunks at their own place, open.
func (r *reuse) mostAlike(donors []*donor) *Source {
	best := slices.MaxFunc(donors, func(a, b *donor) int { return cmp.Compare(a.gave, b.gave) })
	if best.gave == 0 {
		return nil
	}
	src, err := best.source(r.p.store)
	if err != nil { // it changed just now
		return nil
	}
	return src
}

// reuse is one call of Reuse.
type reuse struct {
	p      *Partial
	wanted *wanted
	copier copier
	took   func(i int)
}

// from takes from d what is lacking.
func (r *reuse) from(ctx context.Context, d *donor) error {
	defer d.close() // only read
	hashes := bufio.NewReaderSize(d.hashes, 64<<10)
	var sum [wire.HashSize]byte
	for j := 0; ; j++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.ReadFull(hashes, sum[:]); err != nil {
			return nil // the end, or the cache began anew
		}
		err := r.chunk(ctx, d, j, sum)
		switch {
		case err == nil:
		case errors.Is(err, errUnlike) && d.open.unchanged() == nil:
			r.p.store.log.Info("file is not what was hashed", "name", d.real, "chunk", j)
			r.p.store.hash.distrust(d.real, d.stat)
		case errors.Is(err, errKeep) || ctx.Err() != nil:
			return err
		default:
			r.p.store.log.Debug("nothing more is reused", "from", d.real, "err", err)
			return nil
		}
	}
}

// chunk takes chunk j of d, whose hash is sum, wherever it is lacking.
func (r *reuse) chunk(ctx context.Context, d *donor, j int, sum [wire.HashSize]byte) error {
	for ctx.Err() == nil {
		i, ok := r.wanted.first(sum, r.p.Has)
		if !ok {
			return nil
		}
		src, err := d.source(r.p.store)
		if err != nil {
			return err
		}
		fresh, err := r.copier.copy(d, src, j, i)
		if err != nil {
			return err
		}
		if i == j {
			d.gave++
		}
		if fresh {
			r.took(i)
		}
	}
	return ctx.Err()
}
