package archive

import (
	"archive/tar"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestADirectoryThatIsThereIsReturnedAtOnceAlsoAfterARestart(t *testing.T) {
	b := newBench(t)
	dir, _, err := b.unpack(t, "x.tar", pack(t, rootfs()...))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "mine"), []byte("by the user"))
	for _, u := range []*Unpacker{b.Unpacker, b.start(t)} {
		b.Unpacker = u
		again, warning, err := b.ask(t, "x.tar")
		if again != dir || warning != "" || err != nil {
			t.Error(again, warning, err)
		}
		if got := content(t, dir, "mine"); got != "by the user" {
			t.Error(got)
		}
	}
}

func TestAnArchiveOfTheSameBytesIsNotUnpackedAgain(t *testing.T) {
	b := newBench(t)
	packed := pack(t, rootfs()...)
	dir, _, err := b.unpack(t, "x.tar", packed)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(b.files, "x.tar")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.unpack(t, "x.tar", packed); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(dir)
	if err != nil || !os.SameFile(before, after) {
		t.Error("unpacked again", err)
	}
}

func TestAChangedArchiveTakesThePlaceOfWhatNobodyTouched(t *testing.T) {
	b := newBench(t)
	for _, body := range []string{"one", "two", "three"} {
		dir, warning, err := b.unpack(t, "x.tar", pack(t, entry{name: "d/a", body: body}, entry{name: "d/ro/", mode: 0o555}, entry{name: "d/" + body}))
		if err != nil || warning != "" || content(t, dir, "a") != body {
			t.Fatal(dir, warning, err)
		}
		nodes, err := os.ReadDir(dir)
		if err != nil || len(nodes) != 3 {
			t.Error(nodes, err)
		}
	}
	b.unharmed(t)
}

func TestNothingOfTheUsersIsLost(t *testing.T) {
	touch := map[string]func(t *testing.T, dir string){
		"a new file":       func(t *testing.T, dir string) { put(t, filepath.Join(dir, "etc/mine"), nil) },
		"a changed file":   func(t *testing.T, dir string) { put(t, filepath.Join(dir, "a"), []byte("bbb")) },
		"a changed mode":   func(t *testing.T, dir string) { must(t, os.Chmod(filepath.Join(dir, "a"), 0o600)) },
		"a directory mode": func(t *testing.T, dir string) { must(t, os.Chmod(filepath.Join(dir, "etc"), 0o700)) },
		"a removed file":   func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "a"))) },
		"a file of the same size and time": func(t *testing.T, dir string) {
			put(t, filepath.Join(dir, "a"), []byte("zzz"))
			must(t, os.Chtimes(filepath.Join(dir, "a"), old, old))
		},
	}
	for name, change := range touch {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			dir, _, err := b.unpack(t, "x.tar", pack(t, entry{name: "d/a", body: "aaa"}, entry{name: "d/etc/"}))
			must(t, err)
			change(t, dir)
			before := sumTree(t, dir)
			_, _, err = b.unpack(t, "x.tar", pack(t, entry{name: "d/a", body: "new"}))
			if !errors.Is(err, ErrTouched) {
				t.Error(err)
			}
			if sumTree(t, dir) != before {
				t.Error("it has changed")
			}
			must(t, os.Rename(dir, dir+".mine"))
			dir, warning, err := b.ask(t, "x.tar")
			if err != nil || warning != "" || content(t, dir, "a") != "new" {
				t.Error(dir, warning, err)
			}
			if sumTree(t, dir+".mine") != before {
				t.Error("it has changed")
			}
			b.unharmed(t)
		})
	}
}

func TestADirectoryOfTheUsersIsUsedAsItIs(t *testing.T) {
	b := newBench(t)
	dir := filepath.Join(b.files, "d")
	put(t, filepath.Join(dir, "mine"), []byte("by the user"))
	before := sumTree(t, dir)
	for _, body := range []string{"one", "one", "two"} {
		got, warning, err := b.unpack(t, "x.tar", pack(t, entry{name: "d/a", body: body}))
		if got != dir || err != nil || !strings.Contains(warning, "x.tar") {
			t.Error(got, warning, err)
		}
		if sumTree(t, dir) != before {
			t.Error("it has changed")
		}
	}
	b.unharmed(t)
	must(t, os.RemoveAll(dir))
	if _, warning, err := b.ask(t, "x.tar"); err != nil || warning != "" || content(t, dir, "a") != "two" {
		t.Error(warning, err)
	}
	// Made anew under the name of what was unpacked, it is the user's again.
	must(t, os.RemoveAll(dir))
	put(t, filepath.Join(dir, "mine"), []byte("again"))
	if _, warning, err := b.unpack(t, "x.tar", pack(t, entry{name: "d/a", body: "three"})); err != nil || warning == "" {
		t.Error(warning, err)
	}
	if got := content(t, dir, "mine"); got != "again" {
		t.Error(got)
	}
}

