package disk

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// need skips the test where qemu-img is missing.
func need(t *testing.T) Images {
	t.Helper()
	if _, err := exec.LookPath(Program); err != nil {
		t.Skip(err)
	}
	return Images{Dir: t.TempDir()}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// chain returns the formats, sizes and backing names of an image and those
// below it.
func chain(t *testing.T, m Images, name string) string {
	t.Helper()
	all, err := m.Chain(t.Context(), name)
	ok(t, err)
	var b strings.Builder
	for _, i := range all {
		b.WriteString(filepath.Base(i.Image) + " " + i.Format + " " + i.Backing + "\n")
	}
	return b.String()
}

func TestImagesAreMadeAndChainedByRelativeNames(t *testing.T) {
	m, ctx := need(t), t.Context()
	ok(t, os.Mkdir(filepath.Join(m.Dir, "images"), 0o755))
	ok(t, m.Create(ctx, "qcow2", "images/nbd:base", "1M"))
	_, err := m.Snapshot(ctx, "images/nbd:base", "-top")
	ok(t, err)
	made, err := m.Snapshot(ctx, "-top", "")
	if err != nil || !strings.HasPrefix(made, "snapshot") {
		t.Fatal(made, err)
	}
	if got, want := chain(t, m, made), made+" qcow2 ./-top\n-top qcow2 ./images/nbd:base\nnbd:base qcow2 \n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	ok(t, m.Resize(ctx, "-top", "+1M"))
	ok(t, m.Commit(ctx, "-top"))
	ok(t, m.Create(ctx, "raw", "other", "2M"))
	ok(t, m.Rebase(ctx, "-top", "other"))
	ok(t, m.SetBacking(ctx, made, ""))
	ok(t, m.Rebase(ctx, "-top", ""))
	if got := chain(t, m, "-top") + chain(t, m, made); got != "-top qcow2 \n"+made+" qcow2 \n" {
		t.Error(got)
	}
	info, err := m.Info(ctx, "-top")
	if err != nil || len(info) != 1 || info[0].VirtualSize != 2<<20 || info[0].InUse {
		t.Error(info, err)
	}
	left, _ := filepath.Glob(filepath.Join(m.Dir, "*", ".disk-*"))
	if more, _ := filepath.Glob(filepath.Join(m.Dir, ".disk-*")); len(left)+len(more) > 0 {
		t.Error(left, more)
	}
}

func TestAFailedCreateLeavesWhatWasThere(t *testing.T) {
	m := need(t)
	path := filepath.Join(m.Dir, "a")
	ok(t, os.WriteFile(path, []byte("mine"), 0o600))
	if err := m.Create(t.Context(), "qcow2", "a", "9999999P"); err == nil || !strings.Contains(err.Error(), "[image "+path+"]") {
		t.Error(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
		t.Error(string(text), err)
	}
	if all, _ := os.ReadDir(m.Dir); len(all) != 1 {
		t.Error(all)
	}
}

func TestNamesAndSizesAreCheckedBeforeAnythingRuns(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	m, ctx := Images{Dir: t.TempDir()}, t.Context()
	for name, want := range map[string]error{"": ErrName, "../x": ErrName, ".": ErrName, "a/../../x": ErrName, "a": ErrMissing, "/abs/x": ErrMissing} {
		if _, err := m.Info(ctx, name); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, size := range []string{"", "-1G", "1X", "--help", "1G extra", "G", "+1G"} {
		if err := m.Create(ctx, "raw", "a", size); !errors.Is(err, ErrSize) {
			t.Errorf("%q: %v", size, err)
		}
	}
	if err := m.Resize(ctx, "a", "+1G"); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	if err := m.Create(ctx, "raw", "a", "1.5G"); !errors.Is(err, ErrMissing) || !errors.Is(err, exec.ErrNotFound) {
		t.Error(err)
	}
}

func TestFailuresSayWhichImageAndWhatQemuSaid(t *testing.T) {
	m := need(t)
	_, err := m.Info(t.Context(), "none")
	var failed *Error
	if !errors.As(err, &failed) || failed.Image != filepath.Join(m.Dir, "none") || !strings.Contains(failed.Text, "No such file") {
		t.Error(err)
	}
	if _, err := m.Snapshot(t.Context(), "a", "./a"); !errors.Is(err, ErrName) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Info(ctx, "none"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWhatQemuWouldOnlyHintAtIsSaid(t *testing.T) {
	m, ctx := need(t), t.Context()
	ok(t, m.Create(ctx, "raw", "a", "2M"))
	path := filepath.Join(m.Dir, "a")
	want := ", but 1M is less: shell qemu-img resize --shrink -f raw " + path + " 1M does it"
	if err := m.Resize(ctx, "a", "1M"); !errors.Is(err, ErrShrink) || !strings.HasSuffix(err.Error(), want) {
		t.Error(err)
	}
	if err := m.Commit(ctx, "a"); err == nil || !strings.Contains(err.Error(), "] Image does not have a backing file: ") {
		t.Error(err)
	}
	_, err := m.Snapshot(ctx, "a", "top")
	ok(t, err)
	all, err := m.Chain(ctx, "top")
	if err != nil || len(all) != 2 || all[1].Image != path {
		t.Error(all, err)
	}
}

func TestAnImageThatIsOpenIsInUse(t *testing.T) {
	m := need(t)
	ok(t, m.Create(t.Context(), "qcow2", "a", "1M"))
	path := filepath.Join(m.Dir, "a")
	holder := exec.Command("qemu-io", path)
	in, err := holder.StdinPipe()
	ok(t, err)
	out, err := holder.StdoutPipe()
	ok(t, err)
	if err := holder.Start(); err != nil {
		t.Skip(err)
	}
	defer holder.Wait()
	defer in.Close()
	if _, err := in.Write([]byte("length\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it has opened the image
		t.Fatal(err)
	}
	info, err := m.Info(t.Context(), "a")
	if err != nil || len(info) != 1 || !info[0].InUse {
		t.Error(info, err)
	}
	if err := m.Resize(t.Context(), "a", "+1M"); err == nil || !strings.Contains(err.Error(), "lock") {
		t.Error(err)
	}
	if err := m.Create(t.Context(), "raw", "no/such", "1M"); err == nil || !strings.Contains(err.Error(), "directory does not exist") {
		t.Error(err)
	}
}
