package wire

import "time"

// ALPN protocol names of the two kinds of connection.
const (
	ALPNControl = "mm/1"
	ALPNData    = "mm-data/1"
)

// Protocol is the version of this specification, spoken in [Hello].
const Protocol = 1

// Hello is the first frame of either side of a control connection, and of the
// server on a data connection.
type Hello struct {
	Protocol uint     `cbor:"1,keyasint"`
	Name     NodeName `cbor:"2,keyasint"`
	Context  string   `cbor:"3,keyasint"` // meshes of one key are kept apart by it
	Port     uint16   `cbor:"4,keyasint"` // that the sender listens on
}

// Reject says why a connection is not wanted; its sender closes after it.
type Reject struct {
	Code Code   `cbor:"1,keyasint"`
	Text string `cbor:"2,keyasint"`
}

// Ping proves life and carries a digest of all link states that its sender
// knows; Pong echoes it. A digest that stays different for two pings makes the
// receiver send a [Summary].
type Ping struct {
	Seq    uint64 `cbor:"1,keyasint"`
	Digest uint64 `cbor:"2,keyasint"`
}

// LinkState is what one node says of itself. The one with the higher Seq is
// newer; a node starts at 1 with a new NodeID each time it starts.
type LinkState struct {
	ID    NodeID   `cbor:"1,keyasint"`
	Seq   uint64   `cbor:"2,keyasint"`
	Name  NodeName `cbor:"3,keyasint"`
	Peers []NodeID `cbor:"4,keyasint"` // a link counts when both ends name it
	Addrs []string `cbor:"5,keyasint"` // IP addresses without port, most useful first
	Port  uint16   `cbor:"6,keyasint"`
	Want  uint16   `cbor:"7,keyasint"` // how many links it tries to keep
	Left  bool     `cbor:"8,keyasint"` // the node has said goodbye
}

// LinkStates floods what is new to the receiver.
type LinkStates struct {
	States []LinkState `cbor:"1,keyasint"`
}

// Summary lists what its sender knows, so that the receiver can send what is
// missing there and, by a Summary of its own, ask for what is missing here.
type Summary struct {
	Known []Known `cbor:"1,keyasint"`
}

// Known is one line of a [Summary].
type Known struct {
	_   struct{} `cbor:",toarray"`
	ID  NodeID
	Seq uint64
}

// Limits of a [Call] and its answers.
const (
	MaxMethod     = 64        // bytes
	MaxHops       = 32        // links that a call may cross
	MaxCallBody   = 512 << 10 // bytes
	MaxAnswerPart = 256 << 10 // bytes of one Answer frame's body
	MaxAnswer     = 64 << 20  // bytes of one node's whole answer
)

// Call asks each node in To to run Method on Body.
type Call struct {
	ID     uint64        `cbor:"1,keyasint"` // chosen by the origin, never used twice by it
	Origin NodeID        `cbor:"2,keyasint"`
	To     []NodeID      `cbor:"3,keyasint"` // targets behind this link
	Hops   uint8         `cbor:"4,keyasint"` // links crossed so far
	Within time.Duration `cbor:"5,keyasint"` // time left to answer, ns; 0 is no limit
	Method string        `cbor:"6,keyasint"`
	Body   []byte        `cbor:"7,keyasint"`
}

// Answer is one part of what one target said.
type Answer struct {
	ID   uint64 `cbor:"1,keyasint"` // the call's
	To   NodeID `cbor:"2,keyasint"` // the call's origin
	From NodeID `cbor:"3,keyasint"`
	Hops uint8  `cbor:"4,keyasint"`
	Part uint32 `cbor:"5,keyasint"` // 0, 1, 2 …; a gap ends the answer with an error
	Last bool   `cbor:"6,keyasint"`
	Code Code   `cbor:"7,keyasint"` // with Last: 0, or why the method failed
	Text string `cbor:"8,keyasint"`
	Body []byte `cbor:"9,keyasint"`
}

// Cancel tells targets that nobody waits for their answer any more.
type Cancel struct {
	ID     uint64   `cbor:"1,keyasint"`
	Origin NodeID   `cbor:"2,keyasint"`
	To     []NodeID `cbor:"3,keyasint"`
	Hops   uint8    `cbor:"4,keyasint"`
}

// Stream says what a data connection is for. Where To is not the node that
// receives it, that node joins the connection to one of its own towards To and
// both ends run a second TLS handshake through it, so that a relay reads and
// changes nothing.
type Stream struct {
	Service string `cbor:"1,keyasint"`
	To      NodeID `cbor:"2,keyasint"`
	Hops    uint8  `cbor:"3,keyasint"`
}
