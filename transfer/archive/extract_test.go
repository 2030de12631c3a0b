package archive

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode"
)

// rootfs is a small container's file system.
func rootfs() []entry {
	return []entry{
		{name: "containerfs/", mode: 0o750},
		{name: "containerfs/usr/bin/mawk", body: "#!awk", mode: 0o4755},
		{name: "containerfs/usr/bin/awk", kind: tar.TypeLink, body: "containerfs/usr/bin/mawk"},
		{name: "containerfs/etc/alternatives/awk", kind: tar.TypeSymlink, body: "/usr/bin/mawk"},
		{name: "containerfs/bin", kind: tar.TypeSymlink, body: "usr/bin"},
		{name: "containerfs/etc/mtab", kind: tar.TypeSymlink, body: "../proc/mounts"},
		{name: "containerfs/proc/", mode: 0o555},
		{name: "containerfs/empty"},
		{name: "containerfs/zeros", body: strings.Repeat("\x00", 1<<20) + "x"},
		{name: "containerfs/Müller", body: "umlaut", mode: 0o600},
	}
}

func TestAllCompressionsAreToldByContent(t *testing.T) {
	plain := pack(t, rootfs()...)
	for name, args := range map[string][]string{"gzip": nil, "bzip2": nil, "xz": nil, "zstd": {"-q"}, "": nil} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			packed := plain
			if name != "" {
				packed = through(t, plain, name, args...)
			}
			dir, warning, err := b.unpack(t, "named.bin", packed)
			if err != nil || warning != "" || dir != filepath.Join(b.files, "containerfs") {
				t.Fatal(dir, warning, err)
			}
			checkRootfs(t, dir)
			b.unharmed(t)
		})
	}
}

func TestFilesOfOtherProgramsAreRead(t *testing.T) {
	plain := pack(t, rootfs()...)
	small := through(t, pack(t, entry{name: "d/a", body: "a"}), "xz")
	for name, packed := range map[string][]byte{
		"gzip in two members":   append(through(t, plain[:1000], "gzip"), through(t, plain[1000:], "gzip")...),
		"xz in two streams":     append(through(t, plain[:1000], "xz"), through(t, plain[1000:], "xz")...),
		"xz in blocks":          through(t, plain, "xz", "--block-size=4096", "--check=sha256"),
		"xz -9":                 through(t, plain, "xz", "-9", "--check=none"),
		"xz that is padded":     append(bytes.Clone(small), 0, 0, 0, 0),
		"zstd in two frames":    append(through(t, plain[:1000], "zstd", "-q"), through(t, plain[1000:], "zstd", "-q")...),
		"zstd --ultra --long":   through(t, plain, "zstd", "-q", "--ultra", "-22", "--long=27"),
		"bzip2 in two streams":  append(through(t, plain[:1000], "bzip2"), through(t, plain[1000:], "bzip2")...),
		"a pax global header":   pack(t, entry{name: "pax_global_header", kind: tar.TypeXGlobalHeader, pax: map[string]string{"comment": "x"}}, entry{name: "d/a"}),
		"a dot in front":        pack(t, entry{name: "./"}, entry{name: "./d/"}, entry{name: "./d/a"}),
		"no entry of directory": pack(t, entry{name: "d/e/f/a"}),
		"an old header":         edit(t, pack(t, entry{name: "d/a"}), "d/a", func(b []byte) { clear(b[257:500]) }),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if _, _, err := b.unpack(t, "x", packed); err != nil {
				t.Fatal(err)
			}
			b.unharmed(t)
		})
	}
}

