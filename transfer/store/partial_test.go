package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"minimega/mesh/wire"
)

// create starts a file in s.
func create(t testing.TB, s *Store, name wire.FileName, m *Manifest) *Partial {
	t.Helper()
	p, err := s.Create(name, wire.Meta{Mode: 0o640, ModTime: 1_500_000_000_123_456_789}, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Abandon() })
	return p
}

// empty fails if a transfer directory is left.
func empty(t testing.TB, s *Store) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.Dir(), transferPrefix+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if len(s.live) > 0 {
		t.Errorf("%d partial files are still counted", len(s.live))
	}
}

func TestAFileIsPublishedWhole(t *testing.T) {
	for _, size := range []int{0, 1, 64 << 10, 3<<20 + 5} {
		data := noise(size, 1)
		m := manifestOf(t, data)
		dir := t.TempDir()
		s := open(t, dir)
		p := create(t, s, "a/b/f", m)
		if m.Count() > 0 {
			if err := p.Publish(); !errors.Is(err, ErrIncomplete) {
				t.Fatal(err)
			}
		}
		fill(t, p, data)
		if _, err := os.Lstat(filepath.Join(dir, "a/b/f")); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal("the name is there before it is published", err)
		}
		if err := errors.Join(p.Sync(), p.Publish()); err != nil {
			t.Fatal(err)
		}
		mustRead(t, filepath.Join(dir, "a/b/f"), data)
		info, err := os.Stat(filepath.Join(dir, "a/b/f"))
		if err != nil || info.Mode() != 0o640 || info.ModTime().UnixNano() != 1_500_000_000_123_456_789 {
			t.Error(info.Mode(), info.ModTime().UnixNano(), err)
		}
		if got, ok := s.Cached("a/b/f"); !ok || got.Version() != m.Version() {
			t.Error("it would be hashed again")
		}
		empty(t, s)
		if err := p.WriteChunk(0, nil); err == nil {
			t.Error("a published file was written")
		}
		if err := errors.Join(p.Close(), p.Abandon()); err != nil {
			t.Error("ending twice:", err)
		}
		if err := p.Sync(); !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
	}
}

func TestHolesStayHoles(t *testing.T) {
	from := t.TempDir()
	src := open(t, from)
	sparse(t, filepath.Join(from, "f"), 100<<20, noise(64<<10, 1), 0, 50<<20)
	m, err := src.Manifest(context.Background(), "f")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, t.TempDir())
	p := create(t, s, "f", m)
	f, err := src.Source("f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range m.Count() {
		if m.Zero(i) != p.Has(i) {
			t.Fatalf("chunk %d: zero %v, held %v", i, m.Zero(i), p.Has(i))
		}
		part, err := f.ReadChunk(i, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.WriteChunk(i, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Publish(); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(s.Path("f"), &st); err != nil {
		t.Fatal(err)
	}
	if st.Blocks*512 > 1<<20 || st.Size != 100<<20 {
		t.Errorf("%d bytes on the disk, of %d", st.Blocks*512, st.Size)
	}
	age(s)
	s.hash.slots = map[string]slot{}
	if again, err := s.Manifest(context.Background(), "f"); err != nil || again.Version() != m.Version() {
		t.Error("another content", err)
	}
}

func TestChunksAreServedBeforeTheRestIsThere(t *testing.T) {
	data := noise(1<<20, 1)
	copy(data[128<<10:], make([]byte, 64<<10))
	m := manifestOf(t, data)
	p := create(t, open(t, t.TempDir()), "f", m)
	if err := p.WriteChunk(5, chunk(m, data, 5)); err != nil {
		t.Fatal(err)
	}
	for i := range m.Count() {
		got, err := p.ReadChunk(i, nil)
		if want := i == 5 || i == 2; want != (err == nil) || want && !m.Verify(i, got) {
			t.Errorf("chunk %d: %v", i, err)
		}
		if i != 5 && i != 2 && !errors.Is(err, ErrNotHeld) {
			t.Error(err)
		}
	}
	if got := p.Have(); p.Count() != 2 || !bytes.Equal(got, []byte{1<<5 | 1<<2, 0}) {
		t.Errorf("%08b", got)
	}
	var b [100]byte
	if _, err := p.ReadAt(b[:], 5<<16+10); err != nil || !bytes.Equal(b[:], data[5<<16+10:5<<16+110]) {
		t.Error(err)
	}
	if _, err := p.ReadAt(b[:], 6<<16-50); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
	for _, i := range []int{-1, 16, 1 << 40} {
		if err := p.WriteChunk(i, data[:64<<10]); err == nil {
			t.Errorf("chunk %d was written", i)
		}
	}
	if err := p.WriteChunk(0, data[:100]); err == nil {
		t.Error("a short chunk was written")
	}
}

func TestWritersAndSyncsDoNotWaitForEachOther(t *testing.T) {
	data := noise(8<<20, 1)
	m := manifestOf(t, data)
	s := open(t, t.TempDir())
	p := create(t, s, "f", m)
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for n := range m.Count() {
				i := (n + w*m.Count()/8) % m.Count() // each chunk several times
				if err := p.WriteChunk(i, chunk(m, data, i)); err != nil {
					t.Error(err)
				}
				if got, err := p.ReadChunk(i, nil); err != nil || !m.Verify(i, got) {
					t.Error(i, err)
				}
			}
		})
	}
	for range 2 {
		all.Go(func() {
			for range 5 {
				if err := p.Sync(); err != nil {
					t.Error(err)
				}
				p.Room()
				p.Have()
			}
		})
	}
	all.Wait()
	if err := p.Publish(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, s.Path("f"), data)
}

