package shell

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"minimega/transfer"
)

// fakeArchives says what archives stand for.
type fakeArchives struct {
	dirs    map[string]string // path → directory
	warning string
	hold    bool // until ctx ends
	err     error
}

func (f *fakeArchives) Unpack(ctx context.Context, path string, watch func(func() (int64, int64)) func()) (string, string, error) {
	if f.hold {
		if watch != nil {
			defer watch(func() (int64, int64) { return 3, 7 })()
		}
		<-ctx.Done()
		return "", "", ctx.Err()
	}
	dir, ok := f.dirs[path]
	if !ok && f.err == nil {
		return "", "", fs.ErrNotExist
	}
	return dir, f.warning, f.err
}

func TestTarPrefixIsReplacedByTheDirectoryInTheArchive(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has = []string{"containerfs.tar.gz", "sub/a.tar", "sub/b.tar"}
	elsewhere := filepath.Join(t.TempDir(), "x.tar")
	if err := os.WriteFile(elsewhere, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	archives := &fakeArchives{dirs: map[string]string{
		"/files/containerfs.tar.gz": "/files/containerfs", "/files/sub/a.tar": "/files/sub/a", "/files/sub/b.tar": "/files/sub/b",
		elsewhere: "/elsewhere/x",
	}}
	n.cfg.Archives = archives
	var warned []string
	c := NewClient(nil, func(text string) { warned = append(warned, text) })
	for _, tt := range []struct{ line, want string }{
		{"vm config filesystem tar:containerfs.tar.gz", ""},
		{"vm config filesystem", "[/files/containerfs]\n"},
		{"echo TAR:sub/a.tar x=tar:sub/a.tar", "foo: /files/sub/a x=tar:sub/a.tar\n"},
		{"echo tar:sub/*", "foo: /files/sub/a /files/sub/b\n"},
		{"echo tar:/sub/a.tar tar:/files/sub/b.tar", "foo: /files/sub/a /files/sub/b\n"},
		{"echo tar:" + elsewhere, "foo: /elsewhere/x\n"},
		{"echo tar:/else/none.tar", "Error (foo): tar /else/none.tar: file not found, neither on this node nor in the mesh\n"},
		{"vm config filesystem tar:none.tar", "Error (foo): get none.tar: file not found\n"},
		{"echo tar:", "Error (foo): get: must name a file, a directory or a glob, but names no file: * is all there is\n"},
		{".preprocess false echo tar:containerfs.tar.gz", "foo: tar:containerfs.tar.gz\n"},
		{"vm config disk tar:sub/a.tar,virtio", ""},
		{"vm config disk", "[/files/sub/a,virtio]\n"},
		{"vm config filesystem", "[/files/containerfs]\n"},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
	warned = nil // of paths where nothing is
	archives.warning = "the user's"
	expect(t, n.run(t, c, "echo tar:sub/a.tar"), "foo: /files/sub/a\n")
	if strings.Join(warned, "|") != "the user's" {
		t.Error(warned)
	}
	archives.err = errors.New("is cut short")
	expect(t, n.run(t, c, "echo tar:sub/a.tar"), "Error (foo): tar a.tar: is cut short\n")
}

func TestInterruptEndsAnUnpacking(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has = []string{"big.tar"}
	n.cfg.Archives = &fakeArchives{hold: true}
	ctx, cancel := context.WithCancel(t.Context())
	c := NewClient(func(rows func() []transfer.Progress) func() {
		if got := rows()[0]; got.Name != "big.tar" || got.BytesDone != 3 || got.BytesTotal != 7 || got.State != "unpacking" {
			t.Errorf("progress %+v", got)
		}
		cancel()
		return func() {}
	}, nil)
	var got string
	n.Exec(ctx, c, "vm config filesystem tar:big.tar", func(r Result) { got += r.Responses[0].Error })
	expect(t, got, "tar big.tar: interrupted: nothing was unpacked")
	expect(t, n.run(t, c, "vm config filesystem"), "")
}