func checkRootfs(t *testing.T, dir string) {
	t.Helper()
	for name, want := range map[string]string{"usr/bin/mawk": "#!awk", "bin/awk": "#!awk", "etc/alternatives/awk": "#!awk", "empty": "", "Müller": "umlaut"} {
		if got := content(t, dir, name); got != want {
			t.Errorf("%s holds %q", name, got)
		}
	}
	for name, want := range map[string]fs.FileMode{".": 0o750 | fs.ModeDir, "usr/bin/mawk": 0o755, "proc": 0o555 | fs.ModeDir, "usr": 0o755 | fs.ModeDir, "Müller": 0o600} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v: %v", name, info.Mode(), err)
		}
		if err == nil && name != "usr" && !info.ModTime().Equal(old) {
			t.Errorf("%s: time %v", name, info.ModTime())
		}
	}
	for name, want := range map[string]string{"etc/alternatives/awk": "../../usr/bin/mawk", "bin": "usr/bin", "etc/mtab": "../proc/mounts"} {
		if got, err := os.Readlink(filepath.Join(dir, name)); got != want {
			t.Errorf("%s leads to %s: %v", name, got, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "zeros"))
	if err != nil || info.Size() != 1<<20+1 || info.Sys().(*syscall.Stat_t).Blocks*512 > 256<<10 {
		t.Errorf("zeros: %v: %v", info, err)
	}
}

func TestDuplicateNamesEndAsTarHasThem(t *testing.T) {
	b := newBench(t)
	dir, _, err := b.unpack(t, "x.tar", pack(t,
		entry{name: "d/a", body: "old"}, entry{name: "d/hard", kind: tar.TypeLink, body: "d/a"}, entry{name: "d/a", body: "new"},
		entry{name: "d/l", kind: tar.TypeSymlink, body: "nowhere"}, entry{name: "d/l", kind: tar.TypeSymlink, body: "a"},
		entry{name: "d/e/", mode: 0o700}, entry{name: "d/e/x"}, entry{name: "d/e/", mode: 0o750},
		entry{name: "d/A", body: "capital"}, entry{name: "d/second", kind: tar.TypeLink, body: "d/l"},
	))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "new", "hard": "old", "l": "new", "A": "capital", "second": "new"} {
		if got := content(t, dir, name); got != want {
			t.Errorf("%s holds %q", name, got)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "e")); err != nil || info.Mode().Perm() != 0o750 {
		t.Error(info, err)
	}
}

// sparse returns an archive with a file that is sparse as an old pax archive has
// it. The Writer makes none: it gets keys of the same length.
func sparse(t testing.TB, size, blocks, data string) []byte {
	b := pack(t, entry{name: "d/huge", body: "x", pax: map[string]string{
		"XXX.sparse.size": size, "XXX.sparse.numblocks": blocks, "XXX.sparse.map": data,
	}})
	return bytes.ReplaceAll(b, []byte("XXX.sparse"), []byte("GNU.sparse"))
}

func many(n int, name func(i int) string) []entry {
	all := make([]entry, n)
	for i := range all {
		all[i].name = name(i)
	}
	return all
}

