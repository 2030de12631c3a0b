package download

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// limit bounds every wait of a test.
const limit = time.Minute

// A fabric is a mesh in one process, and the control handle of its nodes.
type fabric struct {
	mu    sync.Mutex
	nodes []*node
}

// node is a downloader on a fabric.
type node struct {
	*Downloader
	fab  *fabric
	self wire.Member
	base string // holds files, the files directory, and what must stay as it is
	gone bool   // under fab.mu
}

// quick are timeouts for servers on loopback that are late on purpose.
func quick() timeouts {
	return timeouts{connect: 5 * time.Second, header: 300 * time.Millisecond, stall: 300 * time.Millisecond, retry: time.Millisecond}
}

// add makes a node whose files lie below base; "" makes one.
func (f *fabric) add(t testing.TB, base string, tweak ...func(*Config)) *node {
	t.Helper()
	if base == "" {
		base = t.TempDir()
	}
	s, err := store.Open(filepath.Join(base, "files"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f.mu.Lock()
	defer f.mu.Unlock()
	n := &node{fab: f, base: base}
	n.self = wire.Member{ID: wire.NodeID{byte(len(f.nodes) + 1)}, Name: wire.NodeName(fmt.Sprintf("kn%d", len(f.nodes)+1))}
	cfg := Config{Store: s, Mesh: n}
	for _, do := range tweak {
		do(&cfg)
	}
	n.Downloader = New(cfg)
	n.client = newClient(cfg.Allow, cfg.Roots, quick())
	f.nodes = append(f.nodes, n)
	return n
}

// cut takes the node off the mesh.
func (n *node) cut() {
	n.fab.mu.Lock()
	defer n.fab.mu.Unlock()
	n.gone = true
}

func (n *node) Self() wire.Member { return n.self }

func (n *node) Members() []wire.Member {
	var all []wire.Member
	for _, o := range n.reached() {
		all = append(all, o.self)
	}
	return all
}

// reached returns the other nodes.
func (n *node) reached() []*node {
	n.fab.mu.Lock()
	defer n.fab.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.fab.nodes), func(o *node) bool { return o == n || o.gone || n.gone })
}

func (n *node) Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply] {
	return func(yield func(wire.Reply) bool) {
		for _, id := range to {
			if !yield(n.call(ctx, id, method, body)) {
				return
			}
		}
	}
}

func (n *node) call(ctx context.Context, id wire.NodeID, method string, body []byte) wire.Reply {
	for _, o := range n.reached() {
		if o.self.ID == id {
			b, err := o.Methods()[method](ctx, n.self, body)
			return wire.Reply{From: o.self, Body: b, Err: err}
		}
	}
	return wire.Reply{From: wire.Member{ID: id}, Err: wire.ErrUnreachable}
}

func untold(int64, int64, wire.NodeName) {}

// fetch fetches url within limit.
func (n *node) fetch(t testing.TB, url string, told ...Told) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	err := n.Fetch(ctx, url, append(told, untold)[0])
	if ctx.Err() != nil {
		t.Fatalf("%s: not done after %v: %v", url, limit, err)
	}
	return err
}

// has fails the test unless the node has the file with that content.
func (n *node) has(t testing.TB, name, want string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(n.base, "files", name))
	if err != nil || string(got) != want {
		t.Fatalf("%s: %d bytes that are not the file's %d, %v", name, len(got), len(want), err)
	}
}

// tree returns a digest of all that is below the node's base.
func (n *node) tree(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(n.base, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".minimega" {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var content []byte
		if info.Mode().IsRegular() {
			if content, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		fmt.Fprintf(&b, "%s %v %x\n", strings.TrimPrefix(path, n.base), info.Mode(), sha256.Sum256(content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sentinels puts things into and beside the files directory.
func (n *node) sentinels(t testing.TB) {
	t.Helper()
	for _, name := range []string{"outside/secret", "files/mine", "files/dir/mine"} {
		path := filepath.Join(n.base, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// web serves h, and records the requests.
type web struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

func newWeb(t testing.TB, h http.HandlerFunc) *web {
	t.Helper()
	w := &web{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.seen = append(w.seen, r)
		w.mu.Unlock()
		h(rw, r)
	}))
	w.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	t.Cleanup(func() { w.CloseClientConnections(); w.Close() })
	return w
}

func (w *web) requests() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}
