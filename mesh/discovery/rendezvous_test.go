package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// start runs d in the background until the test ends or stop is called, and
// returns its hints.
func start(t *testing.T, d *Discovery, self Announcement) (hints <-chan Hint, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	found := make(chan Hint, 1024)
	var running sync.WaitGroup
	running.Go(func() {
		if err := d.Run(ctx, self, func(h Hint) { found <- h }); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return found, stop
}

func receive(t *testing.T, hints <-chan Hint) Hint {
	t.Helper()
	select {
	case h := <-hints:
		return h
	case <-time.After(20 * time.Second):
		t.Fatal("no hint came")
		return Hint{}
	}
}

func TestNodesOfOneDirectoryFindEachOther(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "nodes")
	a, b := testSelf(1), testSelf(2)
	b.Port = 9001
	atA, _ := start(t, New(Config{RendezvousDir: dir}), a)
	atB, stopB := start(t, New(Config{RendezvousDir: dir}), b)

	h := receive(t, atA)
	if h.ID != b.ID || h.Source != "host" || len(h.Addrs) != 2 || h.Addrs[0].String() != "127.0.0.1:9001" {
		t.Errorf("a was told %+v", h)
	}
	if h := receive(t, atB); h.ID != a.ID {
		t.Errorf("b was told %+v", h)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info, err)
	}
	stopB()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != a.ID.String()+".json" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// writeNode puts a node's file into dir as change leaves it.
func writeNode(t *testing.T, dir string, id byte, change func(*nodeFile)) string {
	t.Helper()
	at, err := here()
	if err != nil {
		t.Fatal(err)
	}
	n := nodeFile{ID: wire.NodeID{id}.String(), Name: "kn9", Tag: testTag, Port: 9009, Pid: os.Getpid(), place: at}
	change(&n)
	b, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, n.ID+fileSuffix)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func deadPid(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestOnlyLiveReachableNodesOfTheMeshAreTold(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	pid := deadPid(t)
	writeNode(t, dir, 1, func(*nodeFile) {})
	writeNode(t, dir, 2, func(n *nodeFile) { n.Tag = "ffff" })
	writeNode(t, dir, 3, func(n *nodeFile) { n.NetNS++ })
	writeNode(t, dir, 4, func(n *nodeFile) { n.Boot = "another host"; n.Pid = pid })
	dead := writeNode(t, dir, 5, func(n *nodeFile) { n.Pid = pid })
	elsewhere := writeNode(t, dir, 6, func(n *nodeFile) { n.Pid = pid; n.PidNS++ }) // a container sharing the network
	stale := writeNode(t, dir, 7, func(*nodeFile) {})
	ancient := writeNode(t, dir, 8, func(*nodeFile) {})
	setAge(t, stale, staleAfter+time.Minute)
	setAge(t, ancient, removeAfter+time.Minute)
	unrelated := filepath.Join(dir, "unrelated")
	for name, content := range map[string]string{
		unrelated: "x",
		filepath.Join(dir, wire.NodeID{9}.String()+".json"):  "{",
		filepath.Join(dir, wire.NodeID{10}.String()+".json"): strings.Repeat("[", maxNodeFile*2),
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, wire.NodeID{11}.String()+".json"), 0o700); err != nil {
		t.Fatal(err)
	}

	got := runFor(t, New(Config{RendezvousDir: dir}), testSelf(200), 2)
	ids := map[wire.NodeID]bool{}
	for _, h := range got {
		ids[h.ID] = true
	}
	if len(ids) != 2 || !ids[wire.NodeID{1}] || !ids[wire.NodeID{6}] {
		t.Errorf("told %v", got)
	}
	for path, want := range map[string]bool{dead: false, ancient: false, elsewhere: true, stale: true, unrelated: true} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) == want {
			t.Errorf("%s: stays = %v is not so", filepath.Base(path), want)
		}
	}
}

func setAge(t *testing.T, path string, age time.Duration) {
	t.Helper()
	then := time.Now().Add(-age)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryOpenToOthersIsRefusedWithAdvice(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := openOwnDir(dir)
	var refused *DirError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("got %v", err)
	}
	var log bytes.Buffer
	d := New(Config{RendezvousDir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	runFor(t, d, testSelf(1), 0)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("written there: %v, %v", left, err)
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "chmod 700") {
		t.Errorf("log: %s", log.String())
	}
}

func TestDirectoryOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(dir, 0o700), os.Chown(dir, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	if _, err := openOwnDir(dir); err == nil || !strings.Contains(err.Error(), "must belong to user 0") {
		t.Errorf("got %v", err)
	}
}

func TestOurFileComesBackAfterItWasRemoved(t *testing.T) {
	r := newRendezvous(filepath.Join(t.TempDir(), "nodes"), testSelf(1), nil)
	root, err := openOwnDir(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for range 2 {
		if err := r.announce(root); err != nil {
			t.Fatal(err)
		}
		if err := root.Remove(r.fileName()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDefaultRendezvousDirIsAbsolute(t *testing.T) {
	dir, err := DefaultRendezvousDir()
	if err != nil || !filepath.IsAbs(dir) {
		t.Errorf("%q, %v", dir, err)
	}
}

func TestFirstRoundEndsAtOnceWithNothingToAsk(t *testing.T) {
	loopbackOnly := func() ([]net.Interface, error) {
		lo, err := net.InterfaceByName("lo")
		if err != nil {
			return nil, err
		}
		return []net.Interface{*lo}, nil
	}
	var log bytes.Buffer
	runFor(t, New(Config{}), testSelf(1), 0)
	runFor(t, New(Config{MDNS: true, Interfaces: loopbackOnly, Log: slog.New(slog.NewTextHandler(&log, nil))}), testSelf(1), 0)
	if log.Len() != 0 {
		t.Errorf("log: %s", log.String())
	}
}

func FuzzNodeFile(f *testing.F) {
	f.Add(`{"id":"01000000000000000000000000000000","name":"kn1","tag":"a1","port":9000,"pid":7,"boot":"b","netns":1,"pidns":2}`)
	f.Add(`{"id":"01000000000000000000000000000000","name":"\u001b","port":70000,"pid":-1}`)
	f.Fuzz(func(t *testing.T, content string) {
		n, err := parseNodeFile(wire.NodeID{1}.String()+fileSuffix, []byte(content))
		if err != nil {
			if !errors.Is(err, errBadEntry) {
				t.Error(err)
			}
			return
		}
		if h := n.hint(); h.ID != (wire.NodeID{1}) || len(h.Addrs) != 2 || h.Addrs[0].Port() == 0 || n.Pid <= 0 {
			t.Errorf("%+v", h)
		}
	})
}