func TestHostileArchivesAreRefusedAndLeaveNothing(t *testing.T) {
	const pebi = int64(1) << 50
	one := entry{name: "d/a", body: "a"}
	plain := pack(t, one)
	long := strings.Repeat("x", 200)
	huge := func(size int64) []byte {
		return edit(t, plain, "d/a", func(b []byte) {
			clear(b[125:136])
			b[124] = 0x80
			for i := range 8 {
				b[135-i] = byte(size >> (8 * i))
			}
		})
	}
	flag := func(c byte) []byte { return edit(t, plain, "d/a", func(b []byte) { b[156] = c }) }
	link := func(name, target string) []byte {
		return pack(t, entry{name: name, kind: tar.TypeSymlink, body: target})
	}
	hard := func(target string) []byte {
		return pack(t, one, entry{name: "d/h", kind: tar.TypeLink, body: target})
	}
	zeros := pack(t, append(many(40, func(i int) string { return "d/" + strings.Repeat("z", i+1) }), entry{name: "d/z0", body: strings.Repeat("\x00", 300<<20)})...)
	for _, tt := range []struct {
		name string
		b    []byte
		want error
	}{
		{"climbs", pack(t, entry{name: "../outside/secret", body: "x"}), ErrUnsafe},
		{"climbs inside", pack(t, entry{name: "d/../../outside/secret", body: "x"}), ErrUnsafe},
		{"climbs and comes back", pack(t, entry{name: "d/../d/a", body: "x"}), ErrUnsafe},
		{"only climbs", pack(t, entry{name: "../", kind: tar.TypeDir}), ErrUnsafe},
		{"absolute", pack(t, entry{name: "/tmp/evil", body: "x"}), ErrUnsafe},
		{"absolute twice", pack(t, entry{name: "//tmp/evil", body: "x"}), ErrUnsafe},
		{"control character", edit(t, plain, "d/a", func(b []byte) { copy(b, "d/\x1b[2J") }), ErrUnsafe},
		{"line feed", edit(t, plain, "d/a", func(b []byte) { copy(b, "d/\nx") }), ErrUnsafe},
		{"no UTF-8", edit(t, plain, "d/a", func(b []byte) { copy(b, "d/\xff") }), ErrUnsafe},
		{"right to left", pack(t, entry{name: "d/\u202ea"}), ErrUnsafe},
		{"long component", pack(t, entry{name: "d/" + strings.Repeat("x", 256)}), ErrUnsafe},
		{"long path", pack(t, entry{name: "d/" + strings.Repeat(long+"/", 6) + "a"}), ErrUnsafe},
		{"deep path", pack(t, entry{name: strings.Repeat("d/", 65) + "a"}), ErrUnsafe},
		{"link out", link("d/l", "../../outside"), ErrUnsafe},
		{"link above the top", link("d/l", ".."), ErrUnsafe},
		{"link beside the top", link("d/l", "../dd/x"), ErrUnsafe},
		{"link out in the middle", link("d/l", "a/../../../outside"), ErrUnsafe},
		{"link of nothing", edit(t, link("d/l", "x"), "d/l", func(b []byte) { b[157] = 0 }), ErrUnsafe},
		{"link with a control character", link("d/l", "a\x1b[2J"), ErrUnsafe},
		{"file below a link", pack(t, entry{name: "d/l", kind: tar.TypeSymlink, body: "e"}, entry{name: "d/e/"}, entry{name: "d/l/a", body: "x"}), ErrUnsafe},
		{"file in place of a link", pack(t, entry{name: "d/l", kind: tar.TypeSymlink, body: "/etc"}, entry{name: "d/l", body: "x"}), ErrUnsafe},
		{"link in place of a directory", pack(t, entry{name: "d/l/a"}, entry{name: "d/l", kind: tar.TypeSymlink, body: "/"}), ErrUnsafe},
		{"link in place of a file", pack(t, entry{name: "d/l"}, entry{name: "d/l", kind: tar.TypeSymlink, body: "x"}), ErrUnsafe},
		{"file below a file", pack(t, one, entry{name: "d/a/b"}), ErrUnsafe},
		{"directory in place of a file", pack(t, one, entry{name: "d/a/"}), ErrUnsafe},
		{"file in place of a directory", pack(t, entry{name: "d/a/"}, one), ErrUnsafe},
		{"two normal forms", pack(t, entry{name: "d/e\u0301"}, entry{name: "d/\u00e9"}), ErrUnsafe},
		{"hard link out", hard("../outside/secret"), ErrUnsafe},
		{"hard link to an absolute path", hard("/etc/passwd"), ErrUnsafe},
		{"hard link to what is not there", hard("d/none"), ErrUnsafe},
		{"hard link to a directory", hard("d"), ErrUnsafe},
		{"hard link to what comes later", pack(t, entry{name: "d/h", kind: tar.TypeLink, body: "d/z"}, entry{name: "d/z"}), ErrUnsafe},
		{"hard link over a link", pack(t, one, entry{name: "d/l", kind: tar.TypeSymlink, body: "/"}, entry{name: "d/l", kind: tar.TypeLink, body: "d/a"}), ErrUnsafe},
		{"block device", flag('4'), ErrUnsafe},
		{"character device", flag('3'), ErrUnsafe},
		{"pipe", flag('6'), ErrUnsafe},
		{"contiguous file", flag('7'), ErrUnsafe},
		{"unknown kind", flag('Z'), ErrUnsafe},
		{"continued volume", flag('M'), ErrUnsafe},
		{"minimega's own", pack(t, entry{name: ".minimega/archives/x"}), ErrUnsafe},
		{"two directories", pack(t, one, entry{name: "e/a"}), ErrTop},
		{"file beside the directory", pack(t, one, entry{name: "b"}), ErrTop},
		{"dot and two", pack(t, entry{name: "./"}, entry{name: "./etc/"}, entry{name: "./bin/"}), ErrTop},
		{"single file", pack(t, entry{name: "a"}), ErrTop},
		{"single link", link("d", "/"), ErrTop},
		{"top is a file and a directory", pack(t, entry{name: "d/a"}, entry{name: "d", kind: tar.TypeReg}), ErrTop},
		{"nothing", pack(t), ErrTop},
		{"only a dot", pack(t, entry{name: "./"}), ErrTop},
		{"empty file", nil, ErrFormat},
		{"a few bytes", []byte("hello"), ErrFormat},
		{"text", []byte(strings.Repeat("no archive\n", 1000)), ErrFormat},
		{"zip", append([]byte("PK\x03\x04"), make([]byte, 2000)...), ErrFormat},
		{"compressed text", through(t, []byte(strings.Repeat("no archive\n", 1000)), "gzip"), ErrFormat},
		{"claims 1 PiB", huge(pebi), ErrLimit},
		{"claims 1 GiB", huge(1 << 30), ErrLimit},
		{"claims a negative size", edit(t, plain, "d/a", func(b []byte) { copy(b[124:136], bytes.Repeat([]byte{0xff}, 12)) }), ErrFormat},
		{"sparse, claims 1 PiB", sparse(t, "1125899906842624", "1", "0,1"), ErrLimit},
		{"sparse, claims 900 GiB", sparse(t, "966367641600", "1", "0,1"), ErrLimit},
		{"sparse, overlaps", sparse(t, "9", "2", "0,1,0,1"), ErrDamaged},
		{"100,001 entries", through(t, pack(t, many(100_001, func(int) string { return "d/e/" })...), "gzip", "-1"), ErrLimit},
		{"33 MiB of names", through(t, pack(t, many(34<<10, func(int) string { return "d/" + strings.Repeat(long+"/", 5) })...), "zstd", "-q"), ErrLimit},
		{"gzip bomb", through(t, zeros, "gzip"), ErrLimit},
		{"bzip2 bomb", through(t, zeros, "bzip2"), ErrLimit},
		{"xz bomb", through(t, zeros, "xz", "-1"), ErrLimit},
		{"zstd bomb", through(t, zeros, "zstd", "-q"), ErrLimit},
		{"bomb behind the end", through(t, append(bytes.Clone(plain), make([]byte, 300<<20)...), "zstd", "-q"), ErrLimit},
		{"xz dictionary of 256 MiB", through(t, plain, "xz", "--lzma2=dict=256MiB"), ErrLimit},
		{"xz dictionary of 1 GiB in the second stream", append(through(t, plain, "xz"), through(t, plain, "xz", "--lzma2=dict=1GiB")...), ErrLimit},
		{"xz of empty blocks", emptyBlocks(t, through(t, plain, "xz", "-9")), ErrLimit},
		{"zstd window of 1 GiB", through(t, bytes.Repeat(plain, 1<<16), "zstd", "-q", "--long=30", "-1"), ErrDamaged},
		{"cut in a header", plain[:100], ErrFormat},
		{"cut in a file", pack(t, entry{name: "d/a", body: long + long + long})[:700], ErrTruncated},
		{"cut behind a file", plain[:1024], ErrTruncated},
		{"cut behind a file of zeros", pack(t, entry{name: "d/a", body: strings.Repeat("\x00", 2048)})[:2560], ErrTruncated},
		{"gzip cut", cut(through(t, plain, "gzip"), 4), ErrTruncated},
		{"bzip2 cut", cut(through(t, plain, "bzip2"), 4), ErrTruncated},
		{"xz cut", cut(through(t, plain, "xz"), 4), ErrTruncated},
		{"zstd cut", cut(through(t, plain, "zstd", "-q"), 2), ErrTruncated},
		{"gzip damaged", flip(through(t, plain, "gzip"), -6), ErrDamaged},
		{"xz damaged", flip(through(t, plain, "xz"), 40), ErrDamaged},
		{"header damaged", flip(pack(t, one, entry{name: "d/b"}), 1024+3), ErrDamaged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			_, _, err := b.unpack(t, "x", tt.b)
			if !errors.Is(err, tt.want) {
				t.Errorf("%v, not %v", err, tt.want)
			}
			if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("not fit to print: %q", err)
			}
			b.unharmed(t)
			b.nothing(t, "x")
		})
	}
}

