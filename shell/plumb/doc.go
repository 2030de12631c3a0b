// Package plumb holds named pipes that carry lines between programs, users and
// nodes, and pipelines that join pipes and programs.
//
// # Pipes
//
// A pipe has a name in a namespace and is the same one on all nodes: a line that
// is written on one reaches readers on all. It comes into being when it is first
// read, written or set, and stays until it is cleared. Who reads it gets, by its
// mode, each line ([All]), or one reader after the other does ([RoundRobin], in an
// order of this node's own), or one by chance ([Random]). A line that nobody reads
// is gone. A [Joint] reads and writes a pipe, and is not given its own lines back.
//
// A line is at most [MaxLine] bytes with the \n at its end; a longer one is cut
// into several. Bytes are not looked at.
//
// A pipe may lead through a program, its via, which is run for each line and each
// reader, on the reader's node: the reader gets what it prints of the line. A via that
// fails, or takes more than ten seconds, costs that reader that line.
//
// # Slow readers
//
// Each reader has a queue of [MaxLines] lines or [MaxBytes] bytes, whichever is
// less. While it is full a writer waits for it, for at most a quarter of a second;
// then the reader is slow: until it takes something again, nobody waits for it, and
// the oldest of its lines are lost, and counted. What it takes is a quarter of the
// queue. So a reader that does with 1,000 lines, or 4 MiB, a second loses nothing,
// however fast is written; none can hold others below that; and one that has stopped
// holds them up for a quarter of a second, once.
//
// # The mesh
//
// Each node tells the others which pipes have how many readers on it, and the
// settings that it knows; of two settings of one pipe the later counts. A line goes
// once to each node that has readers for it, in a call ([Method]) with others that
// wait for the same node. There is one such call at a time to a node, so its lines
// keep their order, and it is repeated until it is answered or the node is gone;
// calls are numbered, so that none counts twice. A node has a queue as a reader
// has, and holds nobody else up. What waits for a node that the mesh loses is lost.
// A mesh in which no pipe is used carries nothing for them.
//
// A reader elsewhere gets what is written after its node has told of it, which takes
// the time that a call takes.
//
// # Pipelines
//
// A stage of a pipeline is a program where its first word is one that can be run
// here, else a pipe. The output of each goes to the next; what a first program reads
// is empty, what a last one prints is dropped. What a program says on its error
// output goes to the log. Programs run in process groups of their own. A pipeline is
// over when all that it does is, which is never so for one that begins with a pipe,
// when a pipe of it is cleared, or when it is cleared itself; its programs are
// killed then. One whose program failed stays in the list, with why.
//
// # Life cycle and concurrency
//
// All methods may be called from several goroutines. [Plumber.Run] tells the mesh
// until its context ends; then it ends all pipelines, and returns when their programs
// are gone. No lock is held while a queue, a program or the mesh is waited for.
//
// # Limits
//
//	pipes                  512 on a node
//	name of a pipe         128 bytes: letters, digits, - _ . and :
//	readers and writers    1,024 of a pipe, on a node
//	via                    256 bytes of program and arguments
//	pipelines              256 on a node, of 32 stages
//
// # What it does not do
//
// It keeps no lines for later readers, and has no way to end a loop of pipelines
// other than clearing one of them.
package plumb
