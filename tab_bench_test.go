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
// share stands in the line. Nothing that was said before is fresh any more when
// Tab is pressed. Run it with -benchtime 100x.
func BenchmarkTab(b *testing.B) {
	lab, err := netlab.New()
	if err != nil {
		b.Skip(err)
	}
	defer lab.Close()                   // what it leaves, the system shows
	dir, err := os.MkdirTemp("", "tab") // b.TempDir is too long for a socket's path
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	b.Setenv("XDG_STATE_HOME", dir)
	setup := netlab.Setup{Binary: build(b), Dir: dir, Key: filepath.Join(dir, "mesh.key"), Flags: []string{"-context", filepath.Base(dir)}}
	nodes, err := lab.Row(b.Context(), netlab.Names("kn", tabNodes+1), netlab.Link{}, setup)
	if err != nil {
		b.Fatal(err)
	}
	me, others := nodes[0], nodes[1:]
	for i, n := range others {
		makeMany(b, n.Files(), i)
	}
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	if err := netlab.StartAll(ctx, others); err != nil {
		b.Fatal(err)
	}
	c := termtest.Start(b, me.Command(b.Context()))
	c.Expect(promptText)
	if err := me.Ready(ctx); err != nil {
		b.Fatal(err)
	}
	if err := netlab.AwaitMesh(ctx, nodes, len(nodes)); err != nil {
		b.Fatal(err)
	}
	b.Run("all", func(b *testing.B) { tabs(b, c) })
	if err := others[7].Signal(syscall.SIGSTOP); err != nil {
		b.Fatal(err)
	}
	b.Run("one stopped", func(b *testing.B) { tabs(b, c) })
	b.Run("one that was stopped for long", func(b *testing.B) { tabs(b, c) })
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

// tabs presses Tab on file: once for each of b.N, and reports how long that
// took. A pause between lets what was said grow old.
func tabs(b *testing.B, c *termtest.Console) {
	var took []time.Duration
	for b.Loop() {
		time.Sleep(3100 * time.Millisecond) // longer than answers are good for
		c.Send("echo file:")
		c.Expect("echo file:")
		took = append(took, c.Within("\t", "file:image-"))
		giveUp(c)
	}
	first := took[0]
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(first), "first-ms")
	b.ReportMetric(ms(took[len(took)/2]), "median-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
}
