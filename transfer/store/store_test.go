package store

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// open returns a store in dir, closed when the test ends.
func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// put writes a file below dir, with the directories that it needs.
func put(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	full := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return full
}

// age makes a file look as though it had been written long ago to the cache's
// clock, which it sets an hour ahead.
func age(s *Store) {
	s.hash.now = func() time.Time { return time.Now().Add(time.Hour) }
}

func link(t testing.TB, dir, target, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// noise returns n bytes that do not repeat.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

// manifestOf returns the manifest of a content.
func manifestOf(t testing.TB, data []byte) *Manifest {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	put(t, dir, "f", data)
	m, err := s.Manifest(context.Background(), "f")
	if err != nil {
		t.Fatal(err)
	}
	m.stat = fileStat{}
	return m
}

// chunk returns chunk i of data.
func chunk(m *Manifest, data []byte, i int) []byte {
	return data[m.offset(i) : m.offset(i)+int64(m.Len(i))]
}

// fill writes all chunks.
func fill(t testing.TB, p *Partial, data []byte) {
	t.Helper()
	for i := range p.Manifest().Count() {
		if err := p.WriteChunk(i, chunk(p.Manifest(), data, i)); err != nil {
			t.Fatal(err)
		}
	}
}

func names(entries []Entry) []wire.FileName {
	var out []wire.FileName
	for _, e := range entries {
		out = append(out, e.Name)
	}
	return out
}

func mustRead(t testing.TB, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes that differ from the %d wanted", path, len(got), len(want))
	}
}

func TestOpenMakesTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, dir)
	if info, err := os.Stat(s.Dir()); err != nil || !info.IsDir() {
		t.Fatalf("%v, %v", info, err)
	}
	if got := s.Path("x/y"); got != filepath.Join(dir, "x/y") {
		t.Fatal(got)
	}
}

func TestAFilesDirectoryThatCannotBeWrittenIsServed(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "f", []byte("hello"))
	put(t, dir, ownDir, []byte("a file where the store's directory would be"))
	s := open(t, dir)
	m, err := s.Manifest(context.Background(), "f")
	if err != nil || m.Size != 5 {
		t.Fatal(m, err)
	}
}
