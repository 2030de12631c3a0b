package vmconfig

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// setOK sets a field that must accept the value.
func setOK(t *testing.T, c *Config, field string, values ...string) (warning string) {
	t.Helper()
	warning, err := c.Set(field, values)
	if err != nil {
		t.Fatalf("Set(%s, %q): %v", field, values, err)
	}
	return warning
}

// wantGet fails unless the field prints as want.
func wantGet(t *testing.T, c *Config, field, want string) {
	t.Helper()
	if got, err := c.Get(field); err != nil || got != want {
		t.Errorf("Get(%s) = %q, %v; want %q", field, got, err, want)
	}
}

func TestFieldsPrintAsTyped(t *testing.T) {
	for _, test := range []struct {
		field string
		args  []string
		want  string
	}{
		{"memory", []string{"512"}, "512"},
		{"coschedule", []string{"-1"}, "-1"},
		{"snapshot", []string{"f"}, "false"},
		{"uuid", []string{"any thing"}, "any thing"},
		{"append", []string{"quiet", "console=ttyS0"}, "[quiet console=ttyS0]"},
		{"disk", []string{"foo.qcow2"}, "[/files/foo.qcow2]"},
		{"disks", []string{"a.qc2,virtio,writeback", "/b/../c.img,unsafe"}, "[/files/a.qc2,virtio,writeback /c.img,unsafe]"},
		{"filesystem", []string{"containerfs"}, "[/files/containerfs]"},
		{"kernel", []string{"boot/vmlinuz"}, "/files/boot/vmlinuz"},
		{"migrate", []string{"x.state"}, "/files/x.state"},
		{"qemu", []string{"qemu-system-x86_64"}, "qemu-system-x86_64"},
		{"qemu", []string{"bin/qemu"}, "/files/bin/qemu"},
		{"net", []string{"br0,100,00:11:22:33:44:55,e1000", "LAN"}, "[br0,100,00:11:22:33:44:55,e1000 LAN]"},
		{"tags", []string{"role", "web"}, "role -> web"},
		{"volume", []string{"/mnt", "data"}, "/mnt -> /files/data"},
		{"android-console-base-port", []string{"5556"}, "5556"},
	} {
		c := New("/files")
		setOK(t, c, test.field, test.args...)
		wantGet(t, c, test.field, test.want)
	}
}

func TestDefaultsPrint(t *testing.T) {
	c := New("/files")
	for field, want := range map[string]string{
		"memory": "2048", "vcpus": "1", "snapshot": "true", "disks": "[]", "networks": "[]", "bonds": "[]",
		"kernel": "", "append": "", "filesystem": "", "init": "[/init]", "cpu": "host", "vga": "std",
		"qemu": "kvm", "tags": "", "coschedule": "-1", "qemu-override": "",
	} {
		wantGet(t, c, field, want)
	}
}