func TestAnOldFileIsReplacedByRenameOnly(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, dir, "f", []byte("the old content"))
	put(t, dir, "other", []byte("another"))
	link(t, dir, "other", "l")
	old, err := os.Open(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	data := noise(100, 1)
	for _, name := range []wire.FileName{"f", "l"} {
		p := create(t, s, name, manifestOf(t, data))
		fill(t, p, data)
		if err := p.Publish(); err != nil {
			t.Fatal(err)
		}
		mustRead(t, s.Path(name), data)
	}
	b := make([]byte, 15)
	if _, err := old.ReadAt(b, 0); err != nil || string(b) != "the old content" {
		t.Errorf("who had it open reads %q, %v", b, err)
	}
	mustRead(t, s.Path("other"), []byte("another"))
}

func TestADirectoryInTheWayIsSaidSo(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	data := noise(100, 1)
	m := manifestOf(t, data)
	put(t, dir, "d/f", nil)
	put(t, dir, "file", nil)
	if _, err := s.Create("d", wire.Meta{}, m); !errors.Is(err, ErrInTheWay) {
		t.Error(err)
	}
	for name, make := range map[wire.FileName]func() error{
		"late":   func() error { return os.MkdirAll(filepath.Join(dir, "late/x"), 0o755) },
		"empty":  func() error { return os.MkdirAll(filepath.Join(dir, "empty"), 0o755) },
		"file/x": func() error { return nil },
	} {
		p := create(t, s, name, m)
		fill(t, p, data)
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if err := p.Publish(); !errors.Is(err, ErrInTheWay) {
			t.Errorf("%s: %v", name, err)
		}
		os.RemoveAll(filepath.Join(dir, string(name)))
		if name == "file/x" {
			os.Remove(filepath.Join(dir, "file"))
		}
		if err := p.Publish(); err != nil {
			t.Errorf("%s, when the way is free: %v", name, err)
		}
	}
	for _, name := range []wire.FileName{"", "../x", "a/../b", "transfer_1", "transfer_1/data", ".minimega/x", "/x", "a\x00"} {
		if _, err := s.Create(name, wire.Meta{}, m); !errors.Is(err, wire.ErrBadName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	empty(t, s)
}

func TestNothingIsPublishedThroughALinkThatLeadsOutside(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "files")
	s := open(t, dir)
	data := noise(100, 1)
	p := create(t, s, "d/f", manifestOf(t, data))
	fill(t, p, data)
	if err := os.Mkdir(filepath.Join(top, "outside"), 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, dir, "../outside", "d")
	if err := p.Publish(); err == nil {
		t.Error("published")
	}
	if left, err := os.ReadDir(filepath.Join(top, "outside")); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

func TestSpaceIsAskedForUpFront(t *testing.T) {
	s := open(t, t.TempDir())
	free, total, err := s.space()
	if err != nil {
		t.Fatal(err)
	}
	count := (free+total/20)>>20 + 1
	if count > wire.MaxChunks {
		t.Skip("this disk is larger than a file can be")
	}
	m := &Manifest{Size: count << 20, ChunkSize: 1 << 20, Hashes: make([]byte, count*32)}
	began := time.Now()
	_, err = s.Create("f", wire.Meta{}, m)
	var full *NoSpaceError
	if !errors.As(err, &full) || !errors.Is(err, syscall.ENOSPC) || full.Need <= full.Free || full.Path != s.Dir() {
		t.Fatalf("%v after %v", err, time.Since(began))
	}
	t.Log(err)
	empty(t, s)
	half := (free / 2) >> 20
	m = &Manifest{Size: half << 20, ChunkSize: 1 << 20, Hashes: make([]byte, half*32)}
	create(t, s, "one", m)
	if _, err := s.Create("two", wire.Meta{}, m); !errors.As(err, &full) {
		t.Error("the same space was promised twice", err)
	}
}

func TestTheMarginIsInProportion(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for _, c := range []struct{ need, total, want int64 }{
		{1 * mib, 64 * mib, 64 * mib / 20},
		{1 * gib, 1000 * gib, 64 * mib},
		{100 * gib, 1000 * gib, gib},
	} {
		if got := margin(c.need, c.total); got != c.want {
			t.Errorf("%d of %d: %d, want %d", c.need, c.total, got, c.want)
		}
	}
}

// small mounts a small file system that is gone when the test ends.
func small(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small disk to fill")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestAFullDiskPausesAndGoesOn(t *testing.T) {
	dir := small(t, "16m")
	s, err := Open(dir, open(t, t.TempDir()).log)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	data := noise(8<<20, 1)
	m := manifestOf(t, data)
	p, err := s.Create("f", wire.Meta{Mode: 0o644}, m)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abandon()
	blocker := filepath.Join(dir, "blocker")
	if err := os.WriteFile(blocker, make([]byte, 12<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	var full error
	for i := range m.Count() {
		if full = p.WriteChunk(i, chunk(m, data, i)); full != nil {
			break
		}
	}
	if !errors.Is(full, syscall.ENOSPC) {
		t.Fatal(full)
	}
	var room *NoSpaceError
	if err := p.Room(); !errors.As(err, &room) {
		t.Fatal(err)
	}
	if err := p.Sync(); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := os.Remove(blocker); err != nil {
		t.Fatal(err)
	}
	if err := p.Room(); err != nil {
		t.Fatal(err)
	}
	fill(t, p, data)
	if err := errors.Join(p.Sync(), p.Publish()); err != nil {
		t.Fatal(err)
	}
	mustRead(t, s.Path("f"), data)
}

func TestASmallDiskRefusesALargeFile(t *testing.T) {
	dir := small(t, "64m")
	s, err := Open(dir, open(t, t.TempDir()).log)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := &Manifest{Size: 200 << 20, ChunkSize: 1 << 20, Hashes: make([]byte, 200*32)}
	var full *NoSpaceError
	if _, err := s.Create("f", wire.Meta{}, m); !errors.As(err, &full) {
		t.Fatal(err)
	}
	m = &Manifest{Size: 50 << 20, ChunkSize: 1 << 20, Hashes: make([]byte, 50*32)}
	p, err := s.Create("f", wire.Meta{}, m)
	if err != nil {
		t.Fatal("what fits is refused:", err)
	}
	p.Abandon()
}

func TestABatchIsPublishedTogether(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, dir, "d/taken/x", nil)
	link(t, dir, "d", "l")
	b, err := s.NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	content := map[wire.FileName][]byte{"a": nil, "d/b": noise(10, 1), "d/e/c": noise(100<<10, 2), "l/f": noise(7, 4), "d/taken": noise(5, 3)}
	for name, data := range content {
		if err := b.Add(name, wire.Meta{Mode: 0o4711, ModTime: 5}, manifestOf(t, data), data); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add("../x", wire.Meta{}, manifestOf(t, nil), nil); !errors.Is(err, wire.ErrBadName) {
		t.Error(err)
	}
	if err := b.Publish(); !errors.Is(err, ErrInTheWay) {
		t.Error(err)
	}
	delete(content, "d/taken")
	s = open(t, dir) // which knows what the cache file says
	for name, data := range content {
		mustRead(t, s.Path(name), data)
		info, err := os.Stat(s.Path(name))
		if err != nil || info.Mode() != 0o711 || info.ModTime().UnixNano() != 5 {
			t.Error(name, info.Mode(), info.ModTime(), err)
		}
		if _, ok := s.Cached(name); !ok {
			t.Errorf("%s would be hashed again", name)
		}
	}
	empty(t, s)
}

func BenchmarkWriteChunk(b *testing.B) {
	const size = 64 << 20
	data := noise(size, 1)
	dir := b.TempDir()
	s := open(b, dir)
	put(b, dir, "f", data)
	m, err := s.Manifest(context.Background(), "f")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		p, err := s.Create("g", wire.Meta{}, m)
		if err != nil {
			b.Fatal(err)
		}
		fill(b, p, data)
		b.StopTimer()
		p.Abandon()
		b.StartTimer()
	}
}

func BenchmarkBatchFile(b *testing.B) {
	s := open(b, b.TempDir())
	data := noise(4<<10, 1)
	m := manifestOf(b, data)
	batch, err := s.NewBatch()
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		if err := batch.Add(wire.FileName("d/"+randomDigits()), wire.Meta{Mode: 0o644}, m, data); err != nil {
			b.Fatal(err)
		}
	}
	if err := batch.Publish(); err != nil {
		b.Fatal(err)
	}
}
