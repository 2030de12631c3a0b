package plumb

import (
	"bytes"

	"minimega/mesh/wire"
)

// Mode tells which readers of a pipe get a line.
type Mode uint8

// Modes. Any other is All.
const (
	All        Mode = 0
	RoundRobin Mode = 1
	Random     Mode = 2
)

// modeNames are the modes as people know them, in the order of their numbers.
func modeNames() []string { return []string{"all", "round-robin", "random"} }

// String returns m as people know it.
func (m Mode) String() string {
	if names := modeNames(); int(m) < len(names) {
		return names[m]
	}
	return All.String()
}

// ParseMode returns the mode of that name, and whether there is one.
func ParseMode(name string) (Mode, bool) {
	for i, known := range modeNames() {
		if known == name {
			return Mode(i), true
		}
	}
	return All, false
}

// settings are what people set of a pipe, the same on all nodes.
type settings struct {
	Mode    Mode        `cbor:"1,keyasint,omitempty"`
	Log     bool        `cbor:"2,keyasint,omitempty"`
	Version uint64      `cbor:"3,keyasint,omitempty"` // 0: nobody has set anything
	Setter  wire.NodeID `cbor:"4,keyasint,omitzero"`
	Via     []string    `cbor:"5,keyasint,omitempty"` // program that makes of a line what a reader gets; none: it is as it is
}

// later reports whether s replaces other: it was set with more known, or, where
// two were set at once, by the node whose identity is higher.
func (s settings) later(other settings) bool {
	if s.Version != other.Version {
		return s.Version > other.Version
	}
	return bytes.Compare(s.Setter[:], other.Setter[:]) > 0
}

// turn picks one of n readers, where a mode has one get a line. next is whose
// turn it is, of this node's writers; chance returns a number below n.
func (s settings) turn(n int, next *uint64, chance func(n int) int) int {
	if s.Mode == Random {
		return chance(n)
	}
	i := int(*next % uint64(n))
	*next++
	return i
}
