package wire

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// NodeID is the identity of a running node: the first 16 bytes of the SHA-256
// of its leaf certificate's public key. The zero NodeID is no node.
type NodeID [16]byte

// String returns all of id in hex.
func (id NodeID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first two bytes of id in hex, which is what tells two
// nodes of one name apart (`kn1~2f9c`).
func (id NodeID) Short() string { return hex.EncodeToString(id[:2]) }

// IsZero reports whether id names no node.
func (id NodeID) IsZero() bool { return id == NodeID{} }

// NodeName is what people call a node: a label, not an identity.
type NodeName string

// MaxNodeName is the longest node name, in bytes: a DNS name's limit.
const MaxNodeName = 253

// ParseNodeName returns s as a node name. The characters allowed are those of
// host names and the underscore, so that a name can stand in a node range, in a
// table and on a terminal as it is. Every error wraps [ErrBadName].
func ParseNodeName(s string) (NodeName, error) {
	if s == "" || len(s) > MaxNodeName {
		return "", fmt.Errorf("%w: node name: must be 1 to %d bytes, but is %d", ErrBadName, MaxNodeName, len(s))
	}
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
		if !letter && (i == 0 || r != '-' && r != '.') {
			return "", fmt.Errorf("%w: node name: must hold letters, digits, '-', '_' and '.', but is %q", ErrBadName, s)
		}
	}
	if strings.EqualFold(s, "all") {
		return "", fmt.Errorf("%w: node name: must not be %q, which means every node", ErrBadName, s)
	}
	return NodeName(s), nil
}

// Version identifies one content: the BLAKE3-256 of its manifest (package
// transfer says over which bytes). Name, mode and modification time are no
// part of it, so equal files are one version wherever they lie.
type Version [32]byte

// String returns all of v in hex.
func (v Version) String() string { return hex.EncodeToString(v[:]) }

// Short returns the first six bytes of v in hex, for people.
func (v Version) Short() string { return hex.EncodeToString(v[:6]) }

// IsZero reports whether v is unknown.
func (v Version) IsZero() bool { return v == Version{} }

// FileName is the path of a file below the files directory: slash separated,
// relative, clean, in normal form C. Only [ParseFileName] makes one from
// foreign text. The empty FileName is the files directory itself.
type FileName string

// Limits of a [FileName].
const (
	MaxFileName  = 1024 // bytes
	MaxComponent = 255  // bytes in one path component, as file systems have it
	MaxDepth     = 64   // components
)

// ErrBadName reports a name that is not fit to be used or shown.
var ErrBadName = errors.New("bad name")

// ParseFileName returns s as a FileName, cleaned of empty and "." components
// and a leading slash (`file:/x` is `file:x`). It refuses "..", control
// characters, bytes that are not UTF-8, and what is over the limits; every
// error wraps [ErrBadName].
func ParseFileName(s string) (FileName, error) {
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: %q: must be UTF-8", ErrBadName, s)
	}
	var parts []string
	for part := range strings.SplitSeq(norm.NFC.String(s), "/") {
		switch {
		case part == "" || part == ".":
			continue
		case part == "..":
			return "", fmt.Errorf("%w: %q: must stay inside the files directory, but holds %q", ErrBadName, s, "..")
		case len(part) > MaxComponent:
			return "", fmt.Errorf("%w: %q: a component must be at most %d bytes, but one is %d", ErrBadName, clip(s), MaxComponent, len(part))
		case strings.ContainsFunc(part, unprintable):
			return "", fmt.Errorf("%w: %q: must not hold control characters", ErrBadName, clip(s))
		}
		parts = append(parts, part)
	}
	name := strings.Join(parts, "/")
	if len(name) > MaxFileName || len(parts) > MaxDepth {
		return "", fmt.Errorf("%w: %q: must be at most %d bytes and %d levels, but is %d and %d",
			ErrBadName, clip(s), MaxFileName, MaxDepth, len(name), len(parts))
	}
	return FileName(name), nil
}

// unprintable reports what could act on a terminal or reorder a line: control
// and format characters, and the line and paragraph separators.
func unprintable(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}

// clip shortens s for an error message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
