package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"minimega/mesh/wire"
)

const blockSize = wire.MinChunkSize

// known puts a file into s that the hash cache knows.
func known(t testing.TB, s *Store, name string, data []byte) string {
	t.Helper()
	path := put(t, s.Dir(), name, data)
	hashAged(t, s, wire.FileName(name))
	return path
}

// reuse calls p.Reuse and returns the chunks that it took, in order.
func reused(t testing.TB, p *Partial) []int {
	t.Helper()
	var took []int
	alike, err := p.Reuse(context.Background(), func(i int) { took = append(took, i) })
	if err != nil {
		t.Fatal(err)
	}
	if alike != nil {
		alike.Close()
	}
	slices.Sort(took)
	return took
}

// edit returns data with the first byte of each of the chunks changed.
func edit(data []byte, chunks ...int) []byte {
	data = slices.Clone(data)
	for _, i := range chunks {
		data[i*blockSize] ^= 1
	}
	return data
}

// all returns 0 to n-1 without some.
func all(n int, without ...int) []int {
	var out []int
	for i := range n {
		if !slices.Contains(without, i) {
			out = append(out, i)
		}
	}
	return out
}

func wantTook(t testing.TB, got, want []int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
}

func TestChunksOfAnotherFileAreTaken(t *testing.T) {
	old := noise(10*blockSize+99, 1)
	s := open(t, t.TempDir())
	known(t, s, "old", old)
	next := edit(old, 3, 7)
	m := manifestOf(t, next)
	p := create(t, s, "new", m)
	wantTook(t, reused(t, p), all(11, 3, 7))
	wantTook(t, reused(t, p), nil)
	fill(t, p, next)
	if err := p.Publish(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, s.Path("new"), next)
	mustRead(t, s.Path("old"), old)
	empty(t, s)
}

func TestChunksAreTakenWhereverTheyLie(t *testing.T) {
	a, b := noise(blockSize, 1), noise(blockSize, 2)
	s := open(t, t.TempDir())
	known(t, s, "d/one", slices.Concat(noise(blockSize, 3), a))
	known(t, s, "d/two", slices.Concat(b, b, noise(5, 4)))
	zeros := make([]byte, blockSize)
	next := slices.Concat(b, zeros, a, a, noise(blockSize, 5), b)
	p := create(t, s, "f", manifestOf(t, next))
	wantTook(t, reused(t, p), []int{0, 2, 3, 5})
	fill(t, p, next)
	if err := p.Publish(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, s.Path("f"), next)
}

func TestTheFileThatIsReplacedGivesItsChunks(t *testing.T) {
	old := noise(6*blockSize, 1)
	s := open(t, t.TempDir())
	known(t, s, "f", old)
	next := edit(old, 0)
	p := create(t, s, "f", manifestOf(t, next))
	wantTook(t, reused(t, p), all(6, 0))
	fill(t, p, next)
	if err := p.Publish(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, s.Path("f"), next)
}

func TestAFileThatChangedSinceItWasHashedGivesNothing(t *testing.T) {
	old := noise(6*blockSize, 1)
	for name, change := range map[string]func(t *testing.T, path string) error{
		"written":   func(t *testing.T, path string) error { return os.WriteFile(path, edit(old, 1), 0o644) },
		"truncated": func(t *testing.T, path string) error { return os.Truncate(path, 4*blockSize) },
		"removed":   func(t *testing.T, path string) error { return os.Remove(path) },
		"a pipe": func(t *testing.T, path string) error {
			return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o644))
		},
		"a link out": func(t *testing.T, path string) error {
			return errors.Join(os.Remove(path), os.Symlink(put(t, t.TempDir(), "f", old), path))
		},
		"replaced": func(t *testing.T, path string) error {
			return os.Rename(put(t, filepath.Dir(path), "other", edit(old, 1)), path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			path := known(t, s, "old", old)
			if err := change(t, path); err != nil {
				t.Fatal(err)
			}
			wantTook(t, reused(t, create(t, s, "new", manifestOf(t, old))), nil)
		})
	}
}

