package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"minimega/scripts/netlab"
)

// errNone says that there is no lab to talk to.
var errNone = errors.New("no lab runs: scripts/lab 3 starts one")

// record describes the running lab, for the commands that use it.
type record struct {
	PID    int
	Binary string
	Nodes  []recordedNode
}

// recordedNode is one node of a record.
type recordedNode struct{ Name, Space, Base string }

// statePath returns the file that holds the record: one lab a user.
func statePath() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "minimega-lab", "state.json"), nil
}

// claim makes this process the one that runs the user's lab.
func claim() (state string, release func(), err error) {
	if state, err = statePath(); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(filepath.Dir(state), 0o700); err != nil {
		return "", nil, err
	}
	lock, err := os.OpenFile(state+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return "", nil, errors.New("a lab runs already: scripts/lab down ends it")
	}
	release = func() {
		os.Remove(state)
		lock.Close()
	}
	return state, release, nil
}

// save writes the record.
func save(state, binary string, nodes []*netlab.Node) error {
	r := record{PID: os.Getpid(), Binary: binary}
	for _, n := range nodes {
		r.Nodes = append(r.Nodes, recordedNode{n.Name(), n.Host().Space(), n.Base()})
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(state, b, 0o600)
}

// load reads the running lab's record.
func load() (record, error) {
	var r record
	state, err := statePath()
	if err != nil {
		return r, err
	}
	b, err := os.ReadFile(state)
	if errors.Is(err, fs.ErrNotExist) {
		return r, errNone
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, err
	}
	if errors.Is(syscall.Kill(r.PID, 0), syscall.ESRCH) {
		return r, errNone
	}
	return r, nil
}

// command returns a command on the host of the first word's node, attached to
// this terminal.
func command(ctx context.Context, args []string, program func(record, recordedNode) []string) (*exec.Cmd, error) {
	r, err := load()
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, errors.New("node: must be named: scripts/lab list shows them")
	}
	for _, n := range r.Nodes {
		if n.Name != args[0] {
			continue
		}
		words := program(r, n)
		if n.Space != "" {
			words = append([]string{"nsenter", "--net=/run/netns/" + n.Space, "--"}, words...)
		}
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.Cancel = func() error { return nil } // the terminal's Ctrl-C reaches it by itself
		return cmd, nil
	}
	return nil, fmt.Errorf("no node %q: scripts/lab list shows them", args[0])
}

// attach opens a node's prompt, or runs one command there.
func attach(ctx context.Context, args []string) error {
	cmd, err := command(ctx, args, func(r record, n recordedNode) []string {
		words := []string{r.Binary, "-base", n.Base}
		if len(args) > 1 {
			return append(append(words, "-e"), args[1:]...)
		}
		return append(words, "-attach")
	})
	if err != nil {
		return err
	}
	return cmd.Run()
}

// runOn runs a program on a node's host.
func runOn(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("program: must be named: scripts/lab run NODE PROGRAM")
	}
	cmd, err := command(ctx, args, func(record, recordedNode) []string { return args[1:] })
	if err != nil {
		return err
	}
	return cmd.Run()
}

// list prints the running lab's nodes.
func list() error {
	r, err := load()
	if err != nil {
		return err
	}
	for _, n := range r.Nodes {
		fmt.Printf("%-6s %s\n", n.Name, n.Base)
	}
	return nil
}

// clean removes what a lab left that was killed.
func clean() error {
	state, release, err := claim()
	if err != nil {
		return err
	}
	defer release()
	return errors.Join(netlab.Sweep(), os.RemoveAll(filepath.Join(filepath.Dir(state), "nodes")))
}

// down ends the running lab and returns when it is gone.
func down(ctx context.Context) error {
	r, err := load()
	if errors.Is(err, errNone) {
		return clean()
	}
	if err != nil {
		return err
	}
	if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*stopTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := load(); errors.Is(err, errNone) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the lab (process %d) does not end: %w", r.PID, ctx.Err())
		}
	}
}
