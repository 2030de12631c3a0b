package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// A fabric is a mesh in one process: calls are function calls, streams TCP
// connections over loopback. It is the control handle of the nodes' [fakeMesh].
type fabric struct {
	t  testing.TB
	mu sync.Mutex

	nodes   []*node
	changed chan struct{}
}

// node is one engine on a fabric.
type node struct {
	fab    *fabric
	self   wire.Member
	dir    string
	store  *store.Store
	engine *Engine
	stop   func() // ends Run and closes the store
	gone   bool   // cut off; under fab.mu
	mute   bool   // answers no calls; under fab.mu
	conns  []net.Conn
	wrap   func(net.Conn) net.Conn // around the serving end; nil: none
}

type fakeMesh struct{ n *node }

func newFabric(t testing.TB) *fabric {
	return &fabric{t: t, changed: make(chan struct{})}
}

// add starts a node whose files lie in dir; "" makes one.
func (f *fabric) add(name, dir string, tweak ...func(*Engine)) *node {
	f.t.Helper()
	if dir == "" {
		dir = f.t.TempDir()
	}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() && os.Getenv("TRACE") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("at", name)
	}
	st, err := store.Open(dir, log)
	if err != nil {
		f.t.Fatal(err)
	}
	n := &node{fab: f, dir: dir, store: st, self: wire.Member{Name: wire.NodeName(name)}}
	sum := sha256.Sum256([]byte(name + time.Now().String()))
	copy(n.self.ID[:], sum[:])
	n.engine, err = New(Config{Store: st, Mesh: fakeMesh{n}, Log: log})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, do := range tweak {
		do(n.engine)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	f.mu.Lock()
	f.nodes = append(f.nodes, n)
	f.changeLocked()
	f.mu.Unlock()
	go func() { done <- n.engine.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		n.cut()
		cancel()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
		if err := st.Close(); err != nil {
			f.t.Error(err)
		}
	})
	f.t.Cleanup(n.stop)
	return n
}

func (f *fabric) changeLocked() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// cut takes the node off the mesh and ends its connections.
func (n *node) cut() {
	n.fab.mu.Lock()
	n.gone = true
	conns := n.conns
	n.conns = nil
	n.fab.changeLocked()
	n.fab.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// heal puts it back.
func (n *node) heal() {
	n.fab.mu.Lock()
	defer n.fab.mu.Unlock()
	n.gone = false
	n.fab.changeLocked()
}

func (m fakeMesh) Self() wire.Member { return m.n.self }

func (m fakeMesh) Members() []wire.Member {
	m.n.fab.mu.Lock()
	defer m.n.fab.mu.Unlock()
	var out []wire.Member
	for _, o := range m.n.fab.nodes {
		if o != m.n && !o.gone && !m.n.gone {
			out = append(out, o.self)
		}
	}
	return out
}

func (m fakeMesh) Changed() <-chan struct{} {
	m.n.fab.mu.Lock()
	defer m.n.fab.mu.Unlock()
	return m.n.fab.changed
}

func (f *fabric) reach(from *node, id wire.NodeID) *node {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.nodes, func(n *node) bool { return n.self.ID == id && !n.gone })
	if i < 0 || from.gone {
		return nil
	}
	return f.nodes[i]
}

func (m fakeMesh) Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply] {
	return func(yield func(wire.Reply) bool) {
		for _, id := range to {
			if !yield(m.call(ctx, id, method, body)) {
				return
			}
		}
	}
}

func (m fakeMesh) call(ctx context.Context, id wire.NodeID, method string, body []byte) wire.Reply {
	n := m.n.fab.reach(m.n, id)
	if n == nil {
		return wire.Reply{From: wire.Member{ID: id}, Err: wire.ErrUnreachable}
	}
	if n.mute {
		<-ctx.Done()
		return wire.Reply{From: n.self, Err: ctx.Err()}
	}
	out, err := n.engine.Methods()[method](ctx, m.n.self, slices.Clone(body))
	if err != nil {
		err = &wire.RemoteError{Code: wire.CodeOf(err), Text: err.Error()}
	}
	return wire.Reply{From: n.self, Body: out, Err: err}
}

func (m fakeMesh) OpenStream(ctx context.Context, to wire.NodeID, service string) (net.Conn, error) {
	n := m.n.fab.reach(m.n, to)
	if n == nil {
		return nil, wire.ErrUnreachable
	}
	here, there, err := tcpPair()
	if err != nil {
		return nil, err
	}
	m.n.fab.mu.Lock()
	n.conns = append(n.conns, there)
	m.n.conns = append(m.n.conns, here)
	m.n.fab.mu.Unlock()
	conn := there
	if n.wrap != nil {
		conn = n.wrap(there)
	}
	go func() {
		defer there.Close()
		n.engine.Streams()[service](context.Background(), m.n.self, conn)
	}()
	return here, ctx.Err()
}

func tcpPair() (net.Conn, net.Conn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	b, err := l.Accept()
	if err != nil {
		return nil, nil, errors.Join(err, a.Close())
	}
	return a, b, nil
}

// put writes a file of n's.
func (n *node) put(name string, data []byte) {
	n.fab.t.Helper()
	file := filepath.Join(n.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		n.fab.t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		n.fab.t.Fatal(err)
	}
}

// has fails the test unless the node has the file with that content.
func (n *node) has(name string, want []byte) {
	n.fab.t.Helper()
	got, err := os.ReadFile(filepath.Join(n.dir, name))
	if err != nil {
		n.fab.t.Fatal(err)
	}
	if sha256.Sum256(got) != sha256.Sum256(want) {
		n.fab.t.Fatalf("%s on %s: %d bytes that are not the file's %d", name, n.self.Name, len(got), len(want))
	}
}

// get starts a job.
func (n *node) get(pattern string) *Job {
	n.fab.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	j, err := n.engine.Get(ctx, pattern, Pick{})
	if err != nil {
		n.fab.t.Fatal(err)
	}
	return j
}

// wait fails the test unless the job ends well.
func (n *node) wait(j *Job) {
	n.fab.t.Helper()
	select {
	case <-j.Done():
	case <-time.After(patience):
		n.fab.t.Fatalf("%s does not end: %+v, %+v", n.self.Name, j.Progress(), n.engine.Status())
	}
	if err := j.Err(); err != nil {
		n.fab.t.Fatal(err)
	}
}