func TestWhatIsNoDirectoryIsInTheWay(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"file":     func(name string) error { return os.WriteFile(name, []byte("mine"), 0o644) },
		"link out": func(name string) error { return os.Symlink("../outside", name) },
		"dangling": func(name string) error { return os.Symlink("none", name) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			must(t, make(filepath.Join(b.files, "d")))
			if _, _, err := b.unpack(t, "x.tar", pack(t, entry{name: "d/secret"})); !errors.Is(err, ErrInTheWay) {
				t.Error(err)
			}
			if got := sumTree(t, b.outside); got != b.sum {
				t.Error("the tree outside has changed")
			}
		})
	}
}

func TestAnArchiveElsewhereIsUnpackedBesideItself(t *testing.T) {
	b := newBench(t)
	elsewhere := t.TempDir()
	archive := filepath.Join(elsewhere, "x.tar")
	put(t, archive, pack(t, rootfs()...))
	for range 2 {
		dir, warning, err := b.Unpack(t.Context(), archive, nil)
		if err != nil || warning != "" || dir != filepath.Join(elsewhere, "containerfs") {
			t.Fatal(dir, warning, err)
		}
		checkRootfs(t, dir)
	}
	nodes, err := os.ReadDir(elsewhere)
	if err != nil || len(nodes) != 2 {
		t.Error(nodes, err)
	}
}

func TestManyAtOnceUnpackOnce(t *testing.T) {
	b := newBench(t)
	put(t, filepath.Join(b.files, "x.tar"), pack(t, rootfs()...))
	other := b.start(t) // as another process would
	var all sync.WaitGroup
	var mu sync.Mutex
	inodes := map[uint64]bool{}
	for i := range 20 {
		u := []*Unpacker{b.Unpacker, other}[i%2]
		all.Go(func() {
			dir, warning, err := u.Unpack(t.Context(), filepath.Join(b.files, "x.tar"), nil)
			if err != nil || warning != "" {
				t.Error(warning, err)
				return
			}
			is, err := madeOf(b.root, filepath.Base(dir))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			inodes[is.Inode] = true
		})
	}
	all.Wait()
	if len(inodes) != 1 {
		t.Errorf("unpacked %d times", len(inodes))
	}
	b.unharmed(t)
}

// slowly is an archive that takes a while, and how long until one who waits
// sees it at work.
func slowly(t *testing.T, b *bench) string {
	t.Helper()
	names := many(20_000, func(i int) string { return "d/" + strings.Repeat("x", i%200+1) + "/a" })
	put(t, filepath.Join(b.files, "x.tar"), pack(t, names...))
	return filepath.Join(b.files, "x.tar")
}

