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
// [reply] or several, all but the last with More. A client that sets Status is
// sent, while a command waits, replies with Status that do not count: their
// Rendered is a line of progress, or a warning. A client that does not set it,
// as most that other people wrote, is sent answers alone. The loss of one that
// sets it ends what runs for it; others may close the side that they send on, and
// still wait for an answer.
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
}

// reply is what it is answered. The first four keys are always there,
// Forget only for a client that sets Status.
type reply struct {
	Resp     output.Responses // null where there was no command
	Rendered string           // for people, without errors
	More     bool             // another reply to this command follows
	Status   bool             // progress of a command that runs; does not count
	Suggest  []string         `json:",omitempty"` // whole lines
	Forget   bool             `json:",omitempty"` // the history was cleared: a prompt is to forget its own

	Completion *completion.Result `json:",omitempty"`
}
