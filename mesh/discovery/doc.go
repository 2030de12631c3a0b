// Package discovery finds other nodes of the mesh: it tells where this one
// listens and passes on hints about where others might.
//
// # Sources
//
//	source   knows                               asks
//	"mdns"   nodes on the networks of this host  in rounds: at once, after 1, 2, 4 … 60 s
//	"cache"  nodes reached before, in a file     at the start; the latest 64 each minute
//	"host"   nodes of this user on this host     each 0.5 s at first, then each 2 s
//
// mDNS (RFC 6762) runs on every interface that is up, can multicast and has an
// address, over IPv4 and IPv6, and needs no route. A responder answers on each;
// questions leave on each from a socket of their own, so that the answers come
// back to it alone. The service is _minimega._tcp. Nodes ask for its subtype
// _TAG._sub, which only the nodes of one mesh answer; its TXT record holds
//
//	id=      the node's id, 32 hex digits
//	name=    its name
//	tag=     the mesh's tag, hex
//	port=    the TCP port that it listens on
//	proto=   the version of package wire's specification
//	addr=    its addresses, with commas; more than once if they are many
//
// The cache file and the rendezvous directory's files are described in
// cachefile.go and rendezvousentry.go. The directory must belong to this user
// and be closed to others. An entry counts only in the network namespace that it
// was written in, as it stands for a loopback address.
//
// # Life cycle
//
// [New] starts nothing. [Discovery.Run] announces, looks, and withdraws when its
// context ends: the rendezvous file is removed and all sockets are closed.
// [Discovery.FirstRound] tells when all sources have been asked once. Interfaces
// and addresses that come and go are noticed within 3 s; a new one starts the
// quick rounds again. A source that fails says so in the log once and goes on
// trying.
//
// # Trust
//
// A hint is a claim that anybody on the network can make. It says whom to dial,
// not whom to believe: that is for TLS to tell. What can be checked is: names,
// ids, ports and addresses are well formed, the tag is ours, and the address that
// an answer came from stands first.
//
// # Limits
//
// A hint has at most [MaxAddrs] addresses. A round takes at most 2,000 packets a
// second a socket, 1,024 nodes, and 16 nodes from one address, so that one host
// that invents nodes cannot crowd out the others. At most 2,000 questions a
// second are answered, from whomever they come: a flood of more slows discovery
// down. The file holds at most 1,024 peers, of the last 30 days. At most
// 16 interfaces are used, and at most 10 lines a minute are logged.
//
// # Not here
//
// Dialling, its budget, and what becomes of a lost member are package mesh's.
// mDNS says nothing when a node leaves, and crosses no router.
package discovery
