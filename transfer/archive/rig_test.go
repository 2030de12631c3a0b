package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// entry is one entry of an archive made for a test.
type entry struct {
	name string
	kind byte   // 0: a directory where name ends in a slash, else a file
	body string // of a file; the target of a link
	mode int64  // 0: 0644 or 0755
	pax  map[string]string
}

var old = time.Date(2016, 3, 22, 12, 0, 0, 0, time.UTC)

// header returns e as tar has it.
func (e entry) header() *tar.Header {
	h := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: e.mode, ModTime: old, Size: int64(len(e.body)), PAXRecords: e.pax}
	if e.kind == 0 {
		h.Typeflag = tar.TypeReg
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
	}
	if h.Mode == 0 {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeDir {
			h.Mode = 0o755
		}
	}
	switch h.Typeflag {
	case tar.TypeSymlink, tar.TypeLink:
		h.Linkname, h.Size = e.body, 0
	case tar.TypeXGlobalHeader:
		h.Size, h.Mode, h.ModTime = 0, 0, time.Time{}
	}
	return h
}

// pack returns a tar archive.
func pack(t testing.TB, all ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range all {
		h := e.header()
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(e.name, err)
		}
		if h.Typeflag == tar.TypeReg && h.Size > 0 {
			if _, err := io.WriteString(w, e.body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// edit changes the first header of an archive that holds name, and mends its
// checksum.
func edit(t testing.TB, b []byte, name string, change func(block []byte)) []byte {
	t.Helper()
	b = bytes.Clone(b)
	for at := 0; at+tarBlock <= len(b); at += tarBlock {
		block := b[at : at+tarBlock]
		if !bytes.HasPrefix(block, append([]byte(name), 0)) {
			continue
		}
		change(block)
		copy(block[148:156], "        ")
		sum := 0
		for _, c := range block {
			sum += int(c)
		}
		copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
		return b
	}
	t.Fatalf("no header of %s", name)
	return nil
}

// through compresses b with a program of this machine.
func through(t testing.TB, b []byte, program string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(program, "is not installed")
	}
	c := exec.Command(program, append(args, "-c")...)
	c.Stdin = bytes.NewReader(b)
	out, err := c.Output()
	if err != nil {
		t.Fatal(program, err)
	}
	return out
}

// bench is a files directory with an Unpacker at work, beside a tree that must
// stay as it is.
type bench struct {
	*Unpacker
	files, outside string
	sum            string // of outside
}

func newBench(t testing.TB) *bench {
	t.Helper()
	top := t.TempDir()
	b := &bench{files: filepath.Join(top, "files"), outside: filepath.Join(top, "outside")}
	for name, body := range map[string]string{"secret": "sentinel", "d/deep": "sentinel too"} {
		put(t, filepath.Join(b.outside, name), []byte(body))
	}
	if err := os.Mkdir(b.files, 0o755); err != nil {
		t.Fatal(err)
	}
	b.sum = sumTree(t, b.outside)
	b.Unpacker = b.start(t)
	return b
}

// start runs an Unpacker until the test ends.
func (b *bench) start(t testing.TB) *Unpacker {
	t.Helper()
	u, err := New(Config{Dir: b.files, Reserved: func(name string) bool {
		first, _, _ := strings.Cut(name, "/")
		return first == ".minimega"
	}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := u.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return u
}

// unpack writes an archive called name into the files directory and asks for
// what it stands for.
func (b *bench) unpack(t testing.TB, name string, content []byte) (dir, warning string, err error) {
	t.Helper()
	put(t, filepath.Join(b.files, name), content)
	return b.ask(t, name)
}

func (b *bench) ask(t testing.TB, name string) (dir, warning string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	return b.Unpack(ctx, filepath.Join(b.files, name), nil)
}

// unharmed checks that nothing outside changed, that nothing in the files
// directory leads there, and that nothing half done is left.
func (b *bench) unharmed(t testing.TB) {
	t.Helper()
	if got := sumTree(t, b.outside); got != b.sum {
		t.Error("the tree outside has changed")
	}
	real, err := filepath.EvalSymlinks(b.files)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(b.files, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky|fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		if d.Name() == newDir && strings.Contains(name, ownDir) {
			t.Errorf("%s is left", name)
		}
		if d.Type() == fs.ModeSymlink {
			to, err := filepath.EvalSymlinks(name)
			if err == nil && to != real && !strings.HasPrefix(to, real+"/") {
				t.Errorf("%s leads to %s", name, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// nothing checks that the files directory shows the archive alone.
func (b *bench) nothing(t testing.TB, archive string) {
	t.Helper()
	nodes, err := os.ReadDir(b.files)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range nodes {
		if node.Name() != archive && node.Name() != ".minimega" {
			t.Errorf("%s is left", node.Name())
		}
	}
}

func put(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sumTree returns the hash of all that is in a directory: names, modes, times,
// owners and contents.
func sumTree(t testing.TB, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %v %d %v\n", strings.TrimPrefix(name, dir), info.Mode(), info.Size(), info.ModTime())
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(name)
			h.Write(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
