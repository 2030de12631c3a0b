package main_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"minimega/scripts/netlab"
)

// Bounds of what a script waits for when it names none.
const (
	commandTime = 30 * time.Second
	pipeTime    = 60 * time.Second
	pollTime    = 100 * time.Millisecond
)

// mesh makes hosts kn1 to knN with a running node each, all in one mesh.
func (r *rig) mesh(ts *testscript.TestScript, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return errUsage
	}
	nodes, err := r.lab.Row(r.ctx, netlab.Names("kn", n), netlab.Link{}, r.setup)
	if err != nil {
		return err
	}
	if err := netlab.StartAll(r.ctx, nodes, args[1:]...); err != nil {
		return err
	}
	return netlab.AwaitMesh(r.ctx, nodes, n)
}

// node starts, signals and waits for daemons.
func (r *rig) node(ts *testscript.TestScript, args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	if args[0] == "start" {
		return r.start(ts, args[1], args[2:])
	}
	n := r.lab.Node(args[1])
	if n == nil {
		return fmt.Errorf("%w: no node %s", errUsage, args[1])
	}
	switch args[0] {
	case "kill":
		n.Kill()
		return nil
	case "stop":
		return n.Signal(syscall.SIGSTOP)
	case "cont":
		return n.Signal(syscall.SIGCONT)
	case "term":
		return n.Signal(syscall.SIGTERM)
	case "wait":
		return r.ended(n, args[2:])
	}
	return errUsage
}

// start starts a daemon on the host of its name, or, as NAME@HOST, on another.
// What it wrote can then be matched.
func (r *rig) start(ts *testscript.TestScript, name string, flags []string) error {
	name, host, ok := strings.Cut(name, "@")
	if !ok {
		host = name
	}
	h := r.lab.Host(host)
	if h == nil {
		return fmt.Errorf("%w: no host %s", errUsage, host)
	}
	n := r.lab.Node(name)
	if n == nil {
		n = h.AddNode(name, r.setup)
	}
	ctx, cancel := context.WithTimeout(r.ctx, patience()*commandTime)
	defer cancel()
	err := n.Start(ctx, flags...)
	log, _ := os.ReadFile(n.Log())
	ts.Stderr().Write(log)
	return err
}

// ended waits for a daemon's end and compares its exit status.
func (r *rig) ended(n *netlab.Node, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	limit, err := time.ParseDuration(args[1])
	if err != nil {
		return errUsage
	}
	ctx, cancel := context.WithTimeout(r.ctx, patience()*limit)
	defer cancel()
	status, err := n.Wait(ctx)
	if err == nil && strconv.Itoa(status) != args[0] {
		err = fmt.Errorf("exit status %d", status)
	}
	return err
}

// show runs a command whose output can then be matched.
func (r *rig) show(ts *testscript.TestScript, cmd *exec.Cmd) error {
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.Getenv("WORK"), &stdout, &stderr
	err := cmd.Run()
	ts.Stdout().Write(stdout.Bytes())
	ts.Stderr().Write(stderr.Bytes())
	if stdout.Len()+stderr.Len() > 0 {
		ts.Logf("%s%s", stdout.Bytes(), stderr.Bytes())
	}
	return err
}

// on runs one command on a daemon, at most `-t DURATION` long.
func (r *rig) on(ts *testscript.TestScript, args []string) error {
	limit := patience() * commandTime
	if len(args) > 2 && args[0] == "-t" {
		d, err := time.ParseDuration(args[1])
		if err != nil {
			return errUsage
		}
		limit, args = d, args[2:]
	}
	if len(args) < 2 || r.lab.Node(args[0]) == nil {
		return errUsage
	}
	ctx, cancel := context.WithTimeout(r.ctx, limit)
	defer cancel()
	err := r.show(ts, r.lab.Node(args[0]).Client(ctx, args[1:]...))
	if ctx.Err() != nil {
		ts.Fatalf("on %s: not done after %v", strings.Join(args, " "), limit)
	}
	return err
}

// pipe runs a script on a node of its own, which ends with it.
func (r *rig) pipe(ts *testscript.TestScript, args []string) error {
	if len(args) < 2 || r.lab.Host(args[0]) == nil {
		return errUsage
	}
	script, err := os.Open(ts.MkAbs(args[1]))
	if err != nil {
		return err
	}
	defer script.Close()
	ctx, cancel := context.WithTimeout(r.ctx, patience()*pipeTime)
	defer cancel()
	cmd := r.lab.Host(args[0]).AddNode(args[0], r.setup).Command(ctx, args[2:]...)
	cmd.Stdin = script
	err = r.show(ts, cmd)
	if ctx.Err() != nil {
		ts.Fatalf("pipe %s: not done after %v", strings.Join(args, " "), patience()*pipeTime)
	}
	return err
}

// until polls what look returns until it matches.
func (r *rig) until(pattern, limit string, look func() string) (last string, err error) {
	re, err := regexp.Compile("(?m)" + pattern)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errUsage, err)
	}
	d, err := time.ParseDuration(limit)
	if err != nil {
		return "", errUsage
	}
	ctx, cancel := context.WithTimeout(r.ctx, patience()*d)
	defer cancel()
	tick := time.NewTicker(pollTime)
	defer tick.Stop()
	for {
		if last = look(); re.MatchString(last) {
			return last, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return last, fmt.Errorf("after %v there is still only\n%s", patience()*d, last)
		}
	}
}

// waitfor repeats a command on a daemon until its output matches.
func (r *rig) waitfor(ts *testscript.TestScript, args []string) error {
	if len(args) < 4 || r.lab.Node(args[0]) == nil {
		return errUsage
	}
	n := r.lab.Node(args[0])
	last, err := r.until(args[1], args[2], func() string {
		out, _ := n.Client(r.ctx, args[3:]...).CombinedOutput() // a failure's message may be what is awaited
		return string(out)
	})
	ts.Stdout().Write([]byte(last))
	return err
}

// waitlog waits until what a daemon wrote matches.
func (r *rig) waitlog(ts *testscript.TestScript, args []string) error {
	if len(args) != 3 || r.lab.Node(args[0]) == nil {
		return errUsage
	}
	last, err := r.until(args[1], args[2], func() string {
		log, _ := os.ReadFile(r.lab.Node(args[0]).Log())
		return string(log)
	})
	ts.Stdout().Write([]byte(last))
	return err
}

// tmpfs mounts a small file system for the script's time.
func (r *rig) tmpfs(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	n, err := size(args[1])
	if err != nil {
		return err
	}
	dir := ts.MkAbs(args[0])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.FormatInt(n, 10)); err != nil {
		return fmt.Errorf("mount %s: %w", filepath.Base(dir), err)
	}
	r.mounts = append(r.mounts, dir)
	return nil
}
