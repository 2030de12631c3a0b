package discovery

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"minimega/mesh/wire"
)

// MaxAddrs is the largest number of addresses in a [Hint] or an announcement.
const MaxAddrs = 16

// addrList collects addresses worth dialling: distinct, at most [MaxAddrs], in
// the order of their arrival.
type addrList []netip.AddrPort

// add appends a unless it cannot be another host's, is there already, or the
// list is full.
func (l *addrList) add(a netip.AddrPort) {
	a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	if len(*l) == MaxAddrs || a.Port() == 0 || !dialable(a.Addr()) {
		return
	}
	for _, have := range *l {
		if have == a {
			return
		}
	}
	*l = append(*l, a)
}

// dialable reports whether a can be an address of another host. A link-local
// IPv6 address needs a zone for that.
func dialable(a netip.Addr) bool {
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsLoopback(), a.IsMulticast():
		return false
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return false
	}
	return a.Is4() || !a.IsLinkLocalUnicast() || a.Zone() != ""
}

var (
	errBadID   = errors.New("bad node id")
	errBadPort = errors.New("bad port")
)

// parseID is the inverse of [wire.NodeID.String]; the zero id is refused.
func parseID(s string) (wire.NodeID, error) {
	var id wire.NodeID
	if len(s) != 2*len(id) {
		return id, fmt.Errorf("%w: must be %d hex digits, but is %d bytes", errBadID, 2*len(id), len(s))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return wire.NodeID{}, fmt.Errorf("%w: %w", errBadID, err)
	}
	if id.IsZero() {
		return id, fmt.Errorf("%w: must not be zero", errBadID)
	}
	return id, nil
}

// parsePort returns a TCP port that can be dialled.
func parsePort(s string) (uint16, error) {
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("%w: must be 1 to 65535, but is %q", errBadPort, s)
	}
	return uint16(port), nil
}
