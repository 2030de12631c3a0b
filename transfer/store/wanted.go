package store

import (
	"hash/maphash"
	"math/bits"

	"minimega/mesh/wire"
)

// wanted finds the chunks that a partial file lacks by their hashes. It takes
// 12 to 20 bytes a chunk, 40 MiB at most. Its hash function is seeded, because
// the hashes of chunks are whatever a peer says that they are.
type wanted struct {
	m     *Manifest
	seed  maphash.Seed
	table []uint32 // open addressing: chunk + 1 of each different hash; 0: free
	next  []uint32 // chunk → chunk + 1 of the next one with the same hash; 0: none
}

// newWanted returns the index of the chunks of p that it does not hold.
func newWanted(p *Partial) *wanted {
	have := p.Have()
	w := &wanted{m: p.m, seed: maphash.MakeSeed(), next: make([]uint32, p.m.Count())}
	w.table = make([]uint32, 1<<bits.Len(uint(2*p.m.Count())))
	for i := range p.m.Count() {
		if have[i/8]&(1<<(i%8)) == 0 {
			w.add(i)
		}
	}
	return w
}

func (w *wanted) add(i int) {
	at := w.slot(w.m.Hash(i))
	w.next[i] = w.table[at]
	w.table[at] = uint32(i + 1)
}

// slot returns where in the table the chunks of a hash are, or would be.
func (w *wanted) slot(sum [wire.HashSize]byte) int {
	mask := len(w.table) - 1
	at := int(maphash.Bytes(w.seed, sum[:])) & mask
	for w.table[at] != 0 && w.m.Hash(int(w.table[at]-1)) != sum {
		at = (at + 1) & mask
	}
	return at
}

// first returns a chunk of that hash that held does not say to be there by now,
// and false where there is none. It costs no more for chunks that are there.
func (w *wanted) first(sum [wire.HashSize]byte, held func(i int) bool) (int, bool) {
	at := w.slot(sum)
	for w.table[at] != 0 {
		i := int(w.table[at] - 1)
		if !held(i) {
			return i, true
		}
		if w.next[i] == 0 {
			return 0, false // it stays in the table, which must have no gaps
		}
		w.table[at] = w.next[i]
	}
	return 0, false
}
