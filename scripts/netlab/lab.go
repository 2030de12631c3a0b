package netlab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Reasons why a lab cannot do something.
var (
	ErrUnprivileged = errors.New("network namespaces need root and the ip, tc and nsenter programs")
	ErrNoNetwork    = errors.New("a lab without namespaces has no network of its own")
	ErrFull         = errors.New("a lab holds at most 250 hosts and 250 switches")
)

// most is how many hosts, and how many switches, a lab may have.
const most = 250

// namePrefix begins the name of every namespace that this package makes; the
// maker's process ID and a random part follow.
const namePrefix = "mmlab-"

// Lab is a set of switches, hosts and nodes that are removed together.
type Lab struct {
	prefix string // of this lab's namespaces; "" when it has none

	mu       sync.Mutex
	spaces   []string // namespaces made, in order
	hosts    []*Host
	switches []*Switch
	nodes    []*Node
}

// New returns an empty lab of network namespaces. The error is
// [ErrUnprivileged] where they cannot be made.
func New() (*Lab, error) {
	if os.Geteuid() != 0 {
		return nil, ErrUnprivileged
	}
	for _, tool := range []string{"ip", "tc", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnprivileged, err)
		}
	}
	var id [3]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	return &Lab{prefix: fmt.Sprintf("%s%d-%s-", namePrefix, os.Getpid(), hex.EncodeToString(id[:]))}, nil
}

// NewLocal returns an empty lab whose hosts are all this machine.
func NewLocal() *Lab { return &Lab{} }

// Local reports whether the lab's hosts are all this machine.
func (l *Lab) Local() bool { return l.prefix == "" }

// Host returns the host of that name, nil when there is none.
func (l *Lab) Host(name string) *Host {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.hosts {
		if h.name == name {
			return h
		}
	}
	return nil
}

// Nodes returns the lab's nodes in the order in which they were made.
func (l *Lab) Nodes() []*Node {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.nodes)
}

// Node returns the newest node of that name, nil when there is none.
func (l *Lab) Node(name string) *Node {
	for _, n := range slices.Backward(l.Nodes()) {
		if n.name == name {
			return n
		}
	}
	return nil
}

// Close ends the nodes and removes all that the lab made. It may be called
// again, and returns what could not be removed.
func (l *Lab) Close() error {
	l.mu.Lock()
	nodes, spaces := l.nodes, l.spaces
	l.nodes, l.hosts, l.switches, l.spaces = nil, nil, nil, nil
	l.mu.Unlock()
	for _, n := range nodes {
		n.Kill()
	}
	var errs []error
	for _, s := range slices.Backward(spaces) {
		errs = append(errs, remove(s))
	}
	return errors.Join(errs...)
}

// makeSpace makes the namespace of a host or switch, with its loopback up.
func (l *Lab) makeSpace(ctx context.Context, name string) (string, error) {
	space := l.prefix + name
	if err := run(ctx, "ip", "netns", "add", space); err != nil {
		return "", err
	}
	l.mu.Lock()
	l.spaces = append(l.spaces, space)
	l.mu.Unlock()
	return space, run(ctx, "ip", "-n", space, "link", "set", "lo", "up")
}

// Sweep removes the namespaces of labs whose process is gone.
func Sweep() error {
	entries, err := os.ReadDir("/run/netns")
	if err != nil {
		return nil // none were ever made here
	}
	var errs []error
	for _, e := range entries {
		if pid, ok := maker(e.Name()); ok && !alive(pid) {
			errs = append(errs, remove(e.Name()))
		}
	}
	return errors.Join(errs...)
}

// maker returns the process ID in the name of a namespace of this package.
func maker(space string) (pid int, ok bool) {
	rest, ok := strings.CutPrefix(space, namePrefix)
	if !ok {
		return 0, false
	}
	number, _, ok := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(number)
	return pid, ok && err == nil && pid > 0
}

// alive reports whether a process of that ID runs.
func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// remove kills what runs in a namespace and deletes it.
func remove(space string) error {
	out, err := exec.Command("ip", "netns", "pids", space).Output()
	if err != nil {
		return fmt.Errorf("ip netns pids %s: %w", space, err)
	}
	for _, word := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(word); err == nil && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended since
		}
	}
	return run(context.Background(), "ip", "netns", "del", space)
}

// run runs a program, whose output is in the error when it fails.
func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
