//go:build !purego

package digest

import "golang.org/x/sys/cpu"

// hash16 compresses 16 inputs of blocks times 64 bytes each, the first of which
// lies at in and each other stride bytes further, and writes their chaining values
// to out. counters are the inputs' numbers. All blocks have the flags, the first
// one of each input has first too, and its last one last. It needs AVX-512F.
//
//go:noescape
func hash16(out *[lanes * Size]byte, in *byte, stride, blocks int, counters *[lanes]uint32, flags, first, last uint32)

// wide reports whether hash16 works here.
func wide() bool { return cpu.X86.HasAVX512F }