// emptyBlocks returns the beginning of an xz file that goes on with blocks of
// nothing, each with the block header, thus the dictionary, of x.
func emptyBlocks(t testing.TB, x []byte) []byte {
	t.Helper()
	header := x[12 : 12+4*(int(x[12])+1)]
	if x[12] != 2 || len(header) != 12 {
		t.Fatalf("block header % x", header)
	}
	out := bytes.Clone(x[:12])
	out[7] = 0 // no checks
	binary.LittleEndian.PutUint32(out[8:], crc32.ChecksumIEEE(out[6:8]))
	for range 1000 {
		out = append(append(out, header...), 0, 0, 0, 0)
	}
	return out
}

func cut(b []byte, n int) []byte { return b[:len(b)-n] }

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[(at+len(b))%len(b)] ^= 0xff
	return b
}

// A chain of links, each of which stays inside by its text, leads nowhere else.
func TestNoChainOfLinksLeadsOut(t *testing.T) {
	b := newBench(t)
	_, _, err := b.unpack(t, "x.tar", pack(t,
		entry{name: "d/deep/er/"},
		entry{name: "d/deep/er/l", kind: tar.TypeSymlink, body: "../.."},
		entry{name: "d/m", kind: tar.TypeSymlink, body: "deep/er/l/../outside"},
		entry{name: "d/n", kind: tar.TypeSymlink, body: "deep/er/l/../../x/../outside/secret"},
		entry{name: "d/abs", kind: tar.TypeSymlink, body: "/../../../etc/passwd"},
		entry{name: "d/self", kind: tar.TypeSymlink, body: "."},
	))
	if err != nil {
		t.Fatal(err)
	}
	b.unharmed(t)
}

func TestSparseFilesHaveTheirHoles(t *testing.T) {
	b := newBench(t)
	dir, _, err := b.unpack(t, "x.tar", sparse(t, "1073741824", "1", "536870912,1"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "huge"))
	if err != nil || info.Size() != 1<<30 || info.Sys().(*syscall.Stat_t).Blocks*512 > 1<<20 {
		t.Error(info, err)
	}
}

func TestARefusedHardLinkNamesWhatItLeadsTo(t *testing.T) {
	x := extraction{}
	err := x.hardLink("d/h", &tar.Header{Linkname: "/etc/passwd"})
	if !errors.Is(err, ErrUnsafe) || !strings.HasPrefix(err.Error(), "a hard link to /etc/passwd: ") {
		t.Errorf("%v", err)
	}
}
