// Package wire holds the names and the bytes that cross the network. This
// comment is their specification; the constants and types below it are its
// only implementation.
//
// # Connections
//
// Every connection is TCP carrying TLS 1.3 with certificates on both sides
// (see package mesh for who is trusted). The application protocol that TLS
// negotiates tells what the connection is for:
//
//	ALPN        carries                             frames up to
//	mm/1        control: link states, calls         MaxControlFrame (1 MiB)
//	mm-data/1   one byte stream, for one service    MaxDataFrame (1 MiB + 64 KiB)
//
// In TLS 1.3 a client's handshake ends before the server has judged its
// certificate, so on both kinds the server speaks first: a [Hello], or a
// [Reject] that says why not. The client answers with its own [Hello] on a
// control connection and with a [Stream] on a data connection, which the
// server answers with [StreamReady] or [Reject]. Until then no frame may be
// larger than MaxHelloFrame (4 KiB), and all of it must happen within 5 s.
//
// # Frames
//
//	offset  size  field
//	0       4     N, the length of the payload, big endian
//	4       1     frame type
//	5       N     payload
//
// N is checked against the connection's limit before anything is allocated.
// A payload is one CBOR item (RFC 8949; maps with small integer keys, as the
// struct tags say), except those of [Chunk], [Hashes] and [Have], whose bulk is
// laid out by hand: see there. Unknown map keys are ignored, so a field may be
// added; an unknown frame type is skipped, so a frame may be added.
//
// # Control frames
//
//	type  name        direction         payload
//	1     Hello       both, first       Hello
//	2     Reject      both, last        Reject
//	3     Ping        both              Ping
//	4     Pong        both              Ping, echoed
//	5     LinkStates  flooded           LinkStates
//	6     Summary     both              Summary
//	7     Call        towards targets   Call
//	8     Answer      towards origin    Answer
//	9     Cancel      towards targets   Cancel
//	10    Leave       both, last        empty
//
// A call names its targets. Each hop handles it if it is one of them and sends
// on, to each next hop, the targets that lie behind it: a call to one node is a
// relayed message, a call to all goes down one tree. Answers are routed to the
// origin hop by hop, in parts of at most MaxAnswerPart bytes.
//
// A call to one target, and an answer, may name the nodes of its Way, the last
// one being its end: it goes next to Way[Hops], as long as there is that link,
// and otherwise as if it had no Way. An origin asks so, around nodes that may be
// dead and once over the usual ones, whoever has been silent for long; the answer
// goes back the same way, and once more without a Way if the target had not
// answered yet.
//
// # Data frames
//
//	type  name         direction         payload
//	32    Stream       client, first     Stream
//	33    StreamReady  server            empty
//
// What follows on a stream is the service's own. The file service ("file")
// speaks these frames, in both directions alike; its rules are in data.go:
//
//	type  name      payload
//	48    Open      Open
//	49    Head      Head
//	50    Hashes    u32 topic, u32 first chunk, then 32 bytes a chunk
//	51    Have      u32 topic, u32 first chunk, then a bitmap, lowest bit first
//	52    Deal      Deal
//	53    Request   Request
//	54    Withdraw  Request
//	55    Chunk     u32 topic, u32 chunk, u8 encoding, then the bytes
//	56    Refuse    Refuse
//	57    Close     Close
//	58    Alive     empty
//
// and the service of small files ("batch") these; its rules are in batch.go:
//
//	59    Wanted    Wanted
//	60    Bundle    u8 encoding, then the CBOR of Bundle, so encoded
//
// and the service of what chunks differ in ("patch") these; see patch.go:
//
//	64    Blocks    Blocks
//	65    Patch     Patch
//
// # Bad input
//
// A frame over its limit, a payload that does not decode, a field over its
// limit or a frame out of place is a *[DecodeError] and closes the connection;
// a name that does not pass [ParseFileName] is dropped where it stands in a
// list and refused where it is asked for. Nothing else is answered.
//
// # History
//
//	1  first version
package wire
