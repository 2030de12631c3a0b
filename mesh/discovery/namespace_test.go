package discovery

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestHostsWithoutAnyRouteFindEachOtherOverIPv4(t *testing.T) {
	l := newLab(t)
	l.network("br0")
	var nodes []*process
	for i, host := range []string{"a", "b", "c"} {
		l.namespace(host)
		l.noIPv6(host)
		l.plug(host, "eth0", "br0", fmt.Sprintf("10.7.0.%d/24", i+1))
		nodes = append(nodes, l.node(host, byte(i+1)))
	}
	for i, n := range nodes {
		n.finds(others(3, byte(i+1))...)
	}
	for _, n := range nodes {
		if last := n.ends(); last.Log != "" {
			t.Errorf("%s logged %s", n.name, last.Log)
		}
	}
}

func TestHostsFindEachOtherOverIPv6LinkLocalAlone(t *testing.T) {
	l := newLab(t)
	l.network("br0")
	l.namespace("a")
	l.namespace("b")
	l.plug("a", "eth0", "br0", "")
	l.plug("b", "eth0", "br0", "")
	a, b := l.node("a", 1), l.node("b", 2)
	for _, h := range append(a.finds(2), b.finds(1)...) {
		if addr := h.Addrs[0].Addr(); !addr.IsLinkLocalUnicast() || addr.Zone() != "eth0" {
			t.Errorf("found at %v", h.Addrs)
		}
	}
}

func TestHostOnTwoNetworksFindsAndIsFoundOnBoth(t *testing.T) {
	l := newLab(t)
	l.network("br0")
	l.network("br1")
	for _, host := range []string{"a", "b", "c"} {
		l.namespace(host)
	}
	l.plug("a", "eth0", "br0", "10.7.0.1/24")
	l.plug("b", "eth0", "br0", "10.7.0.2/24")
	l.plug("b", "eth1", "br1", "10.8.0.2/24")
	l.plug("c", "eth0", "br1", "10.8.0.3/24")
	a, b, c := l.node("a", 1), l.node("b", 2), l.node("c", 3)
	b.finds(1, 3)
	for _, hints := range [][]Hint{a.finds(2), c.finds(2)} {
		h := hints[len(hints)-1]
		for _, want := range []string{"10.7.0.2:9000", "10.8.0.2:9000"} {
			if !has(h.Addrs, want) {
				t.Errorf("%v lacks %s", h.Addrs, want)
			}
		}
	}
}

func has(list []netip.AddrPort, want string) bool {
	for _, a := range list {
		if a.String() == want {
			return true
		}
	}
	return false
}

func TestInterfaceThatAppearsLaterIsUsed(t *testing.T) {
	l := newLab(t)
	l.network("br0")
	l.namespace("a")
	l.namespace("b")
	l.plug("a", "eth0", "br0", "10.7.0.1/24")
	a, b := l.node("a", 1), l.node("b", 2)
	if e := <-b.events; !e.FirstRound {
		t.Errorf("with loopback alone: %+v", e)
	}
	l.plug("b", "eth0", "br0", "10.7.0.2/24")
	b.finds(1)
	a.finds(2)
	if last := b.ends(); last.Log != "" {
		t.Errorf("logged %s", last.Log)
	}
}

func TestForgedServicesDoNotHideARealNode(t *testing.T) {
	l := newLab(t)
	l.network("br0")
	for i, host := range []string{"a", "b", "liar"} {
		l.namespace(host)
		l.noIPv6(host)
		l.plug(host, "eth0", "br0", fmt.Sprintf("10.7.0.%d/24", i+1))
	}
	l.start("liar", role{Self: testSelf(9), Forge: 1000})
	a, b := l.node("a", 1), l.node("b", 2)
	hints := append(a.finds(2), b.finds(1)...)
	hints = append(hints, a.finds(2)...) // and again: the flood has lasted
	hints = append(hints, b.finds(1)...)
	for _, n := range []*process{a, b} {
		last := n.ends()
		t.Logf("%s: %d bytes of heap from the system", n.name, last.HeapSys)
		if lines := strings.Count(last.Log, "\n"); lines > 10 {
			t.Errorf("%s logged %d lines", n.name, lines)
		}
		if last.HeapSys > 64<<20 {
			t.Errorf("%s took %d bytes of heap", n.name, last.HeapSys)
		}
	}
	for _, h := range hints {
		if len(h.Addrs) > MaxAddrs {
			t.Errorf("%d addresses in a hint", len(h.Addrs))
		}
	}
	t.Logf("%d hints in all", len(hints))
}

func TestNodesStartedTogetherOnOneHostFindEachOther(t *testing.T) {
	l := newLab(t)
	l.network("br0")
	l.namespace("a")
	l.plug("a", "eth0", "br0", "10.7.0.1/24")
	const count = 6
	var nodes []*process
	for i := range count {
		nodes = append(nodes, l.node("a", byte(i+1)))
	}
	for i, n := range nodes {
		n.finds(others(count, byte(i+1))...)
	}
}
