package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// fuzzMemory bounds what the extraction of one small archive may hold, in
// bytes: decoders' windows, and names.
const fuzzMemory = 2*maxWindow + 64<<20

// Whatever bytes an archive holds, nothing outside its directory changes, what
// is in it leads nowhere else and has no special mode, memory is bounded, and
// what is reported as whole has its top-level directory.
func FuzzTarExtract(f *testing.F) {
	small := slices.DeleteFunc(rootfs(), func(e entry) bool { return len(e.body) > 1<<10 })
	plain := pack(f, small...)
	seeds := [][]byte{
		plain, nil, plain[:700],
		through(f, plain, "gzip"), through(f, plain, "bzip2"), through(f, plain, "xz"), through(f, plain, "zstd", "-q"),
		through(f, plain, "xz", "--block-size=1024", "--check=sha256"),
		pack(f, entry{name: "d/l", kind: tar.TypeSymlink, body: "../../outside"}, entry{name: "d/l/secret", body: "x"}),
		pack(f, entry{name: "d/e/l", kind: tar.TypeSymlink, body: "../.."}, entry{name: "d/m", kind: tar.TypeSymlink, body: "e/l/../outside"}),
		pack(f, entry{name: "d/a"}, entry{name: "d/h", kind: tar.TypeLink, body: "d/a"}, entry{name: "d/h", body: "y"}),
		pack(f, entry{name: "../outside/secret", body: "x"}),
		sparse(f, "1073741824", "1", "536870912,1"),
	}
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		b := &bench{files: filepath.Join(t.TempDir(), "files"), outside: filepath.Join(t.TempDir(), "outside")}
		put(t, filepath.Join(b.outside, "secret"), []byte("sentinel"))
		must(t, os.Mkdir(b.files, 0o700))
		b.sum = sumTree(t, b.outside)
		root, err := os.OpenRoot(b.files)
		must(t, err)
		defer root.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		limits := LimitsFor(int64(len(packed)), 1<<30)
		limits.Stream = 4 << 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		top, err := Extract(ctx, bytes.NewReader(packed), root, limits)
		runtime.ReadMemStats(&after)
		if grown := after.Sys - before.Sys; grown > fuzzMemory {
			t.Errorf("took %d bytes", grown)
		}
		b.unharmed(t)
		if err != nil {
			return
		}
		nodes, err := os.ReadDir(b.files)
		if err != nil || len(nodes) != 1 || nodes[0].Name() != top || !nodes[0].IsDir() {
			t.Errorf("%q is reported, %v is there: %v", top, nodes, err)
		}
	})
}
