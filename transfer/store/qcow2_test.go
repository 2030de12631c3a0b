package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// qcow2 returns the beginning of an image.
func qcow2(version uint32, backing string, edit func(b []byte)) []byte {
	b := make([]byte, 4096)
	copy(b, qcow2Magic)
	binary.BigEndian.PutUint32(b[4:], version)
	if backing != "" {
		binary.BigEndian.PutUint64(b[8:], 512)
		binary.BigEndian.PutUint32(b[16:], uint32(len(backing)))
		copy(b[512:], backing)
	}
	binary.BigEndian.PutUint32(b[20:], 16)
	if edit != nil {
		edit(b)
	}
	return b
}

func TestBackingFile(t *testing.T) {
	long := strings.Repeat("x", maxBacking)
	for _, c := range []struct {
		what string
		b    []byte
		want string
		err  error
	}{
		{"nothing", nil, "", nil},
		{"something else", []byte("hello, world"), "", nil},
		{"magic alone", []byte(qcow2Magic), "", ErrBacking},
		{"no backing file", qcow2(3, "", nil), "", nil},
		{"version 2", qcow2(2, "base.img", nil), "base.img", nil},
		{"version 3", qcow2(3, "dir/base.qcow2", nil), "dir/base.qcow2", nil},
		{"absolute", qcow2(3, "/a/b", nil), "/a/b", nil},
		{"colon in a directory", qcow2(3, "./a:b", nil), "./a:b", nil},
		{"longest", qcow2(3, long, nil), long, nil},
		{"name up to the end", qcow2(3, "base", nil)[:516], "base", nil},
		{"name cut", qcow2(3, "base", nil)[:515], "", ErrBacking},
		{"too long", qcow2(3, long+"x", nil), "", ErrBacking},
		{"version 1", qcow2(1, "base", nil), "", ErrBacking},
		{"version 4", qcow2(4, "base", nil), "", ErrBacking},
		{"raw:", qcow2(3, "raw:base", nil), "", ErrBacking},
		{"json:", qcow2(3, `json:{"driver":"nbd"}`, nil), "", ErrBacking},
		{"zero byte", qcow2(3, "a\x00b", nil), "", ErrBacking},
		{"far name", qcow2(3, "base", func(b []byte) { b[8] = 0x7f }), "", ErrBacking},
		{"name over the cluster", qcow2(3, "base", func(b []byte) { b[23] = 9 }), "", ErrBacking},
		{"huge length", qcow2(3, "base", func(b []byte) { b[16] = 0xff }), "", ErrBacking},
		{"huge clusters", qcow2(3, "base", func(b []byte) { b[20] = 0xff }), "", ErrBacking},
		{"data elsewhere", qcow2(3, "base", func(b []byte) { b[79] = 4 }), "", ErrBacking},
		{"that bit in version 2", qcow2(2, "base", func(b []byte) { b[79] = 4 }), "base", nil},
	} {
		got, err := BackingFile(bytes.NewReader(c.b))
		if got != c.want || !errors.Is(err, c.err) || (err != nil) != (c.err != nil) {
			t.Errorf("%s: %q, %v", c.what, got, err)
		}
	}
}

func TestBackingFileOfRealImages(t *testing.T) {
	tool, err := exec.LookPath("qemu-img")
	if err != nil {
		t.Skip("no qemu-img here")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(tool, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("qemu-img %q: %v\n%s", args, err, out)
		}
	}
	run("create", "-q", "-f", "qcow2", "base.qcow2", "10M")
	run("create", "-q", "-f", "raw", "base.raw", "10M")
	run("create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "v3.qcow2")
	run("create", "-q", "-f", "qcow2", "-o", "compat=0.10", "-b", "base.qcow2", "-F", "qcow2", "v2.qcow2")
	run("create", "-q", "-f", "qcow2", "-b", filepath.Join(dir, "base.raw"), "-F", "raw", "absolute.qcow2")
	run("create", "-q", "-f", "qcow2", "-o", "data_file=elsewhere.raw", "external.qcow2", "10M")
	for name, want := range map[string]string{
		"base.qcow2": "", "base.raw": "", "v2.qcow2": "base.qcow2", "v3.qcow2": "base.qcow2",
		"absolute.qcow2": filepath.Join(dir, "base.raw"),
	} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := BackingFile(f); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
		f.Close()
	}
	f, err := os.Open(filepath.Join(dir, "external.qcow2"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := BackingFile(f); !errors.Is(err, ErrBacking) {
		t.Errorf("external.qcow2: %v", err)
	}
}

// FuzzQcow2Header: whatever a header says, a name comes from within the first
// cluster, is of bounded length, and without an error is a plain path.
func FuzzQcow2Header(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte(qcow2Magic))
	f.Add(qcow2(2, "base.img", nil))
	f.Add(qcow2(3, "dir/base.qcow2", nil))
	f.Add(qcow2(3, "json:{}", nil))
	f.Add(qcow2(3, "base", nil)[:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		name, err := BackingFile(bytes.NewReader(b))
		if len(name) > maxBacking || !bytes.Contains(b, []byte(name)) {
			t.Errorf("%q", name)
		}
		if err == nil && strings.ContainsRune(name, 0) {
			t.Errorf("%q", name)
		}
	})
}
