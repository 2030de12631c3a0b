package disk

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The images of these tests have partitions of 8 MiB, the first at 1 MiB.
const (
	partitionAt   = 1 << 20
	partitionSize = 8 << 20
)

// needMounts skips the test where nothing can be mounted.
func needMounts(t *testing.T) Images {
	t.Helper()
	m := need(t)
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	for _, program := range []string{"mount", "umount", "partx", "mke2fs", "debugfs"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	return m
}

// formatted makes a raw image with so many partitions, each with an empty file
// system; 0: the file system is all there is.
func formatted(t *testing.T, m Images, name string, parts int) {
	t.Helper()
	path := filepath.Join(m.Dir, name)
	table := make([]byte, partitionAt+parts*partitionSize)
	for i := range parts {
		entry := table[446+16*i:]
		entry[4] = 0x83
		binary.LittleEndian.PutUint32(entry[8:], uint32((partitionAt+i*partitionSize)/sector))
		binary.LittleEndian.PutUint32(entry[12:], partitionSize/sector)
	}
	table[510], table[511] = 0x55, 0xaa
	ok(t, os.WriteFile(path, table, 0o644))
	if parts == 0 {
		ok(t, os.Truncate(path, partitionSize))
		ok(t, exec.Command("mke2fs", "-q", "-t", "ext4", path).Run())
	}
	for i := range parts {
		at := "offset=" + strconv.Itoa(partitionAt+i*partitionSize)
		ok(t, exec.Command("mke2fs", "-q", "-t", "ext4", "-E", at, path, "8M").Run())
	}
}

// inImage returns what a file of an image's file system holds, without
// mounting it.
func inImage(t *testing.T, m Images, name string, offset int, file string) string {
	t.Helper()
	where := filepath.Join(m.Dir, name) + "?offset=" + strconv.Itoa(offset)
	out, err := exec.Command("debugfs", "-R", "cat "+file, where).Output()
	ok(t, err)
	return string(out)
}

func TestFilesAreInjectedIntoThePartitionMeant(t *testing.T) {
	m, ctx := needMounts(t), t.Context()
	ok(t, os.MkdirAll(filepath.Join(m.Dir, "tree/sub"), 0o755))
	ok(t, os.WriteFile(filepath.Join(m.Dir, "tree/sub/x"), []byte("deep"), 0o600))
	ok(t, os.Symlink("sub/x", filepath.Join(m.Dir, "tree/link")))
	ok(t, os.WriteFile(filepath.Join(m.Dir, "one"), []byte("1"), 0o755))
	formatted(t, m, "none.img", 0)
	formatted(t, m, "single.img", 1)
	formatted(t, m, "two.img", 2)
	for _, tt := range []struct {
		image  string
		offset int
		in     string
	}{
		{"none.img", 0, ""}, {"none.img", 0, ":none"}, {"single.img", partitionAt, ""}, {"single.img", partitionAt, ":1"},
		{"two.img", partitionAt + partitionSize, ":2"},
	} {
		in := Injection{Image: tt.image + tt.in, Pairs: []string{"tree:/", "one:/usr/bin/", "one:/etc/two", filepath.Join(m.Dir, "one") + ":/etc"}}
		ok(t, m.Inject(ctx, in))
		for file, want := range map[string]string{"/tree/sub/x": "deep", "/usr/bin/one": "1", "/etc/two": "1", "/etc/one": "1"} {
			if got := inImage(t, m, tt.image, tt.offset, file); got != want {
				t.Errorf("%s%s: %s holds %q", tt.image, tt.in, file, got)
			}
		}
		ok(t, m.Inject(ctx, in)) // once more, over what is there
		ok(t, m.Inject(ctx, Injection{Image: in.Image, Options: []string{"-o", "noatime"}, Delete: []string{"/tree", "etc/two", "/no/such"}}))
		if got := inImage(t, m, tt.image, tt.offset, "/tree/sub/x") + inImage(t, m, tt.image, tt.offset, "/etc/two"); got != "" {
			t.Errorf("%s: %q is left", tt.image, got)
		}
	}
	for image, want := range map[string]string{
		"two.img":      "please specify a partition; multiple found: as in IMAGE:1",
		"two.img:3":    "must have a partition 3, but has 2: :none takes all of it",
		"two.img:none": "exit status 32", // no file system begins there
	} {
		if err := m.Inject(ctx, Injection{Image: image, Pairs: []string{"one:/"}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", image, err)
		}
	}
}

func TestWhatIsInjectedStaysInTheImage(t *testing.T) {
	m, ctx := needMounts(t), t.Context()
	out := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(m.Dir, "one"), []byte("1"), 0o600))
	ok(t, os.Symlink(out, filepath.Join(m.Dir, "away")))
	formatted(t, m, "a.img", 0)
	ok(t, m.Inject(ctx, Injection{Image: "a.img", Pairs: []string{"away:/"}}))
	for _, in := range []Injection{
		{Image: "a.img", Pairs: []string{"one:/away/"}},
		{Image: "a.img", Pairs: []string{"one:/away/x"}},
		{Image: "a.img", Delete: []string{"/away/x"}},
		{Image: "a.img", Delete: []string{"/../../.."}},
	} {
		if err := m.Inject(ctx, in); err == nil {
			t.Errorf("%+v: no error", in)
		}
	}
	if left, err := os.ReadDir(out); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "minimega_inject_*")); len(left) > 0 {
		t.Error("left behind:", left)
	}
}

