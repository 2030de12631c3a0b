package shell

import (
	"minimega/completion"
	"minimega/shell/output"
)

// The socket speaks JSON: a client sends requests, one value after another,
// and gets objects, each on a line. Requests of one connection are answered
// one after another; connections are independent.
//
// A [request] has either Command or Suggest. A command is answered by one
// [reply] or several, all but the last with More. That of a line of read is sent
// when the next line begins. Tables have the rows and columns that .filter and
// .columns ask for. A client that sets Status is
// sent, while a command waits, replies with Status that do not count: their
// Rendered is a line of progress, or a warning. A client that does not set it,
// as most that other people wrote, is sent answers alone. The loss of one that
// sets it ends what runs for it; others may close the side that they send on, and
// still wait for an answer.
//
// A file get is answered when the transfer has begun, and a wait for a file that is
// canceled leaves it going on. A client that sets Notify with a command is sent,
// whenever a transfer ends that this command has left going on, a reply with Status
// and Notice. Resp has one response, what came or why it failed, and Rendered is the
// line that our own prompts show of it. It may come at any time: while another
// command runs, between its replies, or while none does; so such a client reads all
// the time. It is not told of transfers of other clients, nor of what a file delete
// has ended, nor of more than 1,024 that go on at once, of which it is warned. What
// fails after it has gone, or has joined a pipe, is in the log.
//
// Complete, for our own prompts, is answered with a Completion of the line at
// the Cursor, which says more than a Suggest does.
//
// Cancel alone, sent while a command runs, ends that command; it is not
// answered by itself.
//
// PlumbPipe makes the connection one to that pipe, of the namespace that the client
// works in, or NAMESPACE//NAME: from then on both sides send JSON strings, each a
// line with its \n, of at most 1 MiB; one that is longer, or has several lines in
// it, counts as several. It ends when either side closes it, which the client may do
// for its direction alone: then the program has all that was sent before it closes
// its own. A pipe that cannot be had, or is cleared, and what is no string, is
// answered with a last reply that has the error.
//
// A line without a command is answered by a reply whose Resp is null. `quit`
// closes the connection unanswered. What is no JSON, or no object, and a request
// that is too long, is answered with an error and ends the connection; null is a
// request for nothing. Nothing waits for a byte behind a value: a number counts as
// far as it has come.

// maxRequest is the longest request, in bytes.
const maxRequest = 1 << 20

// request is what a client asks.
type request struct {
	Command   string  `json:",omitempty"` // a line to run
	Suggest   string  `json:",omitempty"` // a line to complete
	Complete  *string `json:",omitempty"` // a line to complete at Cursor
	Cursor    int     `json:",omitempty"` // byte offset
	PlumbPipe string  `json:",omitempty"` // a pipe to join
	Cancel    bool    `json:",omitempty"` // end the command that runs
	Status    bool    `json:",omitempty"` // the client understands Status replies
	Notify    bool    `json:",omitempty"` // the client understands Notice replies
}

// reply is what it is answered. The first four keys are always there,
// Forget, Namespace and Unrecorded only for a client that sets Status.
type reply struct {
	Resp     output.Responses // null where there was no command
	Rendered string           // for people, without errors
	More     bool             // another reply to this command follows
	Status   bool             // progress of a command that runs; does not count
	Suggest  []string         `json:",omitempty"` // whole lines
	Notice   bool             `json:",omitempty"` // how a transfer ended that an earlier command has left; with Status
	Forget   bool             `json:",omitempty"` // the history was cleared: a prompt is to forget its own

	Namespace  string             `json:",omitempty"` // in which the next command will run, with the last reply to one
	Unrecorded bool               `json:",omitempty"` // the next command will not be: a prompt is not to keep it; with the last reply
	Completion *completion.Result `json:",omitempty"`
}
