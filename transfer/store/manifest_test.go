package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/zeebo/blake3"
	"go.uber.org/goleak"

	"minimega/mesh/wire"
)

// TestVersionBytes holds the layout that the version is computed over.
func TestVersionBytes(t *testing.T) {
	m := &Manifest{Size: 70_000, ChunkSize: 65_536, Hashes: append(bytes.Repeat([]byte{0xaa}, 32), bytes.Repeat([]byte{0xbb}, 32)...)}
	layout, err := hex.DecodeString("" +
		"6d696e696d6567612066696c65207631" + // "minimega file v1"
		"0000000000011170" + // size
		"00010000" + // chunk size
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" +
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")
	if err != nil {
		t.Fatal(err)
	}
	if m.Version() != wire.Version(blake3.Sum256(layout)) {
		t.Error("the layout is another one")
	}
	const golden = "5369788f3faf87c6b39a7083eeb387c042908314d7d1c02f4e60e72e0d99683e"
	if got := m.Version().String(); got != golden {
		t.Errorf("version %s, want %s", got, golden)
	}
}

func TestZeroHashes(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20} {
		if zeroHash(n) != blake3.Sum256(make([]byte, n)) {
			t.Errorf("%d zeros", n)
		}
	}
}

func TestCheckRefusesWhatDoesNotFit(t *testing.T) {
	for _, m := range []*Manifest{
		{},
		{Size: -1, ChunkSize: 64 << 10},
		{Size: 1, ChunkSize: 64 << 10},
		{Size: 1, ChunkSize: 65537, Hashes: make([]byte, 32)},
		{Size: 1, ChunkSize: 32 << 10, Hashes: make([]byte, 32)},
		{Size: 1, ChunkSize: 2 << 20, Hashes: make([]byte, 32)},
		{Size: 1, ChunkSize: 64 << 10, Hashes: make([]byte, 33)},
		{Size: 1, ChunkSize: 64 << 10, Hashes: make([]byte, 64)},
		{Size: math.MaxInt64, ChunkSize: 1 << 20},
		{Size: math.MinInt64, ChunkSize: 1 << 20},
	} {
		if err := m.Check(); !errors.Is(err, ErrBadManifest) {
			t.Errorf("%d bytes in chunks of %d: %v", m.Size, m.ChunkSize, err)
		}
	}
}

func TestManifestNamesEveryChunk(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	s := open(t, dir)
	for _, size := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 5<<20 + 3} {
		data := noise(size, uint64(size))
		copy(data[size/2:], make([]byte, min(size/2, 200<<10))) // zeros that are no hole
		put(t, dir, "f", data)
		m, err := s.Manifest(context.Background(), "f")
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Check(); err != nil || m.Size != int64(size) || m.ChunkSize != wire.ChunkSizeFor(int64(size)) {
			t.Fatalf("%d: %+v, %v", size, m, err)
		}
		for i := range m.Count() {
			part := chunk(m, data, i)
			if !m.Verify(i, part) || m.Zero(i) != (bytes.Count(part, []byte{0}) == len(part)) {
				t.Errorf("%d: chunk %d", size, i)
			}
			if m.Verify(i, part[1:]) {
				t.Errorf("%d: chunk %d verifies when cut", size, i)
			}
		}
	}
}

// sparse makes a file of size bytes with data at each of the offsets.
func sparse(t testing.TB, path string, size int64, data []byte, offsets ...int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for _, off := range offsets {
		if _, err := f.WriteAt(data, off); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHolesCostNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	data := noise(3000, 1)
	sparse(t, filepath.Join(dir, "f"), 1<<40+5, data, 0, 7<<30+1000, 1<<40-1000)
	began := time.Now()
	m, err := s.Manifest(context.Background(), "f")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("1 TiB with three islands hashed in %v", time.Since(began))
	var held []int
	for i := range m.Count() {
		if !m.Zero(i) {
			held = append(held, i)
		}
	}
	if fmt.Sprint(held) != fmt.Sprint([]int{0, 7 << 10, 1<<20 - 1, 1 << 20}) {
		t.Errorf("chunks that are not zeros: %v", held)
	}
	f, err := s.Source("f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, i := range append(held, 1, 1<<19) {
		part, err := f.ReadChunk(i, m, nil)
		if err != nil || !m.Verify(i, part) {
			t.Errorf("chunk %d: %v", i, err)
		}
	}
	if _, err := f.ReadChunk(m.Count(), m, nil); err == nil {
		t.Error("a chunk after the last was read")
	}
}

func TestManyWaitersShareOneReading(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	s := open(t, dir)
	put(t, dir, "f", noise(8<<20, 1))
	var all sync.WaitGroup
	got := make([]*Manifest, 16)
	for i := range got {
		all.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			if i%4 == 3 {
				cancel()
			}
			defer cancel()
			m, err := s.Manifest(ctx, "f")
			if err != nil && i%4 != 3 {
				t.Error(err)
			}
			got[i] = m
		})
	}
	all.Wait()
	for _, m := range got {
		if m != nil && m.Version() != got[0].Version() {
			t.Error("two versions of one file")
		}
	}
	if len(s.flights) != 0 {
		t.Errorf("%d hashings go on", len(s.flights))
	}
}