func TestAnUnpackingThatNobodyWaitsForLeavesNothing(t *testing.T) {
	b := newBench(t)
	archive := slowly(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := b.Unpack(ctx, archive, func(progress func() (int64, int64)) func() {
		if _, total := progress(); total == 0 {
			t.Error("no size is known")
		}
		cancel()
		return func() {}
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	p, err := b.at(t.Context(), archive) // waits for its end
	must(t, err)
	must(t, p.close())
	b.unharmed(t)
	b.nothing(t, "x.tar")
}

func TestOneWhoLeavesDoesNotEndItForTheOthers(t *testing.T) {
	b := newBench(t)
	archive := slowly(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	began := make(chan struct{})
	stays := make(chan error, 1)
	go func() {
		_, _, err := b.Unpack(t.Context(), archive, func(func() (int64, int64)) func() { close(began); return func() {} })
		stays <- err
	}()
	<-began
	_, _, err := b.Unpack(ctx, archive, func(func() (int64, int64)) func() { cancel(); return func() {} })
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-stays; err != nil {
		t.Error(err)
	}
}

func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	b := newBench(t)
	elsewhere := t.TempDir()
	out := filepath.Join(elsewhere, "x.tar")
	put(t, out, pack(t, entry{name: "d/a"}))
	in := filepath.Join(b.files, "x.tar")
	put(t, in, pack(t, entry{name: "d/a"}))
	var left []string
	for _, archive := range []string{in, out} {
		p, err := b.at(t.Context(), archive)
		must(t, err)
		must(t, record{Path: archive}.write(p.own))
		must(t, p.work.MkdirAll(p.workName+"/d/ro", 0o700))
		must(t, p.work.Chmod(p.workName+"/d/ro", 0o500))
		left = append(left, filepath.Join(p.work.Name(), p.workName))
		must(t, p.close())
	}
	forgotten := filepath.Join(b.files, ownDir, keyOf("/none/x.tar"))
	put(t, filepath.Join(forgotten, "new/a"), nil)
	b.Unpacker = b.start(t)
	if _, _, err := b.ask(t, "x.tar"); err != nil { // Run sweeps before that
		t.Fatal(err)
	}
	for _, name := range append(left, forgotten) {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADamagedRecordIsNone(t *testing.T) {
	b := newBench(t)
	_, _, err := b.unpack(t, "x.tar", pack(t, entry{name: "d/a"}))
	must(t, err)
	name := filepath.Join(b.files, ownDir, keyOf(filepath.Join(b.files, "x.tar")), recordName)
	whole := content(t, name)
	for at := range len(whole) {
		for _, text := range []string{whole[:at], whole[:at] + string(whole[at]^1) + whole[at+1:]} {
			if rec, err := decodeRecord(text); err == nil {
				t.Fatalf("%q is taken for %+v", text, rec)
			}
		}
	}
	put(t, name, []byte("junk"))
	if _, warning, err := b.ask(t, "x.tar"); err != nil || warning == "" {
		t.Error(warning, err)
	}
}

func TestOnlyFilesAreArchives(t *testing.T) {
	b := newBench(t)
	must(t, os.Mkdir(filepath.Join(b.files, "dir"), 0o755))
	must(t, os.Symlink("../outside/secret", filepath.Join(b.files, "out")))
	for name, want := range map[string]error{"dir": ErrFormat, "none": fs.ErrNotExist, "no/where": fs.ErrNotExist, ".minimega/x": fs.ErrNotExist} {
		if _, _, err := b.ask(t, name); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if dir, _, err := b.ask(t, "out"); err == nil {
		t.Error(dir)
	}
	if kept, err := os.ReadDir(filepath.Join(b.files, ownDir)); err == nil && len(kept) > 0 {
		t.Error(kept)
	}
}

func TestALinkToAnArchiveIsOne(t *testing.T) {
	b := newBench(t)
	put(t, filepath.Join(b.files, "y.tar"), pack(t, entry{name: "d/a"}))
	must(t, os.Mkdir(filepath.Join(b.files, "sub"), 0o755))
	must(t, os.Symlink("../y.tar", filepath.Join(b.files, "sub/x.tar")))
	if dir, _, err := b.ask(t, "sub/x.tar"); err != nil || dir != filepath.Join(b.files, "sub/d") {
		t.Error(dir, err)
	}
}

func TestADiskWithoutRoomIsNotBegun(t *testing.T) {
	limits := LimitsFor(1<<20, 1000)
	root, err := os.OpenRoot(t.TempDir())
	must(t, err)
	_, err = Extract(t.Context(), strings.NewReader(string(pack(t, entry{name: "d/a", kind: tar.TypeReg, body: strings.Repeat("x", 1001)}))), root, limits)
	if !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "no space") {
		t.Error(err)
	}
}

func TestEndingTheUnpackerEndsWhatIsUnderWay(t *testing.T) {
	b := newBench(t)
	archive := slowly(t, b)
	u, err := New(b.cfg)
	must(t, err)
	run, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- u.Run(run) }()
	_, _, err = u.Unpack(t.Context(), archive, func(func() (int64, int64)) func() { stop(); return func() {} })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("Run has not ended")
	}
	b.unharmed(t)
	b.nothing(t, "x.tar")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
