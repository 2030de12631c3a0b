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
//     first, of those the one that answers soonest, the rarest chunk first;
//   - asks for no more at a time than keeps its link busy: what is asked for early
//     waits at who had it then, while those who got it later are idle;
//   - keeps each complete holder supplied with leave to deal (Deal), so that it
//     is never idle while something is fresh: held or promised by nobody. With
//     several complete holders each deals from a lane of its own;
//   - asks a complete holder for a certain chunk (Request) only after it has
//     said that nothing is fresh, and for what others hold only where these are
//     busy;
//   - asks a slow fellow only for what nobody else has, and takes from it what it has
//     owed for long and a quick one has by now;
//   - near the end asks a second holder for what is late, a fellow sooner than the seed.
//
// Whoever is asked for more than it can send soon sends first what it has given to
// nobody, so that others can pass it on.
//
// What was dealt to somebody slow would hold up all others: they lack it, and only
// its slow link can bring it to them. So the seed passes over with whom deals take
// several times as long to land as with half of all, while others give the slow one
// something. And when nothing is fresh any more, nor will be, it deals once more, to
// another, what has had twice the usual time and has not landed although later deals have.
//
// # Limits
//
// How much is on the way from a peer follows its answers: more while they come
// within [responseLow], less above [responseHigh], between 2 and the limit given
// to [New]. From all together it is 32 chunks, or twice what comes in the time that
// one takes from a peer with nothing else to send; what a silent one should have sent
// by now does not count, so that it holds up nobody. A peer that sends nothing for
// [Stall] loses what it was asked for to those who can give it, and is tried with one
// chunk at a time, after longer and longer rests, until it delivers. A peer that sends
// a bad chunk is dropped.
//
// Over slow links that many share an answer takes seconds, whoever gives it. Who waits
// that long for a chunk usually does not take a peer for slow, nor for silent (up to 12 s),
// before it takes some times as long as usual: what is asked for elsewhere comes twice.
// What comes after it was taken back counts there as well.
//
// A receiver has links to all of 48 sources, of more to 32, drawn at random, and to
// further ones while it finds too little to ask for, or falls behind its fellows ([Receiver.Links]).
//
// # How close it comes
//
// The tests simulate it with 2 to 512 receivers, with links that differ, latency and late
// joiners: go test -v -run 'Time|Side|NoOrder|Forty|Large|Latency|Slow|Late|Seeds' prints time /
// bound. What is lost does not grow with the file: most of it is lost until every receiver
// has something to pass on. With 2 to 32 receivers, all of which have links to each other,
// that is as long as N chunks take, and a file of 1,024 chunks takes 1.00 to 1.03 of its
// bound; with 64 to 512 it takes 1.09 to 1.15. Forty take 1.02 for 2,048 chunks, and 2 to 512
// receivers 1.00 to 1.04 for 4,096. Where every fourth link has a fifth of the speed, the others take
// 1.04 with 16 receivers, 1.10 with 64 and 1.26 with 256 for 1,024 chunks. These send one
// chunk after the other. Sent side by side in pieces, as connections that share a link do,
// they come later: 16 receivers take 1.02 still, 64 take 1.13, 128 take 1.18. Where chance
// says which of these connections gets on, as in real networks, 16 take 1.05 and 40 take 1.12,
// and the seed sends 1.02 and 1.11 times the file. Over links on which a chunk takes 0.1 s,
// 16 take 1.04 and 32 take 1.07 for 512, of which 0.1 % come twice.
//
// # Concurrency
//
// None: the caller serialises.
package planner