// lie makes the cache believe that path still is what was hashed.
func lie(t testing.TB, s *Store, name string) {
	t.Helper()
	info, err := os.Stat(s.Path(wire.FileName(name)))
	if err != nil {
		t.Fatal(err)
	}
	sl := s.hash.slots[name]
	sl.stat = statOf(info)
	s.hash.slots[name] = sl
}

func TestABitThatFlippedBehindEqualTimesIsCaught(t *testing.T) {
	old := noise(6*blockSize+7, 1)
	s := open(t, t.TempDir())
	path := known(t, s, "old", old)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, edit(old, 2, 6), 0o644), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	lie(t, s, "old")
	p := create(t, s, "new", manifestOf(t, old))
	wantTook(t, reused(t, p), all(7, 2, 6))
	fill(t, p, old)
	if err := p.Publish(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, s.Path("new"), old)
	if _, ok := s.Cached("old"); ok {
		t.Error("its old hashes are still believed")
	}
}

func TestChunksThatTheCacheMakesUpAreNotTaken(t *testing.T) {
	old, other := noise(4*blockSize, 1), noise(4*blockSize, 2)
	s := open(t, t.TempDir())
	known(t, s, "old", other)
	known(t, s, "truth", old[:2*blockSize])
	m := manifestOf(t, old)
	if _, err := s.hash.f.WriteAt(m.Hashes, s.hash.slots["old"].offset); err != nil {
		t.Fatal(err)
	}
	p := create(t, s, "old", m)
	wantTook(t, reused(t, p), []int{0, 1})
}

func TestTheFileThatIsMostAlikeIsTold(t *testing.T) {
	old := noise(6*blockSize, 1)
	s := open(t, t.TempDir())
	known(t, s, "little", slices.Concat(old[:blockSize], noise(blockSize, 2)))
	known(t, s, "more", edit(old, 0, 3))
	known(t, s, "elsewhere", slices.Concat(noise(blockSize, 3), old[blockSize*3:blockSize*4]))
	p := create(t, s, "new", manifestOf(t, edit(old, 5)))
	alike, err := p.Reuse(context.Background(), func(int) {})
	if err != nil || alike == nil {
		t.Fatal(alike, err)
	}
	defer alike.Close()
	if alike.Name() != "more" {
		t.Errorf("it is %s", alike.Name())
	}
	p = create(t, s, "other", manifestOf(t, noise(3*blockSize, 9)))
	if alike, err := p.Reuse(context.Background(), func(int) {}); err != nil || alike != nil {
		t.Error(alike, err)
	}
}

func TestWhatIsReusedIsInTheJournal(t *testing.T) {
	old := noise(6*blockSize, 1)
	dir := t.TempDir()
	s := open(t, dir)
	known(t, s, "old", old)
	p := create(t, s, "new", manifestOf(t, edit(old, 4)))
	reused(t, p)
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	p.end() // as a crash would, but for the lock
	if err := errors.Join(p.closeFiles(), os.Remove(s.Path("old"))); err != nil {
		t.Fatal(err)
	}
	left, err := open(t, dir).Leftovers()
	if err != nil || len(left) != 1 {
		t.Fatal(left, err)
	}
	t.Cleanup(func() { left[0].Abandon() })
	for i := range 6 {
		if left[0].Has(i) != (i != 4) {
			t.Errorf("chunk %d: held %v", i, left[0].Has(i))
		}
	}
}

func TestFilesOfAnotherChunkSizeGiveNothing(t *testing.T) {
	large := noise(128<<20+1, 1)
	s := open(t, t.TempDir())
	known(t, s, "large", large)
	wantTook(t, reused(t, create(t, s, "f", manifestOf(t, large[:1<<20]))), nil)
}

func TestReuseEndsWithItsContext(t *testing.T) {
	old := noise(6*blockSize, 1)
	s := open(t, t.TempDir())
	known(t, s, "old", old)
	p := create(t, s, "new", manifestOf(t, old))
	ctx, cancel := context.WithCancel(context.Background())
	alike, err := p.Reuse(ctx, func(int) { cancel() })
	if !errors.Is(err, context.Canceled) || p.Count() != 1 || alike != nil {
		t.Error(err, p.Count(), alike)
	}
}

