package wire

// MethodFind asks a node what it has under a pattern, for fetching. It never
// waits for hashing: a version that is not known yet is zero.
const MethodFind = "find"

// MaxFound is how many entries one answer to [MethodFind] may hold.
const MaxFound = 100_000

// Find is the body of a [MethodFind] call.
type Find struct {
	Pattern string `cbor:"1,keyasint"`
}

// Kind tells what a found entry is.
type Kind uint8

// Kinds of entries. Others are ignored.
const (
	KindFile Kind = 1
	KindDir  Kind = 2
	KindLink Kind = 3
)

// FoundEntry is one file, directory or link that a node holds or is fetching.
type FoundEntry struct {
	Name    FileName `cbor:"1,keyasint"`
	Kind    Kind     `cbor:"2,keyasint"`
	Meta    Meta     `cbor:"3,keyasint"`
	Target  string   `cbor:"4,keyasint,omitempty"` // of a link
	Version Version  `cbor:"5,keyasint"`           // zero: not hashed yet
	Partial bool     `cbor:"6,keyasint,omitempty"` // it is being fetched; Version or Draft is set
	Draft   Version  `cbor:"7,keyasint,omitzero"`  // the draft that it is, or was before Version was known

	Incoming bool `cbor:"8,keyasint,omitempty"` // the node downloads it (MethodDownload): Draft is set, Version and Partial are not
}

// Found answers a [Find]: everything that matches, a directory with all that
// lies below it. Truncated says that MaxFound cut it short.
type Found struct {
	Entries   []FoundEntry `cbor:"1,keyasint"`
	Truncated bool         `cbor:"2,keyasint,omitempty"`
}
