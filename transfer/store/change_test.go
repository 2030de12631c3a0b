package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"minimega/mesh/wire"
)

func TestDelete(t *testing.T) {
	for _, c := range []struct {
		typed        string
		gone, stayed []string
	}{
		{"a.txt", []string{"a.txt"}, []string{"b.img", "to-file"}},
		{"*.txt", []string{"a.txt", "br1.txt", "br[1].txt"}, []string{"b.img"}},
		{"br[1].txt", []string{"br[1].txt"}, []string{"br1.txt"}},
		{"d", []string{"d"}, []string{"a.txt", "to-dir"}},
		{"to-dir", []string{"to-dir"}, []string{"d/x"}},
		{"to-dir/x", []string{"d/x"}, []string{"d/y"}},
		{"out-dir", []string{"out-dir"}, []string{"../outside/secret"}},
		{"out-dir/secret", nil, []string{"../outside/secret"}},
		{"../outside", nil, []string{"../outside/secret"}},
		{"transfer_9", nil, []string{"transfer_9/data"}},
		{"transfer_9/data", nil, []string{"transfer_9/data"}},
		{"to-own", []string{"to-own"}, []string{"transfer_9/data"}},
		{".minimega/own", nil, []string{".minimega/own"}},
		{"nothing", nil, []string{"a.txt"}},
		{"/", []string{"a.txt", "d", "fifo", "socket", "out-dir"}, []string{".", "transfer_9/data", ".minimega/own", "../outside/secret"}},
		{".", []string{"a.txt", "empty"}, []string{".", "transfer_9/data"}},
		{"*", []string{"a.txt", "loop"}, []string{".", "transfer_9/journal"}},
	} {
		files, _ := tree(t)
		if err := open(t, files).Delete(c.typed); err != nil {
			t.Errorf("%q: %v", c.typed, err)
		}
		for _, name := range c.gone {
			if _, err := os.Lstat(filepath.Join(files, name)); !os.IsNotExist(err) {
				t.Errorf("%q left %s: %v", c.typed, name, err)
			}
		}
		for _, name := range c.stayed {
			if _, err := os.Lstat(filepath.Join(files, name)); err != nil {
				t.Errorf("%q: %v", c.typed, err)
			}
		}
	}
}

func TestDirectoriesKeepPermissionsAndTime(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	e := Entry{Name: "a/b", Kind: Dir, Meta: wire.Meta{Mode: 0o2551, ModTime: 1e18 + 7}}
	if err := s.MakeDir(e); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "a/b/inside", nil)
	if err := errors.Join(s.MakeDir(e), s.FinishDir(e)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "a/b"))
	if err != nil || info.Mode() != os.ModeDir|0o551 || !info.ModTime().Equal(time.Unix(0, 1e18+7)) {
		t.Fatal(info.Mode(), info.ModTime(), err)
	}
	put(t, dir, "file", nil)
	for _, name := range []wire.FileName{"file", "file/below"} {
		if err := s.MakeDir(Entry{Name: name}); !errors.Is(err, ErrInTheWay) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLinksStayInside(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, dir, "d/e/f", nil)
	link(t, dir, ".", "d/here")
	for _, c := range []struct {
		name   wire.FileName
		target string
		want   error
	}{
		{"l", "d/e/f", nil},
		{"l", "d/e", nil}, // replaces
		{"l", "not/there/yet", nil},
		{"d/e/l", "../../d", nil},
		{"d/e/root", "../..", nil},
		{"new/dir/l", "../x", nil},
		{"l", "../x", wire.ErrNotRegular},
		{"l", "/etc/passwd", wire.ErrNotRegular},
		{"l", "", wire.ErrNotRegular},
		{"d/e/l", "../../../x", wire.ErrNotRegular},
		{"d/here/here/l", "../../x", wire.ErrNotRegular}, // really d/l
		{"l", "d/../../x", wire.ErrBadName},
		{"l", "d/./e", wire.ErrBadName},
		{"l", "a\x1b[2J", wire.ErrBadName},
		{"l", "transfer_5/data", wire.ErrBadName},
		{"l", ".minimega/hashes", wire.ErrBadName},
		{"transfer_5", "d", wire.ErrBadName},
		{"d/e", "f", ErrInTheWay},
		{"d/e/f", "../e", ErrInTheWay},
	} {
		err := s.MakeLink(Entry{Name: c.name, Kind: Link, Target: c.target})
		if !errors.Is(err, c.want) {
			t.Errorf("%s to %q: %v, want %v", c.name, c.target, err, c.want)
		}
		if c.want == nil {
			if got, err := os.Readlink(filepath.Join(dir, string(c.name))); got != c.target {
				t.Errorf("%s: %q, %v", c.name, got, err)
			}
		}
	}
}
