package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"minimega/mesh/wire"
)

const goodPeer = `{"id":"01cd0000000000000000000000000000","name":"kn1","tag":"a1b2c3d4e5f60718","addrs":["10.0.0.1:9000","[fe80::1%eth0]:9000"],"seen":1790000000}`

func TestCacheFileFormat(t *testing.T) {
	p, ok := newPeer(Hint{
		ID: wire.NodeID{1, 0xcd}, Name: "kn1", Addrs: []netip.AddrPort{
			netip.MustParseAddrPort("127.0.0.1:9000"), // nobody else's
			netip.MustParseAddrPort("10.0.0.1:9000"), netip.MustParseAddrPort("[fe80::1%eth0]:9000"),
		},
	}, time.Unix(1790000000, 0))
	p.Tag = testTag
	b, err := formatPeers([]peer{p})
	if want := cacheHeader + "\n" + goodPeer + "\n"; !ok || err != nil || string(b) != want {
		t.Errorf("got  %s (%v)\nwant %s", b, err, want)
	}
}

func TestDamagedCacheLinesAreSkipped(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want int
	}{
		"empty":           {"", 0},
		"good":            {cacheHeader + "\n" + goodPeer + "\n", 1},
		"cut":             {cacheHeader + "\n" + goodPeer + "\n" + goodPeer[:40], 1},
		"junk between":    {cacheHeader + "\n" + goodPeer + "\n\x00\xff{\n" + goodPeer + "\n", 2},
		"another version": {"minimega-peers 2\n" + goodPeer + "\n", 0},
		"no header":       {goodPeer + "\n", 0},
		"no address":      {cacheHeader + "\n" + `{"tag":"a1","addrs":[],"seen":1}` + "\n", 0},
		"loopback":        {cacheHeader + "\n" + `{"tag":"a1","addrs":["127.0.0.1:1"],"seen":1}` + "\n", 0},
		"bad address":     {cacheHeader + "\n" + `{"tag":"a1","addrs":["x"],"seen":1}` + "\n", 0},
		"bad tag":         {cacheHeader + "\n" + `{"tag":"no hex","addrs":["10.0.0.1:1"],"seen":1}` + "\n", 0},
		"endless line":    {cacheHeader + "\n" + goodPeer + "\n" + strings.Repeat("x", 1<<20), 1},
		"too many":        {cacheHeader + "\n" + strings.Repeat(goodPeer+"\n", maxPeers+100), maxPeers},
	} {
		if got := parsePeers(strings.NewReader(c.file)); len(got) != c.want {
			t.Errorf("%s: %d peers, want %d", name, len(got), c.want)
		}
	}
}

func TestBadNameInCacheIsLeftOut(t *testing.T) {
	line := strings.Replace(goodPeer, "kn1", `\u001b[2J`, 1)
	peers := parsePeers(strings.NewReader(cacheHeader + "\n" + line + "\n"))
	if len(peers) != 1 || peers[0].hint().Name != "" {
		t.Errorf("got %+v", peers)
	}
}

func hintOf(n int) Hint {
	return Hint{
		ID: wire.NodeID{byte(n), byte(n >> 8), 1}, Name: "kn1",
		Addrs: []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 9000)},
	}
}

// runFor runs d until it has given want hints (for ever if want is 0: then the
// end of the first round ends it), and returns them.
func runFor(t *testing.T, d *Discovery, self Announcement, want int) []Hint {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	hints := make(chan Hint, 4096)
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, self, func(h Hint) { hints <- h }) }()
	var got []Hint
	for len(got) < want {
		select {
		case h := <-hints:
			got = append(got, h)
		case <-ctx.Done():
			t.Fatalf("only %d of %d hints came", len(got), want)
		}
	}
	select {
	case <-d.FirstRound():
	case <-ctx.Done():
		t.Fatal("the first round did not end")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	close(hints)
	for h := range hints {
		got = append(got, h)
	}
	return got
}

func TestRememberedPeersAreToldAtTheNextStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "peers")
	d := New(Config{CacheFile: file})
	d.Remember(hintOf(1))
	d.Remember(hintOf(2))
	runFor(t, d, testSelf(200), 2)

	other := testSelf(201)
	other.Tag = "ffff"
	d = New(Config{CacheFile: file})
	d.Remember(hintOf(3))
	if got := runFor(t, d, other, 1); len(got) != 1 {
		t.Errorf("another mesh was told %v", got)
	}

	got := runFor(t, New(Config{CacheFile: file}), testSelf(202), 2)
	if len(got) != 2 || got[0].ID != hintOf(2).ID || got[1].ID != hintOf(1).ID || got[0].Source != "cache" {
		t.Errorf("told %+v, want the last first", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := os.Stat(file + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("leftover: %v", err)
	}
}

func TestPeersOfOnePlaceOrOneNodeAreOneEntry(t *testing.T) {
	c := newCache("unused", nil)
	c.tag = testTag
	restarted := hintOf(1)
	restarted.ID = wire.NodeID{99}
	moved := hintOf(3)
	moved.ID = restarted.ID
	for _, h := range []Hint{hintOf(1), hintOf(2), restarted, moved} {
		c.remember(h)
	}
	if len(c.peers) != 2 || c.peers[1].Addrs[0] != moved.Addrs[0] {
		t.Errorf("got %+v", c.peers)
	}
	<-c.wake
	c.remember(moved)
	if len(c.wake) != 0 {
		t.Error("what is known already must not be written again")
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache("unused", nil)
	for n := range 3000 {
		c.remember(hintOf(n))
	}
	if len(c.pending) != maxPeers {
		t.Errorf("%d pending", len(c.pending))
	}
	c.tag = testTag
	for n := range 3000 {
		c.remember(hintOf(n))
	}
	if len(c.peers) != maxPeers || c.peers[maxPeers-1].ID != hintOf(2999).ID.String() {
		t.Errorf("%d peers", len(c.peers))
	}
}

func TestUnwritableCacheIsLoggedNotFatal(t *testing.T) {
	var log bytes.Buffer
	d := New(Config{CacheFile: filepath.Join(t.TempDir(), "none", "peers"), Log: slog.New(slog.NewTextHandler(&log, nil))})
	d.Remember(hintOf(1))
	runFor(t, d, testSelf(200), 1)
	if !strings.Contains(log.String(), "cannot be written") {
		t.Errorf("log: %s", log.String())
	}
}

func TestLogIsBounded(t *testing.T) {
	var log bytes.Buffer
	l := newLimitedLog(slog.New(slog.NewTextHandler(&log, nil)))
	for i := range 1000 {
		l.warn(fmt.Sprint("line ", i))
	}
	if n := strings.Count(log.String(), "\n"); n > logBurst+1 {
		t.Errorf("%d lines", n)
	}
}

// What is read back from any file is fit to be used, and written it stays so.
func FuzzCacheFile(f *testing.F) {
	f.Add([]byte(cacheHeader + "\n" + goodPeer + "\n"))
	f.Add([]byte(cacheHeader + "\n" + goodPeer[:50] + "\n" + goodPeer + "\n"))
	f.Add([]byte(cacheHeader + "\n" + `{"tag":"a1","addrs":["[::ffff:10.0.0.1]:1"],"seen":-1,"name":"\u0000"}` + "\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		peers := parsePeers(bytes.NewReader(file))
		for i := range peers {
			checkHint(t, peers[i].hint())
		}
		b, err := formatPeers(peers)
		if err != nil {
			t.Fatal(err)
		}
		if again := parsePeers(bytes.NewReader(b)); len(again) != len(peers) {
			t.Errorf("%d peers became %d", len(peers), len(again))
		}
	})
}
