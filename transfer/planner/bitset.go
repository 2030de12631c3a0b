package planner

import "math/bits"

// Bitset is a set of chunk numbers below a fixed count.
type Bitset struct {
	words []uint64 // bit i%64 of word i/64 is chunk i; bits beyond n are clear
	n     int      // chunk numbers are below it
	count int      // members
}

// NewBitset returns an empty set for chunks 0 to n-1.
func NewBitset(n int) *Bitset { return &Bitset{words: make([]uint64, (n+63)/64), n: n} }

// Len returns the bound of the numbers; Count how many are in the set.
func (b *Bitset) Len() int { return b.n }

// Count returns how many numbers are in the set.
func (b *Bitset) Count() int { return b.count }

// Full reports whether every number is in the set.
func (b *Bitset) Full() bool { return b.count == b.n }

// Has reports whether i is in the set; false outside the bound.
func (b *Bitset) Has(i int) bool {
	return i >= 0 && i < b.n && b.words[i>>6]&(1<<(i&63)) != 0
}

// Add puts i in and reports whether it was new.
func (b *Bitset) Add(i int) bool {
	if i < 0 || i >= b.n || b.Has(i) {
		return false
	}
	b.words[i>>6] |= 1 << (i & 63)
	b.count++
	return true
}

// Remove takes i out and reports whether it was in.
func (b *Bitset) Remove(i int) bool {
	if !b.Has(i) {
		return false
	}
	b.words[i>>6] &^= 1 << (i & 63)
	b.count--
	return true
}

// Fill puts every number in.
func (b *Bitset) Fill() {
	for i := range b.words {
		b.words[i] = ^uint64(0)
	}
	if tail := b.n & 63; tail != 0 {
		b.words[len(b.words)-1] = 1<<tail - 1
	}
	b.count = b.n
}

// Next returns the first member at or after i, or -1.
func (b *Bitset) Next(i int) int {
	for w := i >> 6; w < len(b.words); w++ {
		word := b.words[w]
		if w == i>>6 {
			word &= ^uint64(0) << (i & 63)
		}
		if word != 0 {
			return w<<6 + bits.TrailingZeros64(word)
		}
	}
	return -1
}

// nextBoth returns the first member of both a and b at or after i, or -1.
func nextBoth(a, b *Bitset, i int) int {
	for w := i >> 6; w < len(a.words); w++ {
		word := a.words[w] & b.words[w]
		if w == i>>6 {
			word &= ^uint64(0) << (i & 63)
		}
		if word != 0 {
			return w<<6 + bits.TrailingZeros64(word)
		}
	}
	return -1
}

// Bytes returns the set as wire.Have wants it: lowest bit first.
func (b *Bitset) Bytes() []byte {
	out := make([]byte, (b.n+7)/8)
	for i := range out {
		out[i] = byte(b.words[i>>3] >> (8 * (i & 7)))
	}
	return out
}

// Each calls f with each number whose bit is set in a map of bits that begins
// at first, as long as it is below n.
func Each(n, first int, m []byte, f func(i int)) {
	for at, octet := range m {
		for ; octet != 0; octet &= octet - 1 {
			if i := first + at*8 + bits.TrailingZeros8(octet); i < n {
				f(i)
			}
		}
	}
}
