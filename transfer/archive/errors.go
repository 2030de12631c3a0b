package archive

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/dustin/go-humanize"
)

// Why an archive is not unpacked. Every error of this package about what an
// archive holds wraps one.
var (
	ErrFormat    = errors.New("must be a tar archive, plain or in gzip, bzip2, xz or zstd, but is none")
	ErrDamaged   = errors.New("archive is damaged")
	ErrTruncated = errors.New("archive is cut short: fetch it again")
	ErrTop       = errors.New("must hold a single top-level directory")
	ErrUnsafe    = errors.New("is not unpacked")
	ErrLimit     = errors.New("goes over a limit")
)

// Why what was unpacked is not put where it belongs.
var (
	ErrChanged  = errors.New("archive changed while it was read: try again")
	ErrTouched  = errors.New("was changed since it was unpacked, and so was the archive: move or delete it to have the new archive unpacked")
	ErrInTheWay = errors.New("in the way")
)

// noRoom says that what an archive holds does not fit. It is a syscall.ENOSPC
// and an ErrLimit.
type noRoom struct{ need, free int64 }

func (e *noRoom) Error() string {
	return fmt.Sprintf("no space: need more than %s, but %s are free", humanize.IBytes(uint64(e.need)), humanize.IBytes(uint64(max(e.free, 0))))
}

func (e *noRoom) Unwrap() []error { return []error{syscall.ENOSPC, ErrLimit} }