func TestAFileJustWrittenIsReusedWhileItIsKnown(t *testing.T) {
	old := noise(6*blockSize, 1)
	s := open(t, t.TempDir())
	put(t, s.Dir(), "old", old)
	s.hash.now = func() time.Time { return time.Now().Add(-time.Hour) } // nothing settles
	if _, err := s.Manifest(context.Background(), "old"); err != nil {
		t.Fatal(err)
	}
	wantTook(t, reused(t, create(t, s, "new", manifestOf(t, old))), all(6))
}

func TestManyAlikeChunksTakeNoLongerThanOthers(t *testing.T) {
	const many = 1 << 16
	s := open(t, t.TempDir())
	known(t, s, "old", bytes.Repeat(noise(blockSize, 1), 2))
	sum := manifestOf(t, noise(blockSize, 1)).Hashes
	p := create(t, s, "new", &Manifest{Size: 2 * blockSize, ChunkSize: blockSize, Hashes: bytes.Repeat(sum, 2)})
	p.m = &Manifest{Size: many * blockSize, ChunkSize: blockSize, Hashes: bytes.Repeat(sum, many)}
	p.have = make([]byte, many/8)
	w := newWanted(p)
	looks := 0
	held := map[int]bool{}
	for range many {
		i, ok := w.first([32]byte(sum), func(i int) bool { looks++; return held[i] })
		if !ok || held[i] {
			t.Fatal("one is missing")
		}
		held[i] = true
	}
	for range many {
		if _, ok := w.first([32]byte(sum), func(i int) bool { looks++; return held[i] }); ok {
			t.Fatal("one too many")
		}
	}
	if looks > 4*many {
		t.Errorf("%d looks at %d chunks", looks, many)
	}
}

// loop returns a directory on a file system that can share blocks, or skips.
func loop(t *testing.T, mkfs ...string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	if _, err := exec.LookPath(mkfs[0]); err != nil {
		t.Skip(mkfs[0], "is not installed")
	}
	dir := t.TempDir()
	image, mount := filepath.Join(dir, "image"), filepath.Join(dir, "mnt")
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 512<<20), os.Mkdir(mount, 0o755)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs[0], append(mkfs[1:], image)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, mount).CombinedOutput(); err != nil {
		t.Skipf("no loop device: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", mount).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	return mount
}

func TestBlocksAreSharedWhereTheFileSystemCan(t *testing.T) {
	for _, mkfs := range [][]string{{"mkfs.xfs", "-q", "-m", "reflink=1"}, {"mkfs.btrfs", "-q"}} {
		t.Run(mkfs[0], func(t *testing.T) {
			s := open(t, loop(t, mkfs...))
			old := noise(32<<20+99, 1)
			known(t, s, "old", old)
			unix.Sync()
			before, _, err := s.space()
			if err != nil {
				t.Fatal(err)
			}
			next := edit(old, 3, 77)
			p := create(t, s, "new", manifestOf(t, next))
			wantTook(t, reused(t, p), all(513, 3, 77))
			fill(t, p, next)
			if err := p.Publish(); err != nil {
				t.Fatal(err)
			}
			mustRead(t, s.Path("new"), next)
			mustRead(t, s.Path("old"), old)
			unix.Sync()
			if after, _, err := s.space(); err != nil || before-after > 8<<20 {
				t.Errorf("a second copy of %d bytes took %d (%v)", len(next), before-after, err)
			}
			bad := known(t, s, "old", edit(old, 9))
			if err := os.WriteFile(bad, edit(old, 9, 10), 0o644); err != nil {
				t.Fatal(err)
			}
			lie(t, s, "old")
			if err := os.Remove(s.Path("new")); err != nil {
				t.Fatal(err)
			}
			wantTook(t, reused(t, create(t, s, "new", manifestOf(t, old))), all(513, 9, 10))
		})
	}
}
