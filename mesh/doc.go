// Package mesh joins the processes that share a key into one network, in which
// each can call all others and open streams to them.
//
// # Life cycle
//
//	key, err := mesh.LoadKey(path)           // made by the first start
//	node, err := mesh.New(mesh.Config{Name: "kn1", Context: "minimega", Degree: 4, Key: key})
//	node.Handle("list", list)                // before Run
//	err = node.Listen()                      // optional: Run does it
//	err = node.Run(ctx)                      // until ctx ends
//
//	err = node.Settle(ctx)                   // the first members are known
//	for reply := range node.Call(ctx, ids, "list", nil) { … }
//	conn, err := node.OpenStream(ctx, id, "file")
//
// New makes the node's identity, Run owns all goroutines and says goodbye at
// its end. Several nodes may live in one process.
//
// # Trust
//
// The 32-byte [Key] is the secret of a mesh: who has it is an operator. It
// yields, by HKDF, an Ed25519 certificate authority; each process signs a leaf
// for itself, which names its [wire.NodeID], the hash of its public key. Every
// connection is TLS 1.3 with both certificates checked against that authority
// and nothing else: no host names, no clocks, no system roots. Names are labels;
// two nodes of one name are shown as kn1~2f9c and kn1~81d0 by all.
//
// A node with another key is refused with a [ForeignError] here and one line in
// the log there, one with another context with [wire.ErrContext]. The pin in
// such messages is a hash of the authority's public key. A client names its pin
// in the handshake, in clear, for the sake of the server's message; it tells no
// more about a mesh than the tag that discovery announces.
//
// # Links, calls, streams
//
// Package topology decides which links to hold and which link leads to whom. A
// link is one control connection with one reader and one writer; pings and link
// states overtake calls. Calls and their answers go hop by hop along the
// shortest ways; a call to many goes down one tree. When the way changes under a
// call it is asked again, and a handler that ran already is not run twice. Before
// that is known, those of whom others tell that they are late are asked again
// over other ways, so that a relay that has just stopped takes nobody with it. A
// target that dies is answered for with [wire.ErrUnreachable] as soon as the
// mesh knows: within 8 s where it vanished, at once where it said goodbye.
//
// Streams never share a connection with control. They go straight to their
// node; only where that cannot be dialled does a member relay them, and then a
// second TLS session runs inside, so that the relay can only cut it off. A direct
// stream hands the kernel up to 256 KiB of TLS records at once.
//
// # Concurrency
//
// All methods may be called from several goroutines. Handlers run on their own,
// at most 256 calls and 1,024 streams at once; more are refused with
// [wire.ErrBusy]. One mutex guards the topology and the links; it is not held
// across I/O, channels or callbacks. A node that hangs delays nobody but
// itself: what waits for it has a bounded queue of its own.
//
// # Limits
//
//	handshake                         5 s, 64 at once (the oldest gives way)
//	connections from one address      20 a second after the first 64
//	dials of our own                  5 a second after the first 10
//	call body 512 KiB, answer         64 MiB, in parts of 256 KiB
//	bulk waiting on one link          32 MiB, then ErrBusy
//	log lines that strangers cause    10 a minute, each once in 10 minutes
//
// # What it does not do
//
// It does not find nodes: Config.Hints does. It knows one role only, operator;
// there are no invitations, no eviction and no change of the key while it runs.
// A stream is not moved to another way once it is open. Two nodes that can each
// not be dialled by the other, with no third one between, get no stream.
package mesh
