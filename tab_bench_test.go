package main_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"minimega/scripts/netlab"
	"minimega/shell/term/termtest"
)

// Size of the mesh that BenchmarkTab asks.
const (
	tabNodes = 16
	tabFiles = 10_000 // on each node
)

// BenchmarkTab measures how long Tab on file: takes at a prompt, with nodes in
// network namespaces that have many files each: until the text that all names
// share stands in the line. It is pressed first at prompts that have just been
// started, then again at one, when nothing that was said is fresh any more;
// then with one node stopped: as long as that is not known, and later. Run it
// with -benchtime 20x.
func BenchmarkTab(b *testing.B) {
	m := newTabMesh(b)
	b.Run("first", func(b *testing.B) {
		var took []time.Duration
		for range b.N {
			c := m.prompt(b)
			took = append(took, tab1(c))
			c.Send("quit" + enter)
			c.ExpectExit()
		}
		report(b, took)
	})
	c := m.prompt(b)
	again := func(b *testing.B) {
		var took []time.Duration
		for range b.N {
			time.Sleep(3100 * time.Millisecond) // longer than answers are good for
			took = append(took, tab1(c))
		}
		report(b, took)
	}
	b.Run("again", again)
	if err := m.others[7].Signal(syscall.SIGSTOP); err != nil {
		b.Fatal(err)
	}
	b.Run("one_stopped", again)
}

// tab1 presses Tab on file: and returns how long it took.
func tab1(c *termtest.Console) time.Duration {
	c.Send("echo file:")
	c.Expect("echo file:")
	took := c.Within(tab, "file:image-")
	giveUp(c)
	return took
}

// report reports the first, the median and the slowest but one in a hundred.
func report(b *testing.B, took []time.Duration) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(took[0]), "first-ms")
	slices.Sort(took)
	b.ReportMetric(ms(took[len(took)/2]), "median-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
}

// tabMesh is a mesh of nodes with many files, and a host for prompts.
type tabMesh struct {
	desk   *netlab.Host
	setup  netlab.Setup
	others []*netlab.Node
	made   int // prompts
}

func newTabMesh(b *testing.B) *tabMesh {
	lab, err := netlab.New()
	if err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() { lab.Close() })   // what it leaves, the system shows
	dir, err := os.MkdirTemp("", "tab") // b.TempDir is too long for a socket's path
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	b.Setenv("XDG_STATE_HOME", dir)
	setup := netlab.Setup{Binary: build(b), Dir: dir, Key: filepath.Join(dir, "mesh.key"), Flags: []string{"-context", filepath.Base(dir)}}
	nodes, err := lab.Row(b.Context(), netlab.Names("kn", tabNodes+1), netlab.Link{}, setup)
	if err != nil {
		b.Fatal(err)
	}
	m := &tabMesh{desk: nodes[0].Host(), setup: setup, others: nodes[1:]}
	for i, n := range m.others {
		makeMany(b, n.Files(), i)
	}
	if err := netlab.StartAll(b.Context(), m.others); err != nil {
		b.Fatal(err)
	}
	return m
}

// prompt starts a prompt that sees all nodes and is seen by them.
func (m *tabMesh) prompt(b *testing.B) *termtest.Console {
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	m.made++
	n := m.desk.AddNode(fmt.Sprint("me", m.made), m.setup)
	c := termtest.Start(b, n.Command(b.Context(), "-port", "0"))
	c.Expect(promptText)
	if err := n.Ready(ctx); err != nil {
		b.Fatal(err)
	}
	if err := netlab.AwaitMesh(ctx, append(slices.Clone(m.others), n), tabNodes+1); err != nil {
		b.Fatal(err)
	}
	return c
}

// makeMany makes empty files whose names begin alike on every node.
func makeMany(b *testing.B, dir string, node int) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	for i := range tabFiles {
		path := filepath.Join(dir, fmt.Sprintf("image-%02d-%05d.qcow2", node, i))
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
}