func TestHashingEndsWithItsContext(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	s := open(t, dir)
	put(t, dir, "f", noise(4<<20, 1))
	ctx, cancel := context.WithCancel(context.Background())
	_, err := s.ManifestAhead(ctx, "f", func(int, []byte) { cancel() })
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	put(t, dir, "g", noise(4<<20, 2))
	if _, err := s.Manifest(ctx, "g"); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestHashesComeAheadInOrder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	sparse(t, filepath.Join(dir, "f"), 300<<20, noise(1<<20, 1), 0, 10<<20+5, 200<<20)
	age(s)
	for _, when := range []string{"hashed", "cached"} {
		var got []byte
		calls := 0
		m, err := s.ManifestAhead(context.Background(), "f", func(first int, hashes []byte) {
			if first*wire.HashSize != len(got) {
				t.Errorf("%s: chunk %d after %d", when, first, len(got)/wire.HashSize)
			}
			got = append(got, hashes...)
			calls++
		})
		if err != nil || !bytes.Equal(got, m.Hashes) {
			t.Fatalf("%s: %v, %d hashes of %d", when, err, len(got)/32, m.Count())
		}
		t.Logf("%s: %d calls", when, calls)
	}
	if _, err := s.ManifestAhead(context.Background(), "nothing", func(int, []byte) {}); !errors.Is(err, wire.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestAChangingFileIsSaidToChange(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for what, change := range map[string]func(path string) error{
		"grown":     func(p string) error { return os.Truncate(p, 5<<20) },
		"cut":       func(p string) error { return os.Truncate(p, 1<<20) },
		"rewritten": func(p string) error { return os.WriteFile(p, noise(4<<20, 2), 0o644) },
		"touched":   func(p string) error { return os.Chtimes(p, time.Now(), time.Now()) },
	} {
		path := put(t, dir, what, noise(4<<20, 1))
		changed := false
		_, err := s.ManifestAhead(context.Background(), wire.FileName(what), func(int, []byte) {
			if !changed {
				changed = true
				if err := change(path); err != nil {
					t.Error(err)
				}
			}
		})
		if err != nil && !errors.Is(err, wire.ErrChanged) {
			t.Errorf("%s while it is hashed: %v", what, err)
		}
		os.Remove(path)
		put(t, dir, what, noise(4<<20, 1))
		m, err := s.Manifest(context.Background(), wire.FileName(what))
		if err != nil {
			t.Fatal(err)
		}
		f, err := s.Source(wire.FileName(what))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadChunk(3, m, nil); err != nil {
			t.Fatal(err)
		}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadChunk(3, m, nil); !errors.Is(err, wire.ErrChanged) {
			t.Errorf("%s while it is served: %v", what, err)
		}
		again, err := s.Source(wire.FileName(what))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.ReadChunk(3, m, nil); !errors.Is(err, wire.ErrChanged) {
			t.Errorf("%s, opened again, against the old manifest: %v", what, err)
		}
		f.Close()
		again.Close()
	}
}

func BenchmarkHash(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	put(b, dir, "f", noise(64<<20, 1))
	src, err := s.Source("f")
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	b.SetBytes(64 << 20)
	for b.Loop() {
		m, err := blankManifest(src)
		if err != nil {
			b.Fatal(err)
		}
		if err := newHashing(src, m).run(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHashSmallFile(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	put(b, dir, "f", noise(4<<10, 1))
	for b.Loop() {
		if _, err := s.Manifest(context.Background(), "f"); err != nil {
			b.Fatal(err)
		}
		clear(s.hash.fresh)
		clear(s.hash.slots)
	}
}

func TestWhoNeedsTheBytesHashesInItsPlace(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	sparse(t, filepath.Join(dir, "f"), 64<<20, noise(8<<20, 1), 0, 20<<20, 50<<20)
	link(t, dir, "f", "l")
	src, err := s.Source("l")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	whole, err := os.ReadFile(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := s.HashNext(src, nil); ok {
		t.Error("there was something to hash, and nobody hashes")
	}
	var lent []int
	m, err := s.ManifestAhead(context.Background(), "f", func(int, []byte) {
		for len(lent) < 40 {
			i, data, ok := s.HashNext(src, make([]byte, 10))
			if !ok {
				return
			}
			lent = append(lent, i)
			if at := i * wire.MinChunkSize; !bytes.Equal(data, whole[at:at+len(data)]) {
				t.Errorf("chunk %d is of other bytes", i)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(lent) == 0 || !slices.IsSorted(lent) || len(slices.Compact(slices.Clone(lent))) < len(lent) {
		t.Errorf("chunks %v were hashed, want some, in order, each once", lent)
	}
	alone, err := open(t, dir).Manifest(context.Background(), "f")
	if err != nil || !bytes.Equal(alone.Hashes, m.Hashes) {
		t.Errorf("%v: the hashes differ from those that one alone makes", err)
	}
	if _, _, ok := s.HashNext(src, nil); ok {
		t.Error("there is something to hash after the end")
	}
}

func TestHashingThatFailsInItsPlaceFailsForAll(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	s := open(t, dir)
	path := put(t, dir, "f", noise(64<<20, 1)) // more than is hashed before the first hashes are told
	src, err := s.Source("f")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	cut := false
	_, err = s.ManifestAhead(context.Background(), "f", func(int, []byte) {
		if !cut {
			cut = true
			if err := os.Truncate(path, 1<<20); err != nil {
				t.Error(err)
			}
		}
		for ok := true; ok; {
			_, _, ok = s.HashNext(src, nil)
		}
	})
	if !errors.Is(err, wire.ErrChanged) {
		t.Errorf("the error is %v, want %v", err, wire.ErrChanged)
	}
}
