package mesh

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"minimega/mesh/wire"
)

// DefaultPort is where a node listens, and is dialled, unless told otherwise.
const DefaultPort = 9000

// localAddrs returns this host's addresses at which others may reach it, IPv4
// first, loopback only where there is nothing else.
func localAddrs() []string {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var addrs, loopback []netip.Addr
	for _, ifi := range interfaces {
		if ifi.Flags&net.FlagUp == 0 {
			continue
		}
		for _, addr := range addrsOf(ifi) {
			switch {
			case addr.IsLoopback():
				loopback = append(loopback, addr)
			case addr.IsGlobalUnicast():
				addrs = append(addrs, addr)
			}
		}
	}
	if len(addrs) == 0 {
		addrs = loopback
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return cmp.Compare(a.BitLen(), b.BitLen()) })
	names := make([]string, 0, len(addrs))
	for _, addr := range addrs[:min(len(addrs), wire.MaxAddrs)] {
		names = append(names, addr.String())
	}
	return names
}

func addrsOf(ifi net.Interface) []netip.Addr {
	all, err := ifi.Addrs()
	if err != nil {
		return nil
	}
	var addrs []netip.Addr
	for _, a := range all {
		if network, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(network.IP); ok {
				addrs = append(addrs, addr.Unmap())
			}
		}
	}
	return addrs
}

// withPort completes HOST[:PORT]; an IPv6 address may stand in brackets or not.
// A port of 0 is [DefaultPort].
func withPort(host string, port int) string {
	host = strings.TrimSpace(host)
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return net.JoinHostPort(host, strconv.Itoa(cmp.Or(port, DefaultPort)))
}

func hintAddrs(addr netip.Addr, port uint16) []netip.AddrPort {
	return []netip.AddrPort{netip.AddrPortFrom(addr, port)}
}
