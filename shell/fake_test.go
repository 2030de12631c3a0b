package shell

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"minimega/mesh"
	"minimega/mesh/wire"
	"minimega/shell/output"
	"minimega/transfer"
	"minimega/transfer/store"
	"minimega/vmconfig"
)

// fakeMesh is a mesh whose nodes are shells, or silent.
type fakeMesh struct {
	self   wire.Member
	degree int
	settle func() // called by Settle; may be nil

	mu     sync.Mutex
	others []wire.Member
	nodes  map[wire.NodeID]*Shell // absent: never answers
}

func member(name string, id byte) wire.Member {
	return wire.Member{ID: wire.NodeID{id}, Name: wire.NodeName(name)}
}

func (m *fakeMesh) Self() wire.Member { return m.self }
func (m *fakeMesh) Settle(ctx context.Context) error {
	if m.settle != nil {
		m.settle()
	}
	return ctx.Err()
}

func (m *fakeMesh) Changed() <-chan struct{} { return nil }

func (m *fakeMesh) Members() []wire.Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.others)
}

func (m *fakeMesh) Lookup(name string) (wire.Member, error) {
	for _, o := range append(m.Members(), m.self) {
		if string(o.Name) == name {
			return o, nil
		}
	}
	return wire.Member{}, fmt.Errorf("%s: %w: see mesh list all", name, wire.ErrUnreachable)
}

func (m *fakeMesh) Dial(context.Context, string) error { return wire.ErrUnreachable }
func (m *fakeMesh) Hangup(string) error                { return nil }
func (m *fakeMesh) SetDegree(n int)                    { m.degree = n }
func (m *fakeMesh) Status() mesh.Status {
	return mesh.Status{Size: 1 + len(m.others), Degree: m.degree, Peers: len(m.others), Context: "minimega", Port: 9000}
}

func (m *fakeMesh) Links() []mesh.Adjacency {
	all := []mesh.Adjacency{{Node: m.self.Name}}
	for _, o := range m.others {
		all[0].Peers = append(all[0].Peers, o.Name)
		all = append(all, mesh.Adjacency{Node: o.Name, Peers: []wire.NodeName{m.self.Name}})
	}
	return all
}

func (m *fakeMesh) Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply] {
	return func(yield func(wire.Reply) bool) {
		for _, o := range m.others {
			if !slices.Contains(to, o.ID) {
				continue
			}
			reply := wire.Reply{From: o}
			if node := m.nodes[o.ID]; node != nil {
				reply.Body, reply.Err = node.Methods()[method](ctx, m.self, body)
			} else {
				<-ctx.Done()
				reply.Err = ctx.Err()
			}
			if !yield(reply) {
				return
			}
		}
	}
}

// fakeFiles is an engine that has what is in has, after it is let go.
type fakeFiles struct {
	mu      sync.Mutex
	has     []string // files that can be had
	got     []string // asked for
	deleted []string
	status  []transfer.Status
	ended   []transfer.Status
	hold    chan struct{} // jobs end when it is closed; nil: at once
	limit   int64
	fate    error // of jobs; those on hold meet it when Idle is called
}

func (f *fakeFiles) Get(_ context.Context, pattern string, _ transfer.Pick) (Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, pattern)
	j := &fakeJob{name: pattern, done: f.hold, err: f.fate}
	for _, name := range f.has {
		if ok := name == pattern; ok || strings.HasSuffix(pattern, "*") && strings.HasPrefix(name, pattern[:len(pattern)-1]) {
			j.files = append(j.files, wire.FileName(name))
		}
	}
	if len(j.files) == 0 {
		return nil, wire.ErrNotFound
	}
	if j.done == nil {
		j.done = make(chan struct{})
		close(j.done)
	}
	return j, nil
}

func (f *fakeFiles) Status() []transfer.Status { return f.status }
func (f *fakeFiles) Ended() []transfer.Status  { return f.ended }
func (f *fakeFiles) Limit() int64              { return f.limit }
func (f *fakeFiles) SetLimit(n int64) error    { f.limit = n; return nil }
func (f *fakeFiles) Delete(name string) error  { f.deleted = append(f.deleted, name); return nil }