func TestBadValueLeavesFieldAsItWas(t *testing.T) {
	for _, test := range []struct {
		field string
		good  []string
		bad   []string
	}{
		{"memory", []string{"1"}, []string{"foo"}},
		{"memory", []string{"1"}, []string{"-1"}},
		{"memory", []string{"1"}, []string{"1", "2"}},
		{"snapshot", []string{"true"}, []string{"maybe"}},
		{"coschedule", []string{"3"}, []string{"x"}},
		{"disks", []string{"a"}, []string{"a,foo"}},
		{"disks", []string{"a"}, []string{",virtio"}},
		{"disks", []string{"a"}, []string{"a,virtio,ide"}},
		{"disks", []string{"a"}, []string{"b", "./b"}},
		{"networks", []string{"1"}, []string{"a,b,c,d,e,f"}},
		{"networks", []string{"1"}, []string{""}},
		{"networks", []string{"1"}, []string{"LAN,00:11:22:33:44"}},
		{"networks", []string{"1"}, []string{"00:11:22:33:44:55"}},
		{"networks", []string{"1"}, []string{"4095"}},
		{"networks", []string{"1"}, []string{"br0,4095,00:11:22:33:44:55"}},
		{"bonds", []string{"0,1,active-backup"}, []string{"0,1,round-robin"}},
		{"bonds", []string{"0,1,active-backup"}, []string{"1,1,active-backup"}},
		{"bonds", []string{"0,1,active-backup"}, []string{"0,x,active-backup"}},
		{"bonds", []string{"0,1,active-backup"}, []string{"0,1,active-backup,a,b"}},
		{"bonds", []string{"0,1,active-backup"}, []string{"0,1,active-backup,name,lacp"}},
		{"bonds", []string{"0,1,active-backup,lacp,qinq,name"}, []string{"0,1,active-backup,lacp,lacp"}},
		{"networks", []string{"br0,LAN,00:11:22:33:44:55"}, []string{"br0,LAN,00-11-22-33-44-55"}},
		{"bonds", []string{"0,1,active-backup"}, []string{"0"}},
		{"tags", []string{"k", "v"}, []string{"k"}},
		{"android-console-base-port", []string{"5554"}, []string{"5555"}},
	} {
		c := New("/files")
		setOK(t, c, test.field, test.good...)
		before, _ := c.Get(test.field)
		if _, err := c.Set(test.field, test.bad); !errors.Is(err, ErrBadValue) {
			t.Errorf("Set(%s, %q) = %v, want ErrBadValue", test.field, test.bad, err)
		}
		wantGet(t, c, test.field, before)
	}
}

func TestMissingPathIsWarnedOfAndKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := New(dir)
	if w := setOK(t, c, "disks", "there,ide"); w != "" {
		t.Errorf("warning %q about a file that exists", w)
	}
	want := "file does not exist: " + filepath.Join(dir, "gone")
	if w := setOK(t, c, "disks", "there", "gone,virtio"); w != want {
		t.Errorf("warning %q, want %q", w, want)
	}
	wantGet(t, c, "disks", "["+dir+"/there "+dir+"/gone,virtio]")
}

func TestNamesResolveByUnambiguousPrefix(t *testing.T) {
	c := New("/files")
	for name, want := range map[string]string{
		"disk": "disks", "init": "init", "qemu": "qemu", "net": "networks", "tag": "tags", "files": "filesystem", "migrate": "state",
	} {
		if got, err := c.Resolve(name); err != nil || got != want {
			t.Errorf("Resolve(%s) = %q, %v; want %q", name, got, err, want)
		}
	}
	if _, err := c.Resolve("s"); !errors.Is(err, ErrAmbiguous) || !strings.Contains(err.Error(), "schedule, serial-ports, snapshot") {
		t.Errorf("Resolve(s): %v", err)
	}
	if _, err := c.Resolve("nothing"); !errors.Is(err, ErrUnknownField) {
		t.Errorf("Resolve(nothing): %v", err)
	}
}

func TestClearGivesDefaultBack(t *testing.T) {
	c := New("/files")
	setOK(t, c, "memory", "1")
	setOK(t, c, "tags", "a", "1")
	setOK(t, c, "tags", "b", "2")
	setOK(t, c, "tags", "a", "3")
	wantGet(t, c, "tags", "a -> 3\nb -> 2")
	if v, err := c.GetKey("tags", "b"); err != nil || v != "2" {
		t.Errorf("GetKey = %q, %v", v, err)
	}
	if err := c.ClearKey("tags", "a"); err != nil {
		t.Fatal(err)
	}
	wantGet(t, c, "tags", "b -> 2")
	if err := c.Clear("mem"); err != nil {
		t.Fatal(err)
	}
	wantGet(t, c, "memory", "2048")
	setOK(t, c, "init", "/bin/sh")
	c.ClearAll()
	wantGet(t, c, "tags", "")
	wantGet(t, c, "init", "[/init]")
}

