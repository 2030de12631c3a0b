//go:build !amd64 || purego

package digest

func hash16(*[lanes * Size]byte, *byte, int, int, *[lanes]uint32, uint32, uint32, uint32) {
	panic("digest: hash16 where wide reports false")
}

func wide() bool { return false }
