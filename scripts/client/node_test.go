package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"minimega/scripts/netlab"
)

// patient is how long a test waits for what must come.
const patient = 30 * time.Second

// build builds the program, below dir.
func build(dir string) (binary string, err error) {
	binary = filepath.Join(dir, "minimega")
	if out, err := exec.Command("go", "build", "-o", binary, "minimega").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
}

// node runs a node of the built program on this host until stop is called.
func node(ctx context.Context) (n *netlab.Node, stop func() error, err error) {
	dir, err := os.MkdirTemp("", "client") // short: a socket's path is bounded
	if err != nil {
		return nil, nil, err
	}
	lab := netlab.NewLocal()
	stop = func() error { return errors.Join(lab.Close(), os.RemoveAll(dir)) }
	n, err = start(ctx, lab, dir)
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return n, stop, nil
}

func start(ctx context.Context, lab *netlab.Lab, dir string) (*netlab.Node, error) {
	binary, err := build(dir)
	if err != nil {
		return nil, err
	}
	setup := netlab.Setup{Binary: binary, Dir: dir, Key: filepath.Join(dir, "mesh.key"), Flags: []string{"-context", filepath.Base(dir)}}
	nodes, err := lab.Row(ctx, []string{"kn1"}, netlab.Link{}, setup)
	if err != nil {
		return nil, err
	}
	return nodes[0], netlab.StartAll(ctx, nodes)
}

// runNode runs a node for the test's time.
func runNode(t *testing.T) *netlab.Node {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	n, stop, err := node(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}
