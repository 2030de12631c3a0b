package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/zeebo/blake3"

	"minimega/mesh/wire"
)

// BenchmarkVerify measures comparing a chunk with its hash.
func BenchmarkVerify(b *testing.B) {
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			data := noise(size, 1)
			hash := blake3.Sum256(data)
			m := &Manifest{Size: int64(size), ChunkSize: uint32(size), Hashes: hash[:]}
			b.SetBytes(int64(size))
			for b.Loop() {
				if !m.Verify(0, data) {
					b.Fatal("the chunk is not what it is")
				}
			}
		})
	}
}

// BenchmarkJournalAppend measures claiming 64 MiB of chunks, in one run and in
// as many runs as chunks, with what the disk takes.
func BenchmarkJournalAppend(b *testing.B) {
	for name, step := range map[string]uint32{"one_run": 1, "scattered": 2} {
		b.Run(name, func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "journal"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			j := journal{f: f}
			if err := j.begin(wire.Version{1}); err != nil {
				b.Fatal(err)
			}
			chunks := make([]uint32, 256)
			for i := range chunks {
				chunks[i] = uint32(i) * step
			}
			for b.Loop() {
				if err := j.append(chunks); err != nil {
					b.Fatal(err)
				}
				j.size = journalHead // over again
			}
		})
	}
}

// BenchmarkListing measures a directory of 10,000 files, and the same files in
// 100 directories, as `file list`, as `file get` and as Tab read them.
func BenchmarkListing(b *testing.B) {
	dir := b.TempDir()
	for i := range 10_000 {
		put(b, dir, fmt.Sprintf("flat/%05d", i), nil)
		put(b, dir, fmt.Sprintf("deep/%02d/%02d", i/100, i%100), nil)
	}
	s := open(b, dir)
	for name, list := range map[string]func() (int, error){
		"list_flat": func() (int, error) { all, err := s.List("flat", false); return len(all), err },
		"list_deep": func() (int, error) { all, err := s.List("deep", true); return len(all), err },
		"match":     func() (int, error) { all, err := s.Match("deep"); return len(all), err },
		"names":     func() (int, error) { all, _ := s.Names("flat/", 1_000_000); return len(all), nil },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n, err := list(); n < 10_000 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
