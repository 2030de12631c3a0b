// Package planner decides which chunk of one content is asked of whom
// ([Receiver]) and which chunk is sent next to whom ([Dealer]). It does no I/O,
// starts nothing and reads no clock: events and times go in, actions come out.
//
// # The rule
//
// With equal links a file cannot reach N nodes sooner than it reaches one: the
// seed must send every byte once. So the seed deals each chunk to one receiver
// only, choosing itself, because only it knows what it has given away; and the
// receivers pass chunks on to each other the moment they are verified. A
// receiver therefore
//
//   - asks fellow receivers for what they have and it lacks, the shortest queue
//     first, the rarest chunk first;
//   - keeps each complete holder supplied with leave to deal (Deal), so that it
//     is never idle while something is fresh: held or promised by nobody. With
//     several complete holders each deals from a lane of its own;
//   - asks a complete holder for a certain chunk (Request) only after it has
//     said that nothing is fresh;
//   - near the end asks a second holder for what is late.
//
// # Limits
//
// How much is on the way from a peer follows its answers: more while they come
// within [responseLow], less above [responseHigh], between 2 and the limit given
// to [New]. A peer that sends nothing for [Stall] loses what it was asked for
// to those who can give it, and is tried with one chunk at a time until it
// delivers. A peer that sends a bad chunk is dropped.
//
// # Concurrency
//
// None: the caller serialises.
package planner
