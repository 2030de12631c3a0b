package discovery

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// findWithin is how long nodes may take to find each other.
const findWithin = 20 * time.Second

// A lab is a few hosts, each a network namespace, on bridged networks that no
// route leads out of.
type lab struct {
	t      *testing.T
	prefix string // of the names of namespaces
	cables int
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	if out, err := exec.Command("ip", "netns", "list").CombinedOutput(); err != nil {
		t.Skipf("needs ip(8) and network namespaces: %v %s", err, out)
	}
	l := &lab{t: t, prefix: fmt.Sprintf("mmdisc%d-", os.Getpid())}
	l.namespace("hub")
	return l
}

// ip runs ip(8), with words separated by spaces.
func (l *lab) ip(format string, args ...any) {
	l.t.Helper()
	words := strings.Fields(fmt.Sprintf(format, args...))
	if out, err := exec.Command("ip", words...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v\n%s", strings.Join(words, " "), err, out)
	}
}

func (l *lab) namespace(name string) {
	l.t.Helper()
	l.ip("netns add %s%s", l.prefix, name)
	l.t.Cleanup(func() { l.ip("netns del %s%s", l.prefix, name) })
	// Fresh IPv6 addresses are usable at once.
	l.sysctl(name, "ipv6/conf/default/accept_dad", "0")
	l.ip("-n %s%s link set lo up", l.prefix, name)
}

func (l *lab) sysctl(host, key, value string) {
	l.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", l.prefix+host, "sh", "-c", "echo "+value+" >/proc/sys/net/"+key)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Skipf("cannot set %s: %v %s", key, err, out)
	}
}

func (l *lab) noIPv6(host string) {
	l.t.Helper()
	l.sysctl(host, "ipv6/conf/all/disable_ipv6", "1")
	l.sysctl(host, "ipv6/conf/default/disable_ipv6", "1")
}

// network makes a bridge.
func (l *lab) network(bridge string) {
	l.t.Helper()
	l.ip("-n %shub link add %s type bridge mcast_snooping 0", l.prefix, bridge)
	l.ip("-n %shub link set %s up", l.prefix, bridge)
}

// plug connects a host to a bridge. Without an address it has IPv6 alone.
func (l *lab) plug(host, port, bridge, address string) {
	l.t.Helper()
	l.cables++
	l.ip("-n %s%s link add %s type veth peer name cable%d netns %shub", l.prefix, host, port, l.cables, l.prefix)
	l.ip("-n %shub link set cable%d master %s up", l.prefix, l.cables, bridge)
	if address != "" {
		l.ip("-n %s%s addr add %s dev %s", l.prefix, host, address, port)
	}
	l.ip("-n %s%s link set %s up", l.prefix, host, port)
}

// A process is the test binary in a role on a host.
type process struct {
	t      *testing.T
	name   string
	stdin  io.Closer
	events chan event
	wait   func() error
	began  time.Time
}

func (l *lab) start(host string, r role) *process {
	l.t.Helper()
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, kill := context.WithTimeout(context.Background(), time.Minute)
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", l.prefix+host, self)
	cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	p := &process{t: l.t, name: host, stdin: stdin, events: make(chan event, 1<<16), wait: cmd.Wait, began: time.Now()}
	go p.read(stdout)
	l.t.Cleanup(func() {
		stdin.Close()
		for range p.events { // until it has ended
		}
		kill()
		cmd.Wait()
	})
	return p
}

func (p *process) read(stdout io.Reader) {
	defer close(p.events)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			p.events <- e
		}
	}
}

// node starts a node of the test mesh.
func (l *lab) node(host string, n byte) *process {
	l.t.Helper()
	self := testSelf(n)
	self.Name = wire.NodeName(host)
	return l.start(host, role{Self: self})
}

// finds waits until p was told of all of those, and returns all its hints.
func (p *process) finds(those ...byte) []Hint {
	p.t.Helper()
	missing := make(map[wire.NodeID]bool)
	for _, n := range those {
		missing[testSelf(n).ID] = true
	}
	deadline := time.After(findWithin)
	var hints []Hint
	for len(missing) > 0 {
		select {
		case e := <-p.events:
			if e.Hint != nil {
				hints = append(hints, *e.Hint)
				delete(missing, e.Hint.ID)
			}
		case <-deadline:
			p.t.Fatalf("%s found only %v", p.name, hints)
		}
	}
	p.t.Logf("%s found %v in %v", p.name, those, time.Since(p.began).Round(time.Millisecond))
	return hints
}

// ends stops p and returns what it said at last.
func (p *process) ends() end {
	p.t.Helper()
	p.stdin.Close()
	for e := range p.events {
		if e.End != nil {
			if e.End.LeftOver != 0 {
				p.t.Errorf("%s: %d goroutines left over", p.name, e.End.LeftOver)
			}
			return *e.End
		}
	}
	p.t.Fatalf("%s ended badly", p.name)
	return end{}
}

// others returns 1 to n without self.
func others(n int, self byte) []byte {
	var list []byte
	for i := range n {
		if byte(i+1) != self {
			list = append(list, byte(i+1))
		}
	}
	return list
}
