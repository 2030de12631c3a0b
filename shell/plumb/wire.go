package plumb

import (
	"fmt"

	"minimega/mesh/wire"
)

// Mesh calls. Method carries lines and news, and its answer is empty; MethodList
// asks a node about its pipes; MethodClear has it clear some, and its answer is
// empty.
const (
	Method      = "pipe"
	MethodList  = "pipe-list"
	MethodClear = "pipe-clear"
)

// Limits of what crosses the network.
const (
	maxPiece  = 256 << 10 // bytes of lines in one parcel
	maxPieces = MaxLines  // in one parcel
	maxPipes  = 512       // that a node has, or tells of
	maxLast   = 128       // bytes of the last line, where pipes are listed
)

// parcel is the body of a Method call.
type parcel struct {
	Seq    uint64  `cbor:"1,keyasint"`           // rises; of two that are not, the second is not counted
	State  *state  `cbor:"2,keyasint,omitempty"` // of the sender's pipes, all of them, where that is news
	Ask    bool    `cbor:"3,keyasint,omitempty"` // the receiver's state is not known
	Pieces []piece `cbor:"4,keyasint,omitempty"` // in order
}

// piece is a line, or a part of a long one.
type piece struct {
	Space string `cbor:"1,keyasint"`
	Pipe  string `cbor:"2,keyasint"`
	One   bool   `cbor:"3,keyasint,omitempty"` // for one of the receiver's readers
	At    int    `cbor:"4,keyasint,omitempty"` // where in the line it begins, in bytes
	More  bool   `cbor:"5,keyasint,omitempty"` // the line goes on in the next piece
	Text  []byte `cbor:"6,keyasint"`
}

// state is what a node tells of its pipes: those that are read or set there.
type state struct {
	Pipes []pipeState `cbor:"1,keyasint"`
}

type pipeState struct {
	Space   string   `cbor:"1,keyasint"`
	Pipe    string   `cbor:"2,keyasint"`
	Readers uint32   `cbor:"3,keyasint,omitempty"`
	Set     settings `cbor:"4,keyasint"`
}

// listed is what a node tells of one pipe when it is asked.
type listed struct {
	Pipe    string   `cbor:"1,keyasint"`
	Writers uint32   `cbor:"3,keyasint"`
	Count   uint64   `cbor:"4,keyasint"` // lines written there
	Lost    uint64   `cbor:"5,keyasint"`
	Last    []byte   `cbor:"6,keyasint"` // of those lines, or its beginning
	Age     int64    `cbor:"7,keyasint"` // of Last, in ns
	Set     settings `cbor:"8,keyasint"`
}

// scope is the body of MethodList and MethodClear: one pipe of a namespace, or,
// where Pipe is empty, all.
type scope struct {
	Space string `cbor:"1,keyasint"`
	Pipe  string `cbor:"2,keyasint,omitempty"`
}

// check refuses what no sender of this program makes.
func (p *parcel) check() error {
	if len(p.Pieces) > maxPieces || p.State != nil && len(p.State.Pipes) > maxPipes {
		return fmt.Errorf("bad parcel: %w: must be at most %d lines and %d pipes, but is more", wire.ErrTooLarge, maxPieces, maxPipes)
	}
	return nil
}

// pack moves lines from the front of all into pieces, as many as one parcel
// takes, and returns the pieces and what is left. The first of all is sent from
// the offset at on, which is returned for the next.
func pack(all []item, at int) (pieces []piece, rest []item, next int) {
	room := maxPiece
	for len(all) > 0 && room > 0 && len(pieces) < maxPieces {
		it := all[0]
		n := min(room, len(it.text)-at)
		more := at+n < len(it.text)
		pieces = append(pieces, piece{it.pipe.Space, it.pipe.Pipe, it.one, at, more, []byte(it.text[at : at+n])})
		room -= n
		if at += n; !more {
			all, at = all[1:], 0
		}
	}
	return pieces, all, at
}

// unpack adds p to the line that is being put together, and returns that once it
// is whole. What does not go on where the line ends is dropped, with the line.
func unpack(partial []byte, p piece) (grown []byte, line string, whole bool) {
	if p.At != len(partial) {
		partial = partial[:0]
	}
	if p.At != len(partial) || len(partial)+len(p.Text) > MaxLine {
		return nil, "", false
	}
	if p.At == 0 && !p.More {
		return nil, string(p.Text), len(p.Text) > 0
	}
	partial = append(partial, p.Text...)
	if p.More {
		return partial, "", false
	}
	return nil, string(partial), true
}
