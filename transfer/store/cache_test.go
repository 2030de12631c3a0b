package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// match returns what a pattern finds.
func match(t testing.TB, s *Store, pattern string) []Entry {
	t.Helper()
	found, err := s.Match(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// hashAged hashes name as though it had been written an hour ago.
func hashAged(t testing.TB, s *Store, name wire.FileName) *Manifest {
	t.Helper()
	age(s)
	m, err := s.Manifest(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheCacheOutlivesTheStore(t *testing.T) {
	dir := t.TempDir()
	want := map[wire.FileName]wire.Version{}
	s := open(t, dir)
	for i, size := range []int{0, 1, 100 << 10, 3 << 20} {
		name := wire.FileName(fmt.Sprintf("d/%d", i))
		put(t, dir, string(name), noise(size, 1))
		want[name] = hashAged(t, s, name).Version()
	}
	s = open(t, dir)
	for name, v := range want {
		m, ok := s.Cached(name)
		if !ok || m.Version() != v {
			t.Errorf("%s: %v", name, ok)
		}
		got, meta, ok := s.CachedVersion(name)
		if !ok || got != v || meta.Size != m.Size || meta.Mode != 0o644 {
			t.Errorf("%s: %v %v %v", name, got, meta, ok)
		}
	}
	link(t, dir, "d/3", "l")
	if m, ok := s.Cached("l"); !ok || m.Version() != want["d/3"] {
		t.Error("a link is hashed apart from what it leads to")
	}
	link(t, dir, "d", "e")
	for i := range 4 {
		want[wire.FileName(fmt.Sprintf("e/%d", i))] = want[wire.FileName(fmt.Sprintf("d/%d", i))]
	}
	want["l"] = want["d/3"]
	for pattern, count := range map[string]int{"d": 4, "l": 1, "e": 4, "e/*": 4} {
		files := 0
		for _, e := range match(t, s, pattern) {
			if e.Kind != File {
				continue
			}
			files++
			if v, ok := s.VersionOf(e); !ok || v != want[e.Name] {
				t.Errorf("%s of %s: %v %v, not %v", e.Name, pattern, v, ok, want[e.Name])
			}
		}
		if files != count {
			t.Errorf("%s: %d files, not %d", pattern, files, count)
		}
	}
}

func TestAStaleEntryIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	path := put(t, dir, "f", noise(1000, 1))
	old := hashAged(t, s, "f")
	found := match(t, s, "f")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "f", noise(1000, 2)) // same name, size and inode
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Cached("f"); ok {
		t.Error("stale")
	}
	if v, _, ok := s.CachedVersion("f"); ok || !v.IsZero() {
		t.Errorf("stale version %s", v)
	}
	if v, ok := s.VersionOf(match(t, s, "f")[0]); ok || !v.IsZero() {
		t.Errorf("stale version %s of what was found", v)
	}
	if v, ok := s.VersionOf(found[0]); !ok || v != old.Version() {
		t.Errorf("version %s of what had been found", v)
	}
	if hashAged(t, s, "f").Version() == old.Version() {
		t.Error("stale after hashing")
	}
	if _, ok := open(t, dir).Cached("f"); !ok {
		t.Error("the new one was not kept")
	}
}

func TestAFileJustChangedIsRememberedForAMomentOnly(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	path := put(t, dir, "f", noise(1000, 1))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	ctime := time.Unix(0, statOf(info).ctime)
	s.hash.now = func() time.Time { return ctime.Add(time.Millisecond) }
	if _, err := s.Manifest(context.Background(), "f"); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Cached("f"); !ok {
		t.Error("not remembered for the moment")
	}
	if _, ok := open(t, dir).Cached("f"); ok {
		t.Error("trusted by the next run")
	}
	age(s)
	if _, ok := s.Cached("f"); ok {
		t.Error("trusted when the moment was over")
	}
	if _, err := s.Manifest(context.Background(), "f"); err != nil {
		t.Fatal(err)
	}
	if _, ok := open(t, dir).Cached("f"); !ok {
		t.Error("not kept when hashed again")
	}
}

func TestCoarseClocksStandStillForLonger(t *testing.T) {
	if standstill(1e18) != 2*time.Second || standstill(1e18+123_456_789) >= time.Second {
		t.Error(standstill(1e18), standstill(1e18+123_456_789))
	}
}

// TestADamagedCacheOnlyCostsHashing damages the cache file in every way, and
// finds that it never says anything wrong.
func TestADamagedCacheOnlyCostsHashing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := map[wire.FileName]wire.Version{}
	for i := range 3 {
		name := wire.FileName(fmt.Sprint(i))
		put(t, dir, string(name), noise(100<<10, uint64(i)))
		want[name] = hashAged(t, s, name).Version()
	}
	file := filepath.Join(dir, cacheName)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, b []byte) {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, s.log)
		if err != nil {
			t.Fatal(what, err)
		}
		defer s.Close()
		for name, v := range want {
			if m, ok := s.Cached(name); ok && m.Version() != v {
				t.Fatalf("%s: %s is another version", what, name)
			}
		}
	}
	for n := range len(good) {
		check("cut", good[:n])
		flipped := bytes.Clone(good)
		flipped[n] ^= 1 << (n % 8)
		check("flipped", flipped)
	}
	check("doubled", append(bytes.Clone(good), good...))
	check("junk", noise(1000, 1))
	hashAged(t, s, "0")
}

func TestChunksOfAnotherSizeAreHashedAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, dir, "f", noise(3*wire.MinChunkSize, 1))
	m := hashAged(t, s, "f")
	other := &Manifest{Size: m.Size, ChunkSize: 2 * m.ChunkSize, Hashes: m.Hashes[:2*wire.HashSize], stat: m.stat}
	s.hash.putAll([]cached{{"f", other}})
	s = open(t, dir)
	if _, ok := s.Cached("f"); ok {
		t.Error("a manifest of another release counts")
	}
	if again := hashAged(t, s, "f"); again.Version() != m.Version() {
		t.Errorf("hashed again it is %v, want %v", again.Version(), m.Version())
	}
}

func TestTheCacheIsTidied(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	f := put(t, dir, "f", nil)
	put(t, dir, "kept", []byte("kept"))
	kept := hashAged(t, s, "kept").Version()
	for i := range 30 { // 64 KiB of hashes each
		if err := os.Truncate(f, 2<<30+int64(i)); err != nil {
			t.Fatal(err)
		}
		hashAged(t, s, "f")
	}
	before, err := os.Stat(filepath.Join(dir, cacheName))
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	after, err := os.Stat(filepath.Join(dir, cacheName))
	if err != nil {
		t.Fatal(err)
	}
	if before.Size() < minCompact || after.Size() > before.Size()/10 {
		t.Errorf("%d bytes became %d", before.Size(), after.Size())
	}
	if m, ok := s.Cached("f"); !ok || m.Size != 2<<30+29 {
		t.Error("the last manifest was lost")
	}
	if m, ok := s.Cached("kept"); !ok || m.Version() != kept {
		t.Error("another file's manifest was lost")
	}
}