func TestInjectingSaysWhatItNeeds(t *testing.T) {
	m, ctx := need(t), t.Context()
	ok(t, m.Create(ctx, "raw", "a", "1M"))
	ok(t, m.Create(ctx, "qcow2", "q", "1M"))
	for _, pair := range []string{"a", ":b", "a:", "a:b:c"} {
		if err := m.Inject(ctx, Injection{Image: "a", Pairs: []string{pair}}); !errors.Is(err, ErrPairs) {
			t.Errorf("%s: %v", pair, err)
		}
	}
	release, err := claim(ctx, filepath.Join(m.Dir, "a"))
	ok(t, err)
	if err := m.Inject(ctx, Injection{Image: "a"}); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
	ok(t, release())
	if _, err := os.Stat("/dev/nbd0"); err == nil {
		t.Skip("there is a device for images of other formats")
	}
	if err := m.Inject(ctx, Injection{Image: "q"}); err == nil || !strings.HasSuffix(err.Error(), "must be raw where no /dev/nbd is free, but is qcow2: shell modprobe nbd makes some") {
		t.Error(err)
	}
}

func TestNobodyElseSeesTheMount(t *testing.T) {
	m, ctx := needMounts(t), t.Context()
	real, err := exec.LookPath("umount")
	ok(t, err)
	bin := t.TempDir()
	seen := filepath.Join(bin, "seen")
	text := "#!/bin/sh\ncat /proc/$PPID/mountinfo /proc/self/mountinfo | grep -c minimega_inject_ > " + seen + "\nexec " + real + " \"$@\"\n"
	ok(t, os.WriteFile(filepath.Join(bin, "umount"), []byte(text), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	formatted(t, m, "a.img", 0)
	ok(t, os.WriteFile(filepath.Join(m.Dir, "one"), []byte("1"), 0o600))
	for range 3 {
		ok(t, m.Inject(ctx, Injection{Image: "a.img", Pairs: []string{"one:/x"}}))
		if got, err := os.ReadFile(seen); err != nil || string(got) != "1\n" { // by umount alone
			t.Errorf("%q %v", got, err)
		}
	}
}

// slowUmount puts an umount first on the PATH that does not end, unless it is to
// detach.
func slowUmount(t *testing.T) {
	t.Helper()
	real, err := exec.LookPath("umount")
	ok(t, err)
	bin := t.TempDir()
	text := "#!/bin/sh\ncase $1 in --lazy) exec " + real + " \"$@\";; esac\nexec sleep 600\n"
	ok(t, os.WriteFile(filepath.Join(bin, "umount"), []byte(text), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

func TestAnImageThatIsNotLetGoIsDetached(t *testing.T) {
	m, ctx := needMounts(t), t.Context()
	ok(t, os.WriteFile(filepath.Join(m.Dir, "one"), []byte("1"), 0o600))
	formatted(t, m, "a.img", 0)
	slowUmount(t)
	t.Setenv("TMPDIR", t.TempDir())
	m.Within = 3 * time.Second
	err := m.Inject(ctx, Injection{Image: "a.img", Pairs: []string{"one:/x"}})
	if !errors.Is(err, ErrTooLong) || !errors.Is(err, ErrDetached) || !strings.Contains(err.Error(), "umount took too long: must end within 3s") {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "minimega_inject_*")); len(left) > 0 {
		t.Error("left behind:", left)
	}
	for deadline := time.Now().Add(10 * time.Second); looped(filepath.Join(m.Dir, "a.img")) != ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the loop device is never let go")
		}
	}
	if got := inImage(t, m, "a.img", 0, "/x"); got != "1" {
		t.Errorf("holds %q", got)
	}
}

func TestAnImageOfALoopDeviceIsInUse(t *testing.T) {
	m, ctx := needMounts(t), t.Context()
	formatted(t, m, "a.img", 0)
	out, err := exec.Command("losetup", "--find", "--show", filepath.Join(m.Dir, "a.img")).Output()
	if err != nil {
		t.Skip("no loop device is free:", err)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { ok(t, exec.Command("losetup", "--detach", device).Run()) })
	err = m.Inject(ctx, Injection{Image: "a.img", Delete: []string{"/x"}})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), device+" has it") {
		t.Error(err)
	}
}
