package download

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer"
	"minimega/transfer/store"
)

// engines are the swarms of a fabric's nodes, over pipes of memory.
type engines struct {
	fab *fabric

	mu      sync.Mutex
	of      map[wire.NodeID]*peer
	changed chan struct{}
}

// peer is a node with an engine.
type peer struct {
	*node
	all    *engines
	engine *transfer.Engine
	stop   func()
	conns  []net.Conn // under all.mu
}

func newEngines() *engines {
	return &engines{fab: new(fabric), of: map[wire.NodeID]*peer{}, changed: make(chan struct{})}
}

// add starts a node that takes part in downloads.
func (e *engines) add(t *testing.T) *peer {
	t.Helper()
	p := &peer{all: e}
	p.node = e.fab.add(t, "", func(cfg *Config) {
		var err error
		p.engine, err = transfer.New(transfer.Config{Store: cfg.Store, Mesh: peerMesh{p}, Log: tracing(t)})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Swarm, cfg.Log = shared{p.engine}, tracing(t)
	})
	p.client = newClient(Allow{}, nil, defaultTimeouts())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	e.mu.Lock()
	e.of[p.self.ID] = p
	e.changeLocked()
	e.mu.Unlock()
	go func() { done <- p.engine.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
	return p
}

func tracing(t *testing.T) *slog.Logger {
	if os.Getenv("TRACE") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (e *engines) changeLocked() {
	close(e.changed)
	e.changed = make(chan struct{})
}

// die takes the peer off the mesh, as if its process was killed.
func (p *peer) die() {
	p.cut()
	p.all.mu.Lock()
	conns := p.conns
	p.all.changeLocked()
	p.all.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// peerMesh is the mesh as a peer's engine sees it.
type peerMesh struct{ p *peer }

func (m peerMesh) Self() wire.Member      { return m.p.self }
func (m peerMesh) Members() []wire.Member { return m.p.node.Members() }

func (m peerMesh) Changed() <-chan struct{} {
	m.p.all.mu.Lock()
	defer m.p.all.mu.Unlock()
	return m.p.all.changed
}

func (m peerMesh) reach(id wire.NodeID) *peer {
	for _, o := range m.p.reached() {
		if o.self.ID == id {
			m.p.all.mu.Lock()
			defer m.p.all.mu.Unlock()
			return m.p.all.of[id]
		}
	}
	return nil
}

func (m peerMesh) Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply] {
	return func(yield func(wire.Reply) bool) {
		for _, id := range to {
			reply := wire.Reply{From: wire.Member{ID: id}, Err: wire.ErrUnreachable}
			if o := m.reach(id); o != nil {
				reply.From = o.self
				reply.Body, reply.Err = o.engine.Methods()[method](ctx, m.p.self, body)
			}
			if !yield(reply) {
				return
			}
		}
	}
}

func (m peerMesh) OpenStream(_ context.Context, to wire.NodeID, service string) (net.Conn, error) {
	o := m.reach(to)
	if o == nil {
		return nil, wire.ErrUnreachable
	}
	here, there := net.Pipe()
	m.p.all.mu.Lock()
	o.conns = append(o.conns, there)
	m.p.conns = append(m.p.conns, here)
	m.p.all.mu.Unlock()
	go func() { // ends with the connection
		defer there.Close()
		o.engine.Streams()[service](context.Background(), m.p.self, there)
	}()
	return here, nil
}

// shared is an engine as a [Swarm].
type shared struct{ *transfer.Engine }

func (s shared) Offer(name wire.FileName, meta wire.Meta, m *store.Manifest, r *store.DownloadReader) Offer {
	return s.Engine.Offer(name, meta, m, r)
}

func (s shared) Join(ctx context.Context, name wire.FileName) (Joined, error) {
	job, err := s.Get(ctx, string(name), transfer.Pick{})
	if err != nil {
		return nil, err
	}
	return taking{job}, nil
}

type taking struct{ *transfer.Job }

func (j taking) Far() (done, total int64) { p := j.Progress(); return p.BytesDone, p.BytesTotal }
func (j taking) Leave()                   { j.Cancel() }

// slowWeb serves a file as far as it is let, and counts what it sent.
type slowWeb struct {
	*web
	mu    sync.Mutex
	more  chan struct{} // closed and renewed when something changes
	etag  string
	data  []byte
	let   int // bytes of data that may be sent
	total int // bytes of bodies
}

func newSlowWeb(t *testing.T, etag string, data []byte) *slowWeb {
	s := &slowWeb{etag: etag, data: data, more: make(chan struct{})}
	s.web = newWeb(t, s.serve)
	return s
}

// allow lets the first n bytes be sent.
func (s *slowWeb) allow(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.let = n
	close(s.more)
	s.more = make(chan struct{})
}

// become makes it another file.
func (s *slowWeb) become(etag string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.etag, s.data = etag, data
}

func (s *slowWeb) bytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

func (s *slowWeb) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	etag, data := s.etag, s.data
	s.mu.Unlock()
	w.Header().Set("ETag", etag)
	http.ServeContent(&slowly{ResponseWriter: w, s: s, r: r}, r, "", modified, &pieces{bytes.NewReader(data)})
}

// pieces hides WriterTo, so that what is sent is sent in small pieces.
type pieces struct{ r *bytes.Reader }

func (c *pieces) Read(b []byte) (int, error)                { return c.r.Read(b[:min(len(b), 16<<10)]) }
func (c *pieces) Seek(off int64, whence int) (int64, error) { return c.r.Seek(off, whence) }

// slowly waits before it passes on what the site does not let go yet.
type slowly struct {
	http.ResponseWriter
	s  *slowWeb
	r  *http.Request
	at int // in the file; -1: not known yet
}

func (w *slowly) Write(b []byte) (int, error) {
	if w.at == 0 {
		var from int
		_, _ = fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-", &from)
		w.at = from
	}
	for {
		w.s.mu.Lock()
		let, more := w.s.let, w.s.more
		if w.at+len(b) <= let {
			w.s.total += len(b)
			w.s.mu.Unlock()
			w.at += len(b)
			n, err := w.ResponseWriter.Write(b)
			_ = http.NewResponseController(w.ResponseWriter).Flush()
			return n, err
		}
		w.s.mu.Unlock()
		select {
		case <-more:
		case <-w.r.Context().Done():
			return 0, w.r.Context().Err()
		}
	}
}

// noise is a content of n bytes that do not repeat.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// until fails the test unless ok comes true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// asking is a Fetch that runs.
type asking struct {
	p    *peer
	err  error
	done chan struct{}
	stop context.CancelFunc

	mu  sync.Mutex
	far int64
	at  wire.NodeName
}

// ask starts a Fetch.
func (p *peer) ask(t *testing.T, url string) *asking {
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	a := &asking{p: p, done: make(chan struct{}), stop: cancel}
	go func() {
		defer close(a.done)
		a.err = p.Fetch(ctx, url, a.told)
	}()
	t.Cleanup(func() { cancel(); <-a.done })
	return a
}

func (a *asking) told(done, _ int64, at wire.NodeName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.far, a.at = done, at
}

func (a *asking) reached(n int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.far >= n
}

// kill ends the node with the Fetch.
func (a *asking) kill() {
	a.p.die()
	a.stop()
	<-a.done
}

// wait fails the test unless the Fetch ends well, with the file here.
func (a *asking) wait(t *testing.T, want []byte) {
	t.Helper()
	select {
	case <-a.done:
	case <-time.After(limit):
		t.Fatalf("%s does not end: %+v", a.p.self.Name, a.p.engine.Status())
	}
	if a.err != nil {
		t.Fatalf("%s: %v", a.p.self.Name, a.err)
	}
	a.p.has(t, "dir/x", string(want))
}
