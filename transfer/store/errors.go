package store

import (
	"fmt"
	"syscall"

	"github.com/dustin/go-humanize"
)

// NoSpaceError says that a content does not fit. It is a syscall.ENOSPC, as is
// what WriteChunk and Sync return when the disk fills up later.
type NoSpaceError struct {
	Need int64  // bytes, with the margin that is kept free
	Free int64  // bytes that are to be had
	Path string // the directory that lacks them
}

// Error names both numbers and the directory.
func (e *NoSpaceError) Error() string {
	return fmt.Sprintf("no space: need %s on %s, but %s are free",
		humanize.IBytes(uint64(max(e.Need, 0))), e.Path, humanize.IBytes(uint64(max(e.Free, 0))))
}

// Unwrap returns syscall.ENOSPC.
func (e *NoSpaceError) Unwrap() error { return syscall.ENOSPC }
