// Package client drives a running minimega through its unix socket.
//
//	c, err := client.Dial(ctx, client.DefaultSocket)
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	for reply, err := range c.Run(ctx, "vm config disk file:foo.qcow2") {
//		if err != nil {
//			return err
//		}
//		fmt.Println(reply.Rendered)
//	}
//
// # What a command answers
//
// A command is answered by one [Reply] or, as `read` and `file stream` do, by
// several. A reply holds a [Response] of each node that has answered. One that
// refused says so in its Error; [Client.Run] then yields the reply with an
// error that wraps a [*HostError], and goes on with the next: of a command on
// forty nodes the answers of the others are there all the same. Any other error
// comes without a reply and is the last that Run yields.
//
// # Progress
//
// A client whose Progress is set is told, while a command waits for files, how
// far these are, and what the node warns of. `status updates 1s` sets how often
// that happens, for this client alone.
//
// # The end of a command
//
// A command ends early when its context does, and when the loop over Run is
// left: the node is told, and the client can be used again, unless the node does
// not answer to that within some seconds; then it is closed. A file that a
// command waited for goes on being fetched; `file status` shows it. `quit` ends
// the node, and is answered by nothing at all. What runs for a client that is
// closed, or that dies, ends too.
//
// # Concurrency
//
// A Client is one conversation: it does one thing at a time, and tells with
// [ErrBusy] whoever asks for two. Its settings (`.csv true`, `namespace web`)
// are its own. Conversations do not wait for each other: dial once for each
// goroutine. A node has room for 256.
//
// # Limits
//
// A command is at most 1 MiB, as JSON. A reply longer than 1 GiB ends the
// conversation.
//
// # What it does not do
//
// It starts no node and reaches none on another host; `mesh send` does that. It
// quotes nothing: [Quote] does.
package client