func TestSavedConfigComesBack(t *testing.T) {
	c := New("/files")
	setOK(t, c, "tags", "a", "1")
	if err := c.Save("one"); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(""); !errors.Is(err, ErrBadValue) {
		t.Errorf("Save(): %v", err)
	}
	setOK(t, c, "tags", "a", "2")
	setOK(t, c, "vcpus", "4")
	if err := c.Restore("one"); err != nil {
		t.Fatal(err)
	}
	wantGet(t, c, "tags", "a -> 1")
	wantGet(t, c, "vcpus", "1")
	if err := c.Restore("two"); !errors.Is(err, ErrNotSaved) {
		t.Errorf("Restore(two): %v", err)
	}
	if got := c.Saved(); len(got) != 1 || got[0] != "one" {
		t.Errorf("Saved() = %q", got)
	}
}

func TestScheduleAndColocateExclude(t *testing.T) {
	c := New("/files")
	setOK(t, c, "schedule", "kn1")
	if _, err := c.Set("colocate", []string{"vm1"}); !errors.Is(err, ErrBadValue) {
		t.Errorf("Set(colocate): %v", err)
	}
	setOK(t, c, "colocate", "") // says nothing
	setOK(t, c, "schedule", "")
	setOK(t, c, "colocate", "vm1")
	if _, err := c.Set("schedule", []string{"kn1"}); !errors.Is(err, ErrBadValue) {
		t.Errorf("Set(schedule): %v", err)
	}
}

func TestAWarningNamesAFewOfManyFiles(t *testing.T) {
	c := New(t.TempDir())
	disks := make([]string, 1000)
	for i := range disks {
		disks[i] = fmt.Sprint("none", i)
	}
	warning, err := c.Set("disks", disks)
	if err != nil || !strings.HasSuffix(warning, "none15, and 984 more") {
		t.Error(warning, err)
	}
}

func TestOnlyWhatHasKeysLosesOne(t *testing.T) {
	c := New("/files")
	setOK(t, c, "memory", "512")
	setOK(t, c, "append", "a", "b", "c")
	for _, field := range []string{"memory", "append", "disks"} {
		if err := c.ClearKey(field, "a"); !errors.Is(err, ErrBadValue) {
			t.Errorf("ClearKey(%s): %v", field, err)
		}
	}
	wantGet(t, c, "memory", "512")
	wantGet(t, c, "append", "[a b c]")
}

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	c := New("/files")
	for field, args := range map[string][]string{"coschedule": {"-2"}, "volume": {"/data", ""}, "tags": {"", "x"}} {
		if _, err := c.Set(field, args); !errors.Is(err, ErrBadValue) {
			t.Errorf("Set(%s, %q): %v", field, args, err)
		}
	}
	setOK(t, c, "coschedule", "-1")
	setOK(t, c, "tags", "k", "")
}

func TestStringHasFourSections(t *testing.T) {
	c := New("/files")
	setOK(t, c, "disks", "a.qc2")
	setOK(t, c, "tags", "k", "v")
	text := c.String()
	for _, want := range []string{
		"VM configuration:\nMemory:           2048\nVCPUs:            1\nNetworks:         []\n",
		`Tags:             {"k":"v"}` + "\n\nKVM configuration:\n",
		"Disks:                    [/files/a.qc2]\n",
		"\n\nContainer configuration:\nFilesystem Path: \n",
		"Init:            [/init]\n",
		"Volumes:         {}\n\nAndroid configuration:\nSDK Path:          \n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("String() lacks %q:\n%s", want, text)
		}
	}
}

func TestTableIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range New("/").Fields() {
		if seen[f.Name] || f.Help == "" || f.Usage == "" && f.Kind != Bool {
			t.Errorf("field %q is doubled or lacks its help or usage", f.Name)
		}
		seen[f.Name] = true
	}
}

func TestSamplesAreAccepted(t *testing.T) {
	c := New("/files")
	for _, f := range c.Fields() {
		if f.Name == "colocate" { // which schedule rules out
			continue
		}
		args := strings.Fields(f.Sample())
		if _, err := c.Set(f.Name, args); err != nil || len(args) == 0 {
			t.Errorf("%s: %q: %v", f.Name, f.Sample(), err)
		}
	}
}
