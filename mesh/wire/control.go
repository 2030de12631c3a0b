package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

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

// MaxContext is the longest name of a context, in bytes.
const MaxContext = 255

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

	// Silent are those of Peers that have said nothing for a while: ways that
	// lead over them are taken last.
	Silent []NodeID `cbor:"9,keyasint"`
}

// Limits of a [LinkState].
const (
	MaxPeers = 4096
	MaxAddrs = 32
)

// DialAddrs returns s.Addrs with the port, as they are dialled.
func (s *LinkState) DialAddrs() []string {
	addrs := make([]string, len(s.Addrs))
	for i, addr := range s.Addrs {
		addrs[i] = net.JoinHostPort(addr, strconv.Itoa(int(s.Port)))
	}
	return addrs
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
	Way    []NodeID      `cbor:"8,keyasint,omitempty"` // to the only target; usually empty
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
	Lost bool   `cbor:"10,keyasint"` // From said nothing: a relay knows no way to it

	Way []NodeID `cbor:"11,keyasint,omitempty"` // to the origin; usually empty
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

// errField reports a field of a control frame that is over its limit.
var errField = errors.New("field over its limit")

// DecodeControl returns the payload of a control frame as a pointer to its
// type, with every field within its limits: nil for [TypeLeave], and nil too for
// a type that this version does not know, which is to be skipped. It keeps no
// part of b.
func DecodeControl(t Type, b []byte) (any, error) {
	var payload interface{ check() error }
	switch t {
	case TypeHello:
		payload = new(Hello)
	case TypeReject:
		payload = new(Reject)
	case TypePing, TypePong:
		payload = new(Ping)
	case TypeLinkStates:
		payload = new(LinkStates)
	case TypeSummary:
		payload = new(Summary)
	case TypeCall:
		payload = new(Call)
	case TypeAnswer:
		payload = new(Answer)
	case TypeCancel:
		payload = new(Cancel)
	case TypeStream:
		payload = new(Stream)
	default:
		return nil, nil
	}
	if err := Unmarshal(b, payload); err != nil {
		return nil, err
	}
	return payload, payload.check()
}

func (h *Hello) check() error {
	if h.Protocol != Protocol {
		return nil // judged by the receiver, who can say so
	}
	_, err := ParseNodeName(string(h.Name))
	return errors.Join(err, limit("context", len(h.Context), MaxContext))
}

func (r *Reject) check() error { return limit("text", len(r.Text), MaxHelloFrame) }

func (p *Ping) check() error { return nil }

func (s *LinkStates) check() error {
	for i := range s.States {
		if err := s.States[i].check(); err != nil {
			return fmt.Errorf("link state %d: %w", i, err)
		}
	}
	return nil
}

func (s *LinkState) check() error {
	_, err := ParseNodeName(string(s.Name))
	for _, addr := range s.Addrs {
		if _, bad := netip.ParseAddr(addr); bad != nil || len(addr) > 64 {
			err = errors.Join(err, fmt.Errorf("%w: address", errField))
		}
	}
	if s.ID.IsZero() || s.Seq == 0 {
		err = errors.Join(err, fmt.Errorf("%w: no identity", errField))
	}
	return errors.Join(err,
		limit("peers", len(s.Peers), MaxPeers),
		limit("silent", len(s.Silent), MaxPeers),
		limit("addresses", len(s.Addrs), MaxAddrs))
}

func (s *Summary) check() error { return nil }

func (c *Call) check() error {
	if c.Within < 0 {
		return fmt.Errorf("%w: within", errField)
	}
	return errors.Join(limit("method", len(c.Method), MaxMethod), limit("body", len(c.Body), MaxCallBody),
		limit("way", len(c.Way), MaxHops))
}

func (a *Answer) check() error {
	return errors.Join(limit("body", len(a.Body), MaxAnswerPart), limit("way", len(a.Way), MaxHops))
}

func (c *Cancel) check() error { return nil }

func (s *Stream) check() error { return limit("service", len(s.Service), MaxMethod) }

func limit(field string, n, most int) error {
	if n > most {
		return fmt.Errorf("%w: %s: must be at most %d, but is %d", errField, field, most, n)
	}
	return nil
}
