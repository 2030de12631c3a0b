// Package transfer moves files between the nodes of a mesh: whoever needs one
// pulls it, in verified chunks, from everyone who has any of it.
//
// # What
//
// An [Engine] serves what lies in its store and fetches what its user asks for.
// [Engine.Get] asks all nodes who has a file, settles which version is meant,
// and starts a [Job]; [Holdings] tells those who must not wait what there is. Each
// content of the job is a fetch: a receiver of package planner decides which chunk
// is asked of whom, sessions carry the frames that package wire specifies, and
// every chunk is checked against the manifest of the version before it is written
// or announced. A chunk is served to others from the moment it is verified.
//
// A file that was never hashed, and that one node alone holds, moves while it is
// hashed, as a draft (see package wire): hashes run ahead of chunks, and nothing
// is published before all of them are found to have the version that the origin
// names at the end. What a crash leaves of a draft is checked against the version
// when that is known: who has it is asked to hash it first.
//
// What this node downloads from elsewhere moves in the same way while it comes:
// [Engine.Offer] makes it a draft whose hashes are told as its bytes arrive. Who
// fetches such a draft and loses its origin keeps its chunks for the draft, or
// the version, that takes its place; [Engine.Yield] hands them to this node's own
// download.
//
// Where several nodes hold a large file under one name, and some have not hashed
// it, one of them is asked for chunks while all hash it (see doubt.go). The file
// gets its name when they are known to hold the same; otherwise the job fails.
//
// Before anybody is asked for chunks, those that other files of the store hold
// are taken from there (Store's Partial.Reuse), as long as that is no slower than
// a link of 1 Gbit/s; a slower disk goes on searching beside the network.
// What is then lacking lies mostly where a small change has touched a chunk: of
// such chunks only the blocks of 16 KiB that differ from the file here that is
// most alike are asked for, on the patch service. The whole chunk is verified as
// any other. Where more than half of a chunk differs it comes whole, from the
// swarm; where that is the rule, no more patches are asked for.
// [Job.Reused] tells how many bytes need not come. Small files, which travel in
// batches, are always sent.
//
// # Life cycle
//
// [New] opens nothing. The caller registers [Engine.Methods] and
// [Engine.Streams] on the mesh, then runs [Engine.Run], which takes up the
// transfers that an earlier process left behind and owns every goroutine until
// its context ends. Jobs outlive the commands that started them; [Job.Cancel]
// and [Engine.Delete] end them.
//
// # Concurrency
//
// All exported methods may be called concurrently. A session has one reader and
// one writer; the reader never writes. State is guarded by the lock of the fetch
// or the session it belongs to; none is held across I/O. Hashing and writing are
// done by a fixed number of workers.
//
// # Limits
//
// Chunks in memory take at most [Config.Memory] bytes. One connection carries at
// most wire.MaxTopics topics. Four large files and four jobs of small ones are
// fetched at a time, and four more of what somebody waits for; the rest waits in
// a queue. [Engine.SetLimit] bounds the rate of both directions. What a
// connection has on its way waits in queues for about 45 ms. [Engine.Ended] keeps
// 200 ends for an hour.
//
// # What it does not do
//
// It keeps no second copy, follows no link out of the store, and never lets two
// versions mix: what a source sends after it changed does not verify.
package transfer
