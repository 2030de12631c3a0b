package discovery

import (
	"net/netip"

	"minimega/mesh/wire"
)

// Announcement is what a node tells the network about itself.
type Announcement struct {
	ID      wire.NodeID
	Name    wire.NodeName
	Tag     string // hex; the same for all nodes of one mesh, tells nothing to others
	Port    int    // of the node's control and data connections
	Context string
}

// Hint says where a node of our mesh may be reached. It proves nothing: only
// the TLS identity of what answers there counts.
type Hint struct {
	ID     wire.NodeID // zero, or stale, where the source does not know
	Name   wire.NodeName
	Addrs  []netip.AddrPort // in no order
	Source string           // "mdns", "cache" or "host"
}