func (f *fakeFiles) Idle(context.Context) error {
	if f.fate != nil && f.hold != nil {
		close(f.hold)
	}
	return nil
}

func (f *fakeFiles) Stream(_ context.Context, name string, part func([]byte) error) error {
	if !slices.Contains(f.has, name) {
		return wire.ErrNotFound
	}
	for _, text := range []string{"one", "two", "three"} {
		if err := part([]byte(text)); err != nil {
			return err
		}
	}
	return nil
}

type fakeJob struct {
	name  string
	files []wire.FileName
	done  chan struct{}
	err   error

	followed bool // by whoever asked for it last
}

func (j *fakeJob) Done() <-chan struct{} { return j.done }
func (j *fakeJob) Err() error            { return j.err }
func (j *fakeJob) Progress() transfer.Progress {
	return transfer.Progress{Name: j.name, BytesTotal: 1 << 30}
}
func (j *fakeJob) Files() []wire.FileName { return j.files }
func (j *fakeJob) Warnings() []string     { return nil }
func (j *fakeJob) Hurry()                 {}
func (j *fakeJob) Follow()                { j.followed = true }
func (j *fakeJob) Leave()                 { j.followed = false }

func (j *fakeJob) Begun() <-chan struct{} {
	begun := make(chan struct{})
	close(begun)
	return begun
}

// fakeStore is a files directory at /files.
type fakeStore struct{ entries map[string][]store.Entry }

func (fakeStore) Dir() string                    { return "/files" }
func (fakeStore) Path(name wire.FileName) string { return "/files/" + string(name) }
func (s fakeStore) List(path string, _ bool) ([]store.Entry, error) {
	return s.entries[strings.Trim(path, "/")], nil
}
func (s fakeStore) Look(path string, recursive bool) (store.Listing, error) {
	entries, err := s.List(path, recursive)
	return store.Listing{Entries: entries}, err
}

func file(name string, size int64) store.Entry {
	return store.Entry{Name: wire.FileName(name), Kind: store.File, Meta: wire.Meta{Size: size}}
}

func dir(name string, size int64) store.Entry {
	return store.Entry{Name: wire.FileName(name), Kind: store.Dir, Meta: wire.Meta{Size: size}}
}

// node is a shell and the fakes below it.
type node struct {
	*Shell
	mesh  *fakeMesh
	files *fakeFiles
	store fakeStore
}

func newNode(t testing.TB, name string, others ...*node) *node {
	t.Helper()
	n := &node{
		mesh:  &fakeMesh{self: member(name, byte(len(others)+1)), degree: 4, nodes: map[wire.NodeID]*Shell{}},
		files: &fakeFiles{},
		store: fakeStore{map[string][]store.Entry{}},
	}
	for i, o := range others {
		m := member(string(o.mesh.self.Name), byte(100+i))
		n.mesh.others = append(n.mesh.others, m)
		n.mesh.nodes[m.ID] = o.Shell
	}
	s, err := New(Config{
		Mesh: n.mesh, Files: n.files, Store: n.store, VM: vmconfig.New("/files"),
		Version: "minimega test", Args: [][2]string{{"base", "/tmp/x"}, {"attach", "false"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.Shell = s
	return n
}

// run returns what is printed of lines, errors as error lines.
func (n *node) run(t testing.TB, c *Client, lines ...string) string {
	t.Helper()
	var b strings.Builder
	for _, line := range lines {
		n.Exec(t.Context(), c, line, func(r Result) {
			if r.Rendered != "" {
				b.WriteString(r.Rendered + "\n")
			}
			for _, one := range r.Responses {
				if one.Error != "" {
					b.WriteString(output.ErrorLine(one.Host, one.Error) + "\n")
				}
			}
		})
	}
	return b.String()
}
