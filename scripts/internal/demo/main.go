// Command demo shows the program at work: three nodes, a disk image and a
// directory on the first, a script on the second that fetches both. It exits 0
// when what arrived is what it should be.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"minimega/scripts/netlab"
)

// session is what the second node is told to do.
const session = `mesh status
file get bigfile
vm config disk file:foo.qcow2
file status
vm config disk
file get tools
`

// after is what it is asked when all transfers are done.
const after = `file status
file list
file list tools
`

// showTime bounds what runs without the user.
const showTime = 2 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	binary := flag.String("binary", "", "the program to show")
	flag.Parse()
	err := demo(ctx, *binary)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demo sets the stage, runs the session, and on a terminal leaves the user
// with a prompt.
func demo(ctx context.Context, binary string) (err error) {
	net, err := netlab.New()
	if errors.Is(err, netlab.ErrUnprivileged) {
		say("%v: all nodes are on this host", err)
		net, err = netlab.NewLocal(), nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	dir, err := os.MkdirTemp("", "minimega-demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	setup := netlab.Setup{Binary: binary, Dir: dir, Key: filepath.Join(dir, "mesh.key")}
	nodes, err := net.Row(ctx, netlab.Names("kn", 3), netlab.Even(400e6), setup)
	if errors.Is(err, netlab.ErrNoNetwork) {
		nodes, err = net.Row(ctx, netlab.Names("kn", 3), netlab.Link{}, setup)
	}
	if err != nil {
		return err
	}
	if err := show(ctx, nodes); err != nil {
		return err
	}
	return prompt(ctx, nodes[1])
}

// show runs the session on the second node and checks what it fetched.
func show(ctx context.Context, nodes []*netlab.Node) error {
	ctx, cancel := context.WithTimeout(ctx, showTime)
	defer cancel()
	first, second := nodes[0], nodes[1]
	if err := stock(ctx, first.Files()); err != nil {
		return err
	}
	say("kn1 has a file, a disk image with a backing image, and a directory; starting kn1 and kn3")
	if err := netlab.StartAll(ctx, []*netlab.Node{first, nodes[2]}); err != nil {
		return err
	}
	out, err := pipe(ctx, second, session)
	if err != nil {
		return err
	}
	if want := filepath.Join(second.Files(), "foo.qcow2") + "]"; !strings.Contains(out, want) {
		return fmt.Errorf("vm config disk does not show %s", want)
	}
	if out, err = pipe(ctx, second, after); err != nil {
		return err
	}
	if !strings.Contains(out, "bigfile") || strings.Contains(out, "transfer_") {
		return errors.New("file list does not show bigfile alone")
	}
	n, err := compare(first.Files(), second.Files())
	if err != nil {
		return err
	}
	say("kn2 has what kn1 has: %d files and directories, hashes compared", n)
	return nil
}

// pipe starts a node that reads its commands from a pipe, shows what happens,
// and returns what it printed.
func pipe(ctx context.Context, n *netlab.Node, script string) (string, error) {
	say("%s runs this script from a pipe:", n.Name())
	for line := range strings.Lines(script) {
		fmt.Print("    minimega$ ", line)
	}
	fmt.Println()
	var out bytes.Buffer
	cmd := n.Command(ctx)
	cmd.Stdin = strings.NewReader(script)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, &out), os.Stderr
	err := cmd.Run()
	fmt.Println()
	return out.String(), err
}

// prompt opens the second node's prompt when there is a terminal.
func prompt(ctx context.Context, n *netlab.Node) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) {
		return nil
	}
	say("the prompt of %s: try `mesh list`, `file list`, `file get ` and Tab, `help`; `quit` ends the demo", n.Name())
	cmd := n.Command(ctx)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	signal.Ignore(os.Interrupt) // it is the prompt's
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// say prints a line about what the demo does.
func say(format string, args ...any) {
	fmt.Printf("demo: "+format+"\n", args...)
}
