package store

import "minimega/mesh/wire"

// Kind tells what an [Entry] is.
type Kind uint8

// Kinds of entry. There are no others: pipes, sockets, devices and links that
// lead outside are not part of a store.
const (
	File Kind = iota + 1
	Dir
	Link
)

// String returns the kind's name in lower case.
func (k Kind) String() string {
	switch k {
	case File:
		return "file"
	case Dir:
		return "dir"
	case Link:
		return "link"
	}
	return "unknown"
}

// Entry is one thing in the files directory.
type Entry struct {
	Name   wire.FileName // below the files directory
	Kind   Kind
	Meta   wire.Meta // of a File its size; permission bits and time of all
	Target string    // of a Link: relative to the link, as readlink tells it

	real string   // of a File that was found: where it lies, without links
	stat fileStat // and what it was then
}
