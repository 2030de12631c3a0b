package download

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ErrNotAllowed reports an address that [Allow] forbids.
var ErrNotAllowed = errors.New("connections there are not allowed")

// Allow says which addresses may be connected to. The zero Allow is all but
// link-local ones, where clouds keep their metadata.
type Allow struct{ only []netip.Prefix }

// ParseAllow reads networks separated by commas, in CIDR notation; a bare
// address is that one alone. "" gives the zero Allow.
func ParseAllow(list string) (Allow, error) {
	var a Allow
	if strings.TrimSpace(list) == "" {
		return a, nil
	}
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		prefix, err := netip.ParsePrefix(part)
		if addr, err2 := netip.ParseAddr(part); err2 == nil && addr.Zone() == "" {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil || prefix.Addr().Is4In6() {
			return Allow{}, fmt.Errorf("must be networks such as 10.0.0.0/8,fd00::/8, but holds %q", part)
		}
		a.only = append(a.only, prefix.Masked())
	}
	return a, nil
}

// Check returns nil, or an error that wraps [ErrNotAllowed].
func (a Allow) Check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	switch {
	case a.only == nil && addr.IsLinkLocalUnicast():
		return fmt.Errorf("%s: %w: it is link-local: -http-allow can name its network", addr, ErrNotAllowed)
	case a.only == nil, slices.ContainsFunc(a.only, func(p netip.Prefix) bool { return p.Contains(addr) }):
		return nil
	}
	return fmt.Errorf("%s: %w: it is in no network that -http-allow names", addr, ErrNotAllowed)
}
