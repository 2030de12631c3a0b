package netlab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// Switch is a bridge in a namespace of its own, with one network.
type Switch struct {
	lab   *Lab
	index int // the network is 10.213.index.0/24
	space string
}

// AddSwitch makes a switch.
func (l *Lab) AddSwitch(ctx context.Context) (*Switch, error) {
	if l.Local() {
		return nil, ErrNoNetwork
	}
	l.mu.Lock()
	s := &Switch{lab: l, index: len(l.switches)}
	l.switches = append(l.switches, s)
	l.mu.Unlock()
	if s.index >= most {
		return nil, ErrFull
	}
	var err error
	if s.space, err = l.makeSpace(ctx, fmt.Sprintf("sw%d", s.index)); err != nil {
		return nil, err
	}
	return s, errors.Join(s.plain(ctx), ip(ctx, s.space,
		"link add br0 type bridge forward_delay 0 mcast_snooping 0",
		"link set br0 up",
		"link add void type bridge forward_delay 0 mcast_snooping 0",
		"link set void up"))
}

// plain lets the switch's packets pass the firewall by, where a module of the
// kernel would have them go through it: that took a sixteenth of all time when
// sixteen hosts moved files.
func (s *Switch) plain(ctx context.Context) error {
	return run(ctx, "nsenter", "--net=/run/netns/"+s.space, "--", "sh", "-c",
		`for f in /proc/sys/net/bridge/bridge-nf-call-*; do if [ -e "$f" ]; then echo 0 >"$f"; fi; done`)
}

// Host is one machine of a lab.
type Host struct {
	lab   *Lab
	name  string
	index int    // the last byte of its addresses
	space string // "" in a local lab
	ports []port // ports[i] is the far end of interface eth<i>
}

// port is where a host's interface meets a switch.
type port struct {
	on   *Switch
	name string // of the interface in the switch's namespace
}

// AddHost makes a host without a network.
func (l *Lab) AddHost(ctx context.Context, name string) (*Host, error) {
	l.mu.Lock()
	h := &Host{lab: l, name: name, index: len(l.hosts) + 1}
	l.hosts = append(l.hosts, h)
	l.mu.Unlock()
	switch {
	case h.index > most:
		return nil, ErrFull
	case l.Local():
		return h, nil
	}
	var err error
	h.space, err = l.makeSpace(ctx, name)
	return h, err
}

// Name returns the name that the host was made with.
func (h *Host) Name() string { return h.name }

// Space returns the name of the host's network namespace, "" when it has none.
func (h *Host) Space() string { return h.space }

// Join connects the host to s with its next interface (eth0, eth1, …).
func (h *Host) Join(ctx context.Context, s *Switch, link Link) error {
	if h.space == "" {
		return ErrNoNetwork
	}
	eth := fmt.Sprintf("eth%d", len(h.ports))
	p := port{on: s, name: fmt.Sprintf("p%d-%d", h.index, len(h.ports))}
	h.ports = append(h.ports, p)
	if err := ip(ctx, s.space, fmt.Sprintf("link add %s type veth peer name %s netns %s", p.name, eth, h.space)); err != nil {
		return err
	}
	if err := h.quiet(ctx, eth); err != nil {
		return err
	}
	if err := ip(ctx, s.space, "link set "+p.name+" master br0 up"); err != nil {
		return err
	}
	if err := ip(ctx, h.space, fmt.Sprintf("address add %s/24 dev %s", h.Addr(len(h.ports)-1), eth), "link set "+eth+" up"); err != nil {
		return err
	}
	return h.Shape(ctx, len(h.ports)-1, link)
}

// quiet turns off duplicate address detection, so that the interface's IPv6
// address can be used as soon as it is up.
func (h *Host) quiet(ctx context.Context, eth string) error {
	return h.Command(ctx, "sh", "-c", `echo 0 >"/proc/sys/net/ipv6/conf/$0/accept_dad" 2>/dev/null || true`, eth).Run()
}

// Addr returns the IPv4 address of the host's interface i; 127.0.0.1 in a
// local lab.
func (h *Host) Addr(i int) netip.Addr {
	if h.space == "" {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.AddrFrom4([4]byte{10, 213, byte(h.ports[i].on.index), byte(h.index)})
}

// Cut lets every frame between the host and those that are not cut vanish from
// now on: carriers stay up and nobody is told. Hosts that are cut reach each
// other. Mend undoes it.
func (h *Host) Cut(ctx context.Context) error { return h.plug(ctx, "void") }

// Mend undoes Cut.
func (h *Host) Mend(ctx context.Context) error { return h.plug(ctx, "br0") }

// plug moves the far ends of the host's interfaces to a bridge: hosts in the
// same one reach each other.
func (h *Host) plug(ctx context.Context, bridge string) error {
	if h.space == "" {
		return ErrNoNetwork
	}
	for _, p := range h.ports {
		if err := ip(ctx, p.on.space, "link set "+p.name+" master "+bridge); err != nil {
			return err
		}
	}
	return nil
}

// Command returns a command that runs on the host.
func (h *Host) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if h.space == "" {
		return exec.CommandContext(ctx, name, args...)
	}
	return exec.CommandContext(ctx, "nsenter", append([]string{"--net=/run/netns/" + h.space, "--", name}, args...)...)
}

// Listen returns a TCP listener of this process on the host.
func (h *Host) Listen(address string) (l net.Listener, err error) {
	if h.space == "" {
		return net.Listen("tcp", address)
	}
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer home.Close()
	if err := enter("/run/netns/" + h.space); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	l, err = net.Listen("tcp", address)
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		return l, err // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return l, err
}

// enter moves the calling thread to a network namespace.
func enter(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}
