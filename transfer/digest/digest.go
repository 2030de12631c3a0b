// Package digest hashes contents with BLAKE3-256, the hash that names chunks and
// versions (https://github.com/BLAKE3-team/BLAKE3-specs).
//
// It is github.com/zeebo/blake3, except for what a transfer spends its time on:
// whole chunks, on processors with AVX-512. There 16 leaves of the hash's tree are
// compressed at once, one in each 32-bit lane, which takes half the time of the
// library's 8 with AVX2. Elsewhere, for other lengths, and with the build tag
// purego, the library does it all. Both give the same hash.
//
// All functions may be called concurrently and keep nothing.
package digest

import "github.com/zeebo/blake3"

// Size is a hash's length in bytes.
const Size = 32

// BLAKE3's tree: leaves are compressed block by block, and parents, which hash
// the chaining values of two below them, are one block each.
const (
	leafSize  = 1 << 10
	blockSize = 64
	lanes     = 16 // of hash16
)

// Flags of a block.
const (
	leafStart = 1 << iota
	leafEnd
	parent
	root
)

// Lengths, in bytes, that are hashed 16 leaves at a time: powers of two, because
// their trees are complete.
const (
	minWide = lanes * leafSize
	midWide = 4 * minWide
	maxWide = 1 << 20
)

// Sum returns the hash of b.
func Sum(b []byte) [Size]byte {
	n := len(b)
	switch {
	case n < minWide, n > maxWide, n&(n-1) != 0, !wide():
		return blake3.Sum256(b)
	case n <= midWide:
		return sumMid(b)
	}
	return sumMax(b)
}

// sumMid is sum for at most midWide bytes: a smaller chunk needs less to be
// cleared.
func sumMid(b []byte) [Size]byte {
	var values [midWide / leafSize * Size]byte
	return sum(b, values[:])
}

func sumMax(b []byte) [Size]byte {
	var values [maxWide / leafSize * Size]byte
	return sum(b, values[:])
}

// sum hashes b, whose length is one of those above. values has room for the
// chaining values of its leaves, and for those of 2 * lanes.
func sum(b, values []byte) [Size]byte {
	var counters [lanes]uint32
	for at := 0; at < len(b); at += lanes * leafSize {
		for i := range counters {
			counters[i] = uint32(at/leafSize + i)
		}
		hash16(outputs(values, at/leafSize), &b[at], leafSize, leafSize/blockSize, &counters, 0, leafStart, leafEnd)
	}
	clear(counters[:])
	flags := uint32(parent)
	for n := len(b) / leafSize / 2; n > 0; n /= 2 { // each level over the one below it
		if n == 1 {
			flags |= root
		}
		for i := 0; i < n; i += lanes { // of a short level some lanes hash what nobody asks for
			hash16(outputs(values, i), &values[2*i*Size], 2*Size, 1, &counters, flags, 0, 0)
		}
	}
	return [Size]byte(values)
}

// outputs returns the room of lanes chaining values from the i-th on.
func outputs(values []byte, i int) *[lanes * Size]byte {
	return (*[lanes * Size]byte)(values[i*Size:])
}
