package discovery

import (
	"net/netip"

	"minimega/mesh/wire"
)

// Announcement is what a node tells of itself to those who look for it.
type Announcement struct {
	ID      wire.NodeID
	Name    wire.NodeName
	Tag     string // hex; equal for the nodes of one mesh, meaningless to others
	Port    int    // TCP port that the node listens on
	Context string // for people only: the tag already keeps contexts apart
}

// Hint says where a node of the same tag might listen. It is never trusted: to
// whom the address belongs is told by TLS alone.
type Hint struct {
	ID     wire.NodeID // as claimed; zero where the source does not know it
	Name   wire.NodeName
	Addrs  []netip.AddrPort // at most 16, most useful first
	Source string           // "mdns", "cache" or "host"
}
