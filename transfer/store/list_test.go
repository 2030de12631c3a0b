package store

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"minimega/mesh/wire"
)

// tree makes a files directory with something of each kind beside a directory
// that must stay out of sight, and returns both.
func tree(t testing.TB) (files, outside string) {
	t.Helper()
	top := t.TempDir()
	files, outside = filepath.Join(top, "files"), filepath.Join(top, "outside")
	put(t, outside, "secret", []byte("sentinel"))
	for _, name := range []string{
		"a.txt", "b.img", "br[1].txt", "br1.txt", "with space", "d/x", "d/y", "d/e/z", ".hidden",
		"sub/transfer_5/mine", "transfer_/mine", "transfer_9/data", "transfer_9/journal", ".minimega/own",
	} {
		put(t, files, name, []byte(name))
	}
	if err := os.MkdirAll(filepath.Join(files, "empty"), 0o750); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"to-file": "a.txt", "to-dir": "d", "d/up": "../a.txt", "d/unclean": "e/../y", "d/dangling": "nothing",
		"out-rel": "../outside/secret", "out-abs": filepath.Join(outside, "secret"), "out-dir": "../outside",
		"out-twist": "to-dir/../../outside/secret", "loop": "loop", "to-own": "transfer_9/data", "to-root": ".",
		"d/out": "../../outside",
	} {
		link(t, files, target, name)
	}
	if err := unix.Mkfifo(filepath.Join(files, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(files, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return files, outside
}

func TestListing(t *testing.T) {
	files, _ := tree(t)
	s := open(t, files)
	all := []string{".hidden", "a.txt", "b.img", "br1.txt", "br[1].txt", "d", "empty", "sub", "to-dir", "to-file", "to-root", "transfer_", "with space"}
	below := []string{
		".hidden", "a.txt", "b.img", "br1.txt", "br[1].txt", "d/e/z", "d/unclean", "d/up", "d/x", "d/y",
		"sub/transfer_5/mine", "to-file", "transfer_/mine", "with space",
	}
	for _, c := range []struct {
		typed     string
		recursive bool
		want      []string
	}{
		{"/", false, all},
		{"", false, all},
		{"..", false, all},
		{"../../..", false, all},
		{"/", true, below},
		{"a.txt", false, []string{"a.txt"}},
		{"/../a.txt", false, []string{"a.txt"}},
		{"d", false, []string{"d/e", "d/unclean", "d/up", "d/x", "d/y"}},
		{"d/", true, []string{"d/e/z", "d/unclean", "d/up", "d/x", "d/y"}},
		{"to-dir", false, []string{"to-dir/e", "to-dir/unclean", "to-dir/up", "to-dir/x", "to-dir/y"}},
		{"*.txt", false, []string{"a.txt", "br1.txt", "br[1].txt"}},
		{"br[1].txt", false, []string{"br[1].txt"}},
		{"br[12].txt", false, []string{"br1.txt"}},
		{`br\[1].txt`, false, []string{"br[1].txt"}},
		{"*/e/z", false, []string{"d/e/z", "to-dir/e/z"}},
		{"e*", false, nil},
		{"nothing", false, nil},
		{"a.txt/below", false, nil},
		{"[", false, nil},
		{"out-rel", false, nil},
		{"out-dir", false, nil},
		{"out-dir/secret", false, nil},
		{"*/secret", false, nil},
		{"out-twist", false, nil},
		{"loop", false, nil},
		{"fifo", false, nil},
		{"transfer_9", false, nil},
		{"transfer_9/data", false, nil},
		{"transfer_*/*", false, []string{"transfer_/mine"}},
		{".minimega", true, nil},
		{"to-own", false, nil},
		{"empty", false, nil},
	} {
		got, err := s.List(c.typed, c.recursive)
		if err != nil {
			t.Errorf("%q: %v", c.typed, err)
		}
		var text []string
		for _, n := range names(got) {
			text = append(text, string(n))
		}
		if !slices.Equal(text, c.want) {
			t.Errorf("%q, recursive %v:\n got %q\nwant %q", c.typed, c.recursive, text, c.want)
		}
	}
}

func TestWhatCannotBeNamedIsCounted(t *testing.T) {
	files := t.TempDir()
	for _, name := range []string{"good", "new\nline", "latin-\xe9", "e\u0301", "dir/x", "dir/\x1b[2J", "bad\tdir/a", "bad\tdir/b"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(files, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(files, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link(t, files, "/etc", "away") // left out for another reason
	s := open(t, files)
	for _, c := range []struct {
		typed           string
		recursive       bool
		listed, unnamed int
	}{
		{"/", false, 2, 4},
		{"/", true, 2, 5}, // a directory without a name is one, whatever it holds
		{"dir", false, 1, 1},
		{"*", false, 2, 5},
		{"good", false, 1, 0},
		{"new\nline", false, 0, 1},
		{"nothing", false, 0, 0},
		{"away", false, 0, 0},
	} {
		got, err := s.Look(c.typed, c.recursive)
		if err != nil || len(got.Entries) != c.listed || got.Unnamed != c.unnamed {
			t.Errorf("%q, recursive %v: %d listed, %d not, %v", c.typed, c.recursive, len(got.Entries), got.Unnamed, err)
		}
	}
}

func TestAListedLinkIsWhatItLeadsTo(t *testing.T) {
	files, _ := tree(t)
	s := open(t, files)
	got, err := s.List("to-file", false)
	if err != nil || len(got) != 1 || got[0].Kind != File || got[0].Meta.Size != int64(len("a.txt")) {
		t.Fatal(got, err)
	}
}

func TestMatchIsWhatGetMeans(t *testing.T) {
	files, _ := tree(t)
	s := open(t, files)
	for pattern, want := range map[string]string{
		"a.txt":     "file a.txt",
		"/a.txt":    "file a.txt",
		"d":         "dir d,link d/dangling>nothing,dir d/e,file d/e/z,link d/unclean>y,link d/up>../a.txt,file d/x,file d/y",
		"empty":     "dir empty",
		"to-file":   "file to-file",
		"to-dir/e":  "dir to-dir/e,file to-dir/e/z",
		"br[1].txt": "file br[1].txt",
		"br*":       "file br1.txt,file br[1].txt",
		"nothing":   "",
		"out-*":     "",
		"to-own":    "",
		"transfer*": "dir transfer_,file transfer_/mine",
	} {
		got, err := s.Match(pattern)
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
		var text []string
		for _, e := range got {
			line := e.Kind.String() + " " + string(e.Name)
			if e.Kind == Link {
				line += ">" + e.Target
			}
			text = append(text, line)
		}
		if strings.Join(text, ",") != want {
			t.Errorf("%q:\n got %s\nwant %s", pattern, strings.Join(text, ","), want)
		}
	}
	for pattern, want := range map[string]error{
		"out-rel": wire.ErrNotRegular, "out-abs": wire.ErrNotRegular, "out-dir/secret": nil,
		"fifo": wire.ErrNotRegular, "socket": wire.ErrNotRegular, "../a.txt": wire.ErrBadName, "a\x1b": wire.ErrBadName,
	} {
		if got, err := s.Match(pattern); !errors.Is(err, want) || len(got) > 0 {
			t.Errorf("%q: %v, %v", pattern, got, err)
		}
	}
}

func TestNothingOutsideIsEverServed(t *testing.T) {
	files, _ := tree(t)
	s := open(t, files)
	for _, name := range []wire.FileName{
		"out-rel", "out-abs", "out-dir/secret", "out-twist", "d/out/secret", "../outside/secret", "to-own",
		"transfer_9/data", ".minimega/own", "loop", "fifo", "socket", "d", "", "nothing", "to-root/out-rel",
	} {
		f, err := s.Source(name)
		if err == nil {
			t.Errorf("%q was opened", name)
			f.Close()
			continue
		}
		if c := wire.CodeOf(err); name != "loop" && c != wire.CodeOf(wire.ErrNotFound) && c != wire.CodeOf(wire.ErrNotRegular) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := s.Source("out-abs"); err == nil || !strings.Contains(err.Error(), "leads outside") {
		t.Error(err)
	}
}

func TestADeviceIsNotRegular(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mknod(filepath.Join(dir, "zero"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
		t.Skipf("a device cannot be made here: %v", err)
	}
	if _, err := open(t, dir).Source("zero"); !errors.Is(err, wire.ErrNotRegular) {
		t.Fatal(err)
	}
}

func TestNamesCompletes(t *testing.T) {
	files, _ := tree(t)
	s := open(t, files)
	for _, c := range []struct {
		prefix string
		limit  int
		want   []string
		total  int
	}{
		{"b", 9, []string{"b.img", "br1.txt", "br[1].txt"}, 3},
		{"b", 2, []string{"b.img", "br[1].txt"}, 3},
		{"b", 1, []string{"br[1].txt"}, 3},
		{"/b.", 9, []string{"/b.img"}, 1},
		{"d/", 9, []string{"d/e/", "d/unclean", "d/up", "d/x", "d/y"}, 5},
		{"to-", 9, []string{"to-dir/", "to-file", "to-root/"}, 3},
		{"tr", 9, []string{"transfer_/"}, 1},
		{"out", 9, nil, 0},
		{"out-dir/", 9, nil, 0},
		{"nothing/", 9, nil, 0},
		{"to-dir/", 2, []string{"to-dir/e/", "to-dir/y"}, 5},
	} {
		for range 2 { // read, and known
			if got, total := s.Names(c.prefix, c.limit); !slices.Equal(got, c.want) || total != c.total {
				t.Errorf("%q: got %q of %d, want %q of %d", c.prefix, got, total, c.want, c.total)
			}
		}
	}
}

// TestNoNameLeavesTheDirectory tries what every method makes of names put
// together from the worst parts, and then looks whether the sentinel and the
// store's own files are as they were.
func TestNoNameLeavesTheDirectory(t *testing.T) {
	parts := []string{
		"..", ".", "", "*", "?", "[", "a.txt", "d", "e", "out-dir", "out-rel", "out-abs", "to-dir", "to-root", "loop", "secret",
		"outside", "transfer_9", ".minimega", "data", "fifo", "new", "\x00", "out-*", strings.Repeat("x", 300),
	}
	rapid.Check(t, func(rt *rapid.T) {
		files, outside := tree(t)
		s := open(t, files)
		before := snapshot(t, outside)
		own := snapshot(t, filepath.Join(files, "transfer_9"))
		for range 8 {
			name := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 5).Draw(rt, "parts"), "/")
			useAll(rt, s, name)
		}
		if got := snapshot(t, outside); got != before {
			rt.Fatalf("outside: %s, was %s", got, before)
		}
		if got := snapshot(t, filepath.Join(files, "transfer_9")); got != own {
			rt.Fatalf("own: %s, was %s", got, own)
		}
	})
}

// useAll hands name to everything that takes one, and fails if the sentinel can
// be read.
func useAll(rt *rapid.T, s *Store, name string) {
	file := wire.FileName(name)
	list, _ := s.List(name, true)
	match, _ := s.Match(name)
	for _, e := range append(list, append(match, Entry{Name: file})...) {
		if f, err := s.Source(e.Name); err == nil {
			b := make([]byte, 8)
			if f.ReadAt(b, 0); string(b) == "sentinel" {
				rt.Fatalf("%q: read the sentinel as %q", name, e.Name)
			}
			f.Close()
		}
	}
	s.Names(name, 10)
	s.MakeDir(Entry{Name: file, Meta: wire.Meta{Mode: 0o755}})
	s.FinishDir(Entry{Name: file, Meta: wire.Meta{Mode: 0o755}})
	s.MakeLink(Entry{Name: file + "/l", Target: name})
	m := &Manifest{ChunkSize: wire.MinChunkSize}
	if p, err := s.Create(file, wire.Meta{Mode: 0o600}, m); err == nil {
		if p.Publish() != nil {
			p.Abandon()
		}
	}
	s.Delete(name)
}

// snapshot returns all names and contents below dir.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, path, info.Mode())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			fmt.Fprintf(&b, "%q\n", data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTenThousandFilesAreListedAtOnce(t *testing.T) {
	dir := t.TempDir()
	for d := range 100 {
		sub := filepath.Join(dir, "many", fmt.Sprint(d))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := open(t, dir)
	began := time.Now()
	got, err := s.Match("many")
	if err != nil || len(got) != 10101 {
		t.Fatal(len(got), err)
	}
	t.Logf("%d entries in %v", len(got), time.Since(began))
}
