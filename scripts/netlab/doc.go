// Package netlab makes small networks of hosts on one Linux machine and runs
// nodes on them, for the lab, the demo, the script tests and the benchmark.
//
// A [Lab] owns everything it makes. Its switches are bridges, each in a network
// namespace of its own; its hosts are network namespaces too, joined to
// switches by veth pairs that are created straight inside both ends. Nothing
// is ever added to the machine's own namespace, and no host has a default
// route: what the nodes find, they find by themselves. Switch k (from 0) is
// the network 10.213.k.0/24, where the lab's host i (from 1) has address i.
//
// Where namespaces cannot be made (no root), [NewLocal] gives a lab whose
// hosts are all this machine: nodes on it take free ports and find each other
// by the rendezvous on the host. Switches, rates and cuts do not exist there
// and report [ErrNoNetwork].
//
// Life cycle: [New] or [NewLocal], then switches, hosts and nodes, then
// [Lab.Close], which ends the nodes, kills what else runs in the namespaces
// and deletes these. A process that died without closing its lab leaves
// namespaces behind, whose names hold its process ID; [Sweep] removes those
// whose maker is gone and no others.
//
// A Lab may be used by several goroutines; a [Node] by one at a time.
//
// netlab runs ip(8), tc(8) and nsenter(1). It does not emulate loss or delay.
package netlab
