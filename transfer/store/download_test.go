package store

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"minimega/mesh/wire"
)

func downloadStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func openDownload(t *testing.T, s *Store, name wire.FileName) *Download {
	t.Helper()
	d, err := s.OpenDownload(name, "http://host/"+string(name))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustWrite(t *testing.T, d *Download, text string) {
	t.Helper()
	if _, err := d.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// transfers returns the transfer directories in dir.
func transfers(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "transfer_*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestADownloadHasItsNameOnlyWhenItIsWhole(t *testing.T) {
	dir := t.TempDir()
	s := downloadStore(t, dir)
	d := openDownload(t, s, "a/b/file")
	if len(transfers(t, dir)) != 0 {
		t.Fatal("there is a directory before anything is known to come")
	}
	if err := d.Begin(Stamp{Size: 6, Tag: `"x"`}); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, d, "abc")
	if err := d.Publish(wire.Meta{Mode: 0o644}, nil); !errors.Is(err, ErrIncomplete) {
		t.Fatalf("half a file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); !os.IsNotExist(err) {
		t.Fatalf("its directory is there already: %v", err)
	}
	mustWrite(t, d, "def")
	if _, err := d.Write([]byte("g")); !errors.Is(err, ErrTooLong) {
		t.Fatalf("a byte too many: %v", err)
	}
	modified := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := d.Publish(wire.Meta{Mode: 0o640, ModTime: modified.UnixNano()}, nil); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "a/b/file"))
	if err != nil || string(got) != "abcdef" {
		t.Fatalf("%q, %v", got, err)
	}
	info, err := os.Stat(filepath.Join(dir, "a/b/file"))
	if err != nil || !info.ModTime().Equal(modified) || info.Mode() != 0o640 {
		t.Fatalf("%v %v, %v", info.Mode(), info.ModTime(), err)
	}
	if left := transfers(t, dir); len(left) != 0 || !s.Holds("a/b/file") || s.Holds("a/b") {
		t.Fatalf("left %v", left)
	}
}

func TestADownloadGoesOnAfterAKillWhereItsRecordSays(t *testing.T) {
	dir := t.TempDir()
	s := downloadStore(t, dir)
	d := openDownload(t, s, "file")
	stamp := Stamp{Size: 9, Tag: `"x"`, Modified: 7}
	if err := d.Begin(stamp); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, d, "abc")
	if err := d.sync(); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, d, "zzz") // never synced
	_, _ = d.data.Close(), d.lock.Close()

	s = downloadStore(t, dir)
	if left, err := s.Leftovers(); err != nil || len(left) != 0 || len(transfers(t, dir)) != 1 {
		t.Fatalf("%v, %v, %v", left, err, transfers(t, dir))
	}
	if other := openDownload(t, s, "other"); other.Held() != 0 {
		t.Fatal("another name took it up")
	}
	d = openDownload(t, s, "file")
	if d.Held() != 3 || d.Stamp() != stamp {
		t.Fatalf("%d of %+v", d.Held(), d.Stamp())
	}
	if twice := openDownload(t, s, "file"); twice.Held() != 0 {
		t.Fatal("two have it at a time")
	}
	mustWrite(t, d, "defghi")
	if err := d.Publish(wire.Meta{Mode: 0o644}, nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "file")); string(got) != "abcdefghi" {
		t.Fatalf("%q", got)
	}
	if left := transfers(t, dir); len(left) != 0 {
		t.Fatalf("left %v", left)
	}
}

func TestWhatOfADownloadCannotGoOnIsRemoved(t *testing.T) {
	dir := t.TempDir()
	s := downloadStore(t, dir)
	closed := openDownload(t, s, "closed")
	if err := closed.Begin(Stamp{Size: -1}); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, closed, "abc")
	if err := errors.Join(closed.Close(), closed.Close()); err != nil {
		t.Fatal(err)
	}
	if left := transfers(t, dir); len(left) != 0 {
		t.Fatalf("without a tag, Close left %v", left)
	}
	for name, age := range map[wire.FileName]time.Duration{"untagged": 0, "old": recordAge + time.Hour} {
		d := openDownload(t, s, name)
		if err := d.Begin(Stamp{Size: -1, Tag: strings.Repeat(`"x"`, int(min(age, 1)))}); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, d, "abc")
		if err := d.sync(); err != nil {
			t.Fatal(err)
		}
		if age > 0 {
			when := time.Now().Add(-age)
			if err := os.Chtimes(filepath.Join(dir, d.dir, recordName), when, when); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = d.data.Close(), d.lock.Close()
	}
	if _, err := s.Leftovers(); err != nil || len(transfers(t, dir)) != 0 {
		t.Fatalf("left %v, %v", transfers(t, dir), err)
	}
}

func TestADownloadThatDoesNotFitIsRefusedBeforeItIsMade(t *testing.T) {
	dir := t.TempDir()
	d := openDownload(t, downloadStore(t, dir), "file")
	var full *NoSpaceError
	if err := d.Begin(Stamp{Size: 1 << 50, Tag: `"x"`}); !errors.As(err, &full) {
		t.Fatalf("1 PiB: %v", err)
	}
	if left := transfers(t, dir); len(left) != 0 {
		t.Fatalf("left %v", left)
	}
}

func TestADownloadHasNoNameOfTheStoresOwn(t *testing.T) {
	s := downloadStore(t, t.TempDir())
	for _, name := range []wire.FileName{"", "transfer_1/data", ".minimega/hashes", "../x", "a//b"} {
		if _, err := s.OpenDownload(name, "x"); !errors.Is(err, wire.ErrBadName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func FuzzDownloadRecord(f *testing.F) {
	f.Add([]byte(`{"v":1,"name":"a/b","source":"http://h/a/b","stamp":{"size":9,"tag":"\"x\"","modified":1},"held":3}`))
	f.Add([]byte(`{"v":1,"name":"../b","source":"","stamp":{"size":-1,"tag":"x"},"held":-3}`))
	f.Add([]byte(`{"v":1,"name":"b","stamp":{"size":2,"tag":"x"},"held":3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := decodeRecord(b)
		if err != nil {
			return
		}
		if rec.Held < 0 || rec.Stamp.Size >= 0 && rec.Held > rec.Stamp.Size || checkName(rec.Name) != nil || rec.Stamp.Tag == "" {
			t.Fatalf("accepted %+v", rec)
		}
	})
}
