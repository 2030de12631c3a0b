package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"minimega/mesh/wire"
)

// A donor is a file whose chunks the hash cache knows. It is believed only in
// what to try: what is read from it is verified.
type donor struct {
	real   string    // path below the files directory, without links
	stat   fileStat  // what it was when it was hashed
	hashes io.Reader // of its chunks, from the first on
	open   *Source   // nil until a chunk of it is wanted
	plain  bool      // its blocks cannot be shared, as was found by trying
	gave   int       // chunks taken from it that lie at the same place there
}

// Akin reports whether there is a file that may have much of one of size bytes,
// another state of it, say, half to twice as long, and whose hashes are known. It
// looks at the files that come into question.
func (s *Store) Akin(size int64) bool {
	return slices.ContainsFunc(s.hash.known(wire.ChunkSizeFor(size)), func(d *donor) bool {
		if d.stat.size < size/2 || d.stat.size > 2*size {
			return false
		}
		defer d.close() // only looked at
		_, err := d.source(s)
		return err == nil
	})
}

// donors returns the files with chunks of that size, in the order in which they
// are looked through: the one called first, which is most likely what is being
// replaced, then those changed last.
func (c *hashCache) donors(chunkSize uint32, first string) []*donor {
	rank := func(d *donor) int {
		if d.real == first {
			return 0
		}
		return 1
	}
	ds := c.known(chunkSize)
	slices.SortFunc(ds, func(a, b *donor) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.stat.mtime, a.stat.mtime), cmp.Compare(a.real, b.real))
	})
	return ds
}

// known returns the cache's entries with chunks of that size. A file may be
// there twice; at most one of them is what the file is now.
func (c *hashCache) known(chunkSize uint32) []*donor {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ds []*donor
	for real, sl := range c.slots {
		if sl.chunkSize == chunkSize && sl.stat.size > 0 {
			length := wire.ChunkCount(sl.stat.size, chunkSize) * wire.HashSize
			ds = append(ds, &donor{real: real, stat: sl.stat, hashes: io.NewSectionReader(c.f, sl.offset, length)})
		}
	}
	for real, m := range c.fresh {
		if m.ChunkSize == chunkSize && m.Size > 0 {
			ds = append(ds, &donor{real: real, stat: m.stat, hashes: bytes.NewReader(m.Hashes)})
		}
	}
	return ds
}

// distrust forgets what is known of a file that is not what its entry says,
// though it looks as it did: it has to be hashed again.
func (c *hashCache) distrust(real string, st fileStat) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sl, ok := c.slots[real]; ok && sl.stat == st {
		delete(c.slots, real)
	}
	if m, ok := c.fresh[real]; ok && m.stat == st {
		delete(c.fresh, real)
	}
}

// source returns the donor, open, if it still is what was hashed.
func (d *donor) source(s *Store) (*Source, error) {
	if d.open != nil {
		return d.open, nil
	}
	real, info, err := s.regular(wire.FileName(d.real))
	if err != nil {
		return nil, err
	}
	if real != d.real || statOf(info) != d.stat {
		return nil, fmt.Errorf("%s: %w", d.real, wire.ErrChanged)
	}
	src, err := s.open(wire.FileName(d.real), real)
	if err != nil {
		return nil, err
	}
	if src.stat != d.stat {
		return nil, errors.Join(fmt.Errorf("%s: %w", d.real, wire.ErrChanged), src.Close())
	}
	d.open = src
	return src, nil
}

// close gives the descriptor back.
func (d *donor) close() error {
	if d.open == nil {
		return nil
	}
	src := d.open
	d.open = nil
	return src.Close()
}
