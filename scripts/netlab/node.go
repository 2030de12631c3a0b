package netlab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// poll is how often something outside this process is looked at.
const poll = 5 * time.Millisecond

// Setup says how the nodes of a lab are run.
type Setup struct {
	Binary string   // the program
	Dir    string   // holds a base directory and a log file a node
	Key    string   // file with the mesh's key
	Flags  []string // more flags for every node
}

// Node is one daemon on a host. Its base directory is Dir/<name>, its log
// Dir/<name>.log.
type Node struct {
	name  string
	host  *Host
	setup Setup
	cmd   *exec.Cmd     // nil before the first start
	done  chan struct{} // closed when cmd has been waited for
}

// AddNode makes a node, not yet started, on a host. The lab's Close ends it.
func (h *Host) AddNode(name string, setup Setup) *Node {
	n := &Node{name: name, host: h, setup: setup}
	h.lab.mu.Lock()
	defer h.lab.mu.Unlock()
	h.lab.nodes = append(h.lab.nodes, n)
	return n
}

// Name returns the node's name.
func (n *Node) Name() string { return n.name }

// Host returns the machine that the node runs on.
func (n *Node) Host() *Host { return n.host }

// Base returns the node's base directory.
func (n *Node) Base() string { return filepath.Join(n.setup.Dir, n.name) }

// Files returns the directory that the node serves, unless its flags say
// otherwise.
func (n *Node) Files() string { return filepath.Join(n.Base(), "files") }

// Log returns the file that holds what the node wrote to its standard outputs.
func (n *Node) Log() string { return n.Base() + ".log" }

// Flags returns the flags that the node is started with.
func (n *Node) Flags() []string {
	flags := []string{"-name", n.name, "-base", n.Base(), "-key", n.setup.Key}
	if n.host.lab.Local() {
		flags = append(flags, "-port", "0")
	}
	return append(flags, n.setup.Flags...)
}

// Launch starts the daemon and does not wait for it to be ready.
func (n *Node) Launch(flags ...string) error {
	if n.Running() {
		return fmt.Errorf("node %s runs already", n.name)
	}
	log, err := os.OpenFile(n.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	args := append(append(n.Flags(), "-nostdin"), flags...)
	n.cmd = n.host.Command(context.Background(), n.setup.Binary, args...) // its life is the lab's
	n.cmd.Stdout, n.cmd.Stderr = log, log
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		return err
	}
	n.done = make(chan struct{})
	go func() { // ends with the process, which Kill sees to
		defer close(n.done)
		_ = n.cmd.Wait() // its outcome is in ProcessState
	}()
	return nil
}

// Start launches the daemon and returns when its socket answers.
func (n *Node) Start(ctx context.Context, flags ...string) error {
	if err := n.Launch(flags...); err != nil {
		return err
	}
	return n.Ready(ctx)
}

// Ready waits for the daemon's socket. The error says how the daemon ended
// when it did.
func (n *Node) Ready(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if c, err := net.Dial("unix", n.Socket()); err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-n.done:
			return fmt.Errorf("node %s ended: %v", n.name, n.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("node %s is not ready: %w", n.name, ctx.Err())
		}
	}
}

// Socket returns the path of the node's command socket.
func (n *Node) Socket() string { return filepath.Join(n.Base(), "minimega") }

// Running reports whether the daemon was started and has not ended.
func (n *Node) Running() bool {
	if n.cmd == nil {
		return false
	}
	select {
	case <-n.done:
		return false
	default:
		return true
	}
}

// PID returns the daemon's process ID, 0 before the first start.
func (n *Node) PID() int {
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// Signal sends a signal to the daemon.
func (n *Node) Signal(sig os.Signal) error {
	if !n.Running() {
		return fmt.Errorf("node %s does not run", n.name)
	}
	return n.cmd.Process.Signal(sig)
}

// Kill ends the daemon at once and waits until it is gone. It does nothing
// when none runs.
func (n *Node) Kill() {
	if n.Running() {
		_ = n.cmd.Process.Kill() // it may end by itself just now
		<-n.done
	}
}

// Wait waits until the daemon has ended and returns its exit status, -1 when a
// signal ended it.
func (n *Node) Wait(ctx context.Context) (int, error) {
	if n.cmd == nil {
		return 0, fmt.Errorf("node %s was not started", n.name)
	}
	select {
	case <-n.done:
		return n.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("node %s still runs: %w", n.name, ctx.Err())
	}
}

// Stop asks the daemon to end and waits for it.
func (n *Node) Stop(ctx context.Context) error {
	if !n.Running() {
		return nil
	}
	if err := n.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_, err := n.Wait(ctx)
	return err
}

// Command returns a command that runs the node in the foreground, reading its
// lines from the standard input that the caller gives it, with more flags.
func (n *Node) Command(ctx context.Context, flags ...string) *exec.Cmd {
	return n.host.Command(ctx, n.setup.Binary, append(n.Flags(), flags...)...)
}

// Client returns a command that runs one line on the daemon by the program's
// own client.
func (n *Node) Client(ctx context.Context, words ...string) *exec.Cmd {
	args := append([]string{"-base", n.Base(), "-e"}, words...)
	return n.host.Command(ctx, n.setup.Binary, args...)
}

// Do runs one line on the daemon and returns what it printed; what it
// complained about is in the error.
func (n *Node) Do(ctx context.Context, words ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := n.Client(ctx, words...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %q: %w: %s", n.name, words, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}

// Memory returns the daemon's resident set in bytes, now and at its peak.
func (n *Node) Memory() (now, peak int64, err error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(n.PID()), "status"))
	if err != nil {
		return 0, 0, err
	}
	return kilobytes(status, "VmRSS:"), kilobytes(status, "VmHWM:"), nil
}

// kilobytes returns the value of a line of /proc/<pid>/status, in bytes.
func kilobytes(status []byte, label string) int64 {
	_, rest, _ := bytes.Cut(status, []byte(label))
	var n int64
	if _, err := fmt.Sscan(string(rest), &n); err != nil {
		return 0
	}
	return n << 10
}
