package netlab

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// network returns a lab with n hosts on one switch, or skips the test.
func network(t *testing.T, n int) (*Lab, []*Host) {
	lab, err := New()
	if errors.Is(err, ErrUnprivileged) {
		t.Skip(err)
	}
	check(t, err)
	t.Cleanup(func() { check(t, lab.Close()) })
	sw, err := lab.AddSwitch(t.Context())
	check(t, err)
	hosts := make([]*Host, n)
	for i := range hosts {
		hosts[i], err = lab.AddHost(t.Context(), string(rune('a'+i)))
		check(t, err)
		check(t, hosts[i].Join(t.Context(), sw, Link{}))
	}
	return lab, hosts
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reaches reports whether one ping gets through within a second.
func reaches(ctx context.Context, from, to *Host) bool {
	address := net.JoinHostPort(to.Addr(0).String(), "7")
	l, err := to.Listen(address)
	if err != nil {
		return false
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	cmd := from.Command(ctx, "bash", "-c", `exec 3<>"/dev/tcp/$0/7"`, to.Addr(0).String())
	return cmd.Run() == nil
}

// reachesInTime gives a slow machine several seconds for what takes no time.
func reachesInTime(ctx context.Context, from, to *Host) bool {
	for range 10 {
		if reaches(ctx, from, to) {
			return true
		}
	}
	return false
}

func TestHostsOnOneSwitchReachEachOtherUntilCut(t *testing.T) {
	_, hosts := network(t, 2)
	if !reachesInTime(t.Context(), hosts[0], hosts[1]) {
		t.Fatal("a does not reach b")
	}
	check(t, hosts[1].Cut(t.Context()))
	if reaches(t.Context(), hosts[0], hosts[1]) {
		t.Fatal("a reaches b, which is cut off")
	}
	check(t, hosts[1].Mend(t.Context()))
	if !reachesInTime(t.Context(), hosts[0], hosts[1]) {
		t.Fatal("a does not reach b after mending")
	}
}

func TestHostsHaveNoDefaultRoute(t *testing.T) {
	_, hosts := network(t, 1)
	out, err := hosts[0].Command(t.Context(), "ip", "route", "show", "default").Output()
	check(t, err)
	if len(out) != 0 {
		t.Fatalf("default route: %s", out)
	}
}

func TestAShapedLinkIsNoFasterThanItsRate(t *testing.T) {
	_, hosts := network(t, 2)
	check(t, hosts[1].Shape(t.Context(), 0, Even(80e6))) // 10 MB/s
	l, err := hosts[1].Listen("10.213.0.2:7")
	check(t, err)
	defer l.Close()
	const size = 4 << 20
	send := hosts[0].Command(t.Context(), "bash", "-c", `head -c "$0" /dev/zero >/dev/tcp/10.213.0.2/7`, "4194304")
	check(t, send.Start())
	c, err := l.Accept()
	check(t, err)
	start := time.Now()
	n, err := io.Copy(io.Discard, c)
	check(t, err)
	check(t, send.Wait())
	if d := time.Since(start); n != size || d < 250*time.Millisecond {
		t.Fatalf("%d bytes of %d in %v", n, size, d)
	}
}

func TestCloseLeavesNoNamespace(t *testing.T) {
	lab, hosts := network(t, 1)
	space := hosts[0].Space()
	check(t, lab.Close())
	if _, err := os.Stat("/run/netns/" + space); !os.IsNotExist(err) {
		t.Fatalf("%s is still there: %v", space, err)
	}
}

func TestSweepRemovesWhatADeadProcessLeft(t *testing.T) {
	lab, _ := network(t, 1)
	out, err := exec.Command("sh", "-c", `ip netns add "mmlab-$$-left" && echo "mmlab-$$-left"`).Output()
	check(t, err)
	check(t, Sweep())
	if _, err := os.Stat("/run/netns/" + strings.TrimSpace(string(out))); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", out, err)
	}
	if _, err := os.Stat("/run/netns/" + lab.Host("a").Space()); err != nil {
		t.Errorf("a living process's namespace went: %v", err)
	}
}

func TestOnlyNamespacesOfThisPackageHaveAMaker(t *testing.T) {
	for name, want := range map[string]int{
		"mmlab-12-ab-kn1": 12, "mmlab-x-ab-kn1": 0, "mmlab-": 0, "kn1": 0, "mmlab--1-a": 0, "mmlab-12": 0,
	} {
		if pid, ok := maker(name); ok != (want != 0) || ok && pid != want {
			t.Errorf("maker(%q) = %d, %v", name, pid, ok)
		}
	}
}

func TestRatesReadAsTcWritesThem(t *testing.T) {
	for s, want := range map[string]Rate{"400mbit": 400e6, "1gbit": 1e9, "20Mbit": 20e6, "0mbit": 0, "mbit": 0, "5": 0, "": 0} {
		if r, err := ParseRate(s); r != want || (err == nil) != (want != 0) {
			t.Errorf("ParseRate(%q) = %v, %v", s, r, err)
		}
	}
}

func TestAMadeFileIsTheSameForTheSameSeed(t *testing.T) {
	sum := func(content Content, seed uint64) string {
		path := filepath.Join(t.TempDir(), "f")
		check(t, MakeFile(path, 3<<20+17, content, seed))
		s, err := Sum(path)
		check(t, err)
		return s
	}
	for _, content := range []Content{Random, Text, Image} {
		first, again, other := sum(content, 1), sum(content, 1), sum(content, 2)
		if first != again || first == other {
			t.Errorf("%s does not follow its seed", content)
		}
	}
	if sum(Zero, 1) != sum(Sparse, 2) {
		t.Error("zeros differ from a hole")
	}
}
