package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"minimega/scripts/netlab"
	"minimega/shell/term/termtest"
)

// desk is a host with a terminal, beside hosts whose nodes have files.
type desk struct {
	ctx      context.Context
	lab      *netlab.Lab
	host     *netlab.Host
	setup    netlab.Setup
	kn2, kn3 *netlab.Node
	prompts  int // started so far
}

// newDesk makes a desk for the test's time: kn1, where prompts run, and kn2 and
// kn3 with a daemon each. It skips the test where that cannot be.
func newDesk(t *testing.T) *desk {
	if testing.Short() {
		t.Skip("prompts take a minute")
	}
	lab, err := netlab.New()
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	dir, err := os.MkdirTemp("", "desk") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("XDG_STATE_HOME", dir)
	d := &desk{ctx: t.Context(), lab: lab}
	d.setup = netlab.Setup{Binary: build(t), Dir: dir, Key: filepath.Join(dir, "mesh.key"), Flags: []string{"-context", filepath.Base(dir)}}
	nodes, err := lab.Row(d.ctx, netlab.Names("kn", 3), netlab.Link{}, d.setup)
	if err != nil {
		t.Fatal(err)
	}
	d.host, d.kn2, d.kn3 = lab.Host("kn1"), nodes[1], nodes[2]
	if err := netlab.StartAll(d.ctx, nodes[1:]); err != nil {
		t.Fatal(err)
	}
	if err := netlab.AwaitMesh(d.ctx, nodes[1:], 2); err != nil {
		t.Fatal(err)
	}
	return d
}

// prompt starts a node with a prompt, and waits for that.
func (d *desk) prompt(t *testing.T, size ...pty.Winsize) (*termtest.Console, *netlab.Node) {
	t.Helper()
	d.prompts++
	n := d.host.AddNode("me"+strconv.Itoa(d.prompts), d.setup)
	cmd := n.Command(context.Background(), "-port", "0")
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	c := termtest.Start(t, cmd, size...)
	c.Expect(promptText)
	return c, n
}

// promptText is what stands in front of a line.
const promptText = "minimega$ "

// meet waits until the prompt's node sees kn2 and kn3.
func (d *desk) meet(t *testing.T, n *netlab.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, termtest.Patient)
	defer cancel()
	if err := n.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	for {
		out, err := n.Do(ctx, "mesh", "list")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, "|--kn2") && strings.Contains(out, "|--kn3") {
			return
		}
	}
}

// make writes files that a node serves.
func (d *desk) make(t *testing.T, n *netlab.Node, size int64, names ...string) {
	t.Helper()
	for i, name := range names {
		path := filepath.Join(n.Files(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := netlab.MakeFile(path, size, netlab.Random, uint64(len(name)+i)); err != nil {
			t.Fatal(err)
		}
	}
}

// freeze stops kn3 for the test's time.
func (d *desk) freeze(t *testing.T) {
	t.Helper()
	if err := d.kn3.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.thaw(t) })
}

func (d *desk) thaw(t *testing.T) {
	t.Helper()
	if err := d.kn3.Signal(syscall.SIGCONT); err != nil {
		t.Error(err)
	}
}

// slow limits kn2's link for the test's time.
func (d *desk) slow(t *testing.T, rate string) {
	t.Helper()
	r, err := netlab.ParseRate(rate)
	if err != nil {
		t.Fatal(err)
	}
	d.shape(t, netlab.Even(r))
	t.Cleanup(func() { d.shape(t, netlab.Link{}) })
}

func (d *desk) shape(t *testing.T, link netlab.Link) {
	t.Helper()
	if err := d.lab.Host("kn2").Shape(context.Background(), 0, link); err != nil {
		t.Error(err)
	}
}

// bearable is how long a person may wait, on a machine that does much beside;
// what is measured is logged.
const bearable = time.Second

// quick fails the test when something took longer than a person bears.
func quick(t *testing.T, what string, took time.Duration) {
	t.Helper()
	t.Logf("%s: %v", what, took.Round(time.Millisecond/10))
	if took > patience()*bearable {
		t.Errorf("%s took %v", what, took)
	}
}
