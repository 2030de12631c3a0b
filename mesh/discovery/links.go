package discovery

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// maxLinks is how many interfaces mDNS runs on; a host with bridges and
// hundreds of taps should not answer each question hundreds of times.
const maxLinks = 16

// A link is an interface that mDNS can run on.
type link struct {
	net.Interface
	addrs []netip.Addr   // its own, without zone; never empty
	nets  []netip.Prefix // of addrs
}

// key identifies the link and everything about it that sockets depend on.
func (l *link) key() string { return fmt.Sprint(l.Index, l.Name, l.addrs) }

func (l *link) has4() bool { return slices.ContainsFunc(l.addrs, netip.Addr.Is4) }
func (l *link) has6() bool { return slices.ContainsFunc(l.addrs, netip.Addr.Is6) }

// routable reports whether l has an address that is not link-local.
func (l *link) routable() bool {
	return slices.ContainsFunc(l.addrs, func(a netip.Addr) bool { return !a.IsLinkLocalUnicast() })
}

// multicastLinks returns the interfaces among ifs that are up, can multicast
// and have an address: at most maxLinks, those with routable addresses first.
// Loopback is left to the rendezvous directory.
func multicastLinks(ifs []net.Interface) []link {
	const need = net.FlagUp | net.FlagMulticast
	var links []link
	for _, ifi := range ifs {
		if ifi.Flags&need != need || ifi.Flags&net.FlagLoopback != 0 {
			continue
		}
		if l := linkOf(ifi); len(l.addrs) > 0 {
			links = append(links, l)
		}
	}
	slices.SortStableFunc(links, func(a, b link) int { return cmp.Compare(rank(&a), rank(&b)) })
	return links[:min(len(links), maxLinks)]
}

func rank(l *link) int {
	if l.routable() {
		return 0
	}
	return 1
}

// linkOf returns the link that an interface is; it has no addresses if that has
// just gone.
func linkOf(ifi net.Interface) link {
	l := link{Interface: ifi}
	nets, err := ifi.Addrs()
	if err != nil {
		return l
	}
	for _, n := range nets {
		prefix, ok := n.(*net.IPNet)
		if !ok {
			continue
		}
		a, ok := netip.AddrFromSlice(prefix.IP)
		if !ok || a.IsMulticast() {
			continue
		}
		a = a.Unmap()
		ones, _ := prefix.Mask.Size()
		l.addrs = append(l.addrs, a)
		l.nets = append(l.nets, netip.PrefixFrom(a, ones))
	}
	return l
}

// near reports whether a is an IPv4 address in a network that l itself is in.
func (l *link) near(a netip.Addr) bool {
	return a.Is4() && slices.ContainsFunc(l.nets, func(n netip.Prefix) bool { return n.Contains(a) })
}

// announced returns the addresses of all links that are worth telling to
// others, routable ones first: at most MaxAddrs.
func announced(links []link) []netip.Addr {
	var addrs, local []netip.Addr
	for _, l := range links {
		for _, a := range l.addrs {
			if a.IsLinkLocalUnicast() {
				local = append(local, a)
			} else {
				addrs = append(addrs, a)
			}
		}
	}
	addrs = append(addrs, local...)
	return addrs[:min(len(addrs), MaxAddrs)]
}
