package store

import (
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"minimega/mesh/wire"
)

// randomDigits returns nine digits.
func randomDigits() string { return strconv.Itoa(100_000_000 + rand.IntN(900_000_000)) }

// setTime sets f's modification and access time. It is futimens, which has
// nanoseconds and no path that could be swapped.
func setTime(f *os.File, meta wire.Meta) error {
	ts := unix.NsecToTimespec(meta.ModTime)
	times := [2]unix.Timespec{ts, ts}
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, f.Fd(), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("futimens", errno)
	}
	return nil
}

// datasync makes what was written to f survive a power loss.
func datasync(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

// extent is a range of bytes of a file: from the first to before the end.
type extent struct{ from, to int64 }

// nextData returns the first extent at or after off that may hold anything but
// zeros, and false when there is none up to size. It moves f's own offset.
// File systems that know no holes say that all is data.
func nextData(f *os.File, off, size int64) (extent, bool) {
	if off >= size {
		return extent{}, false
	}
	from, err := unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
	if err == syscall.ENXIO {
		return extent{}, false
	}
	if err != nil {
		return extent{off, size}, true
	}
	to, err := unix.Seek(int(f.Fd()), from, unix.SEEK_HOLE)
	if err != nil || to <= from {
		to = size
	}
	return extent{from, min(to, size)}, from < size
}

// lockFile takes the lock of f for this open file, waiting for other processes,
// and returns what gives it back. Where there are no locks, there is none.
func lockFile(f *os.File) (unlock func(), err error) {
	fd := int(f.Fd())
	for {
		err = unix.Flock(fd, unix.LOCK_EX)
		if err != syscall.EINTR {
			break
		}
	}
	if err == syscall.EBADF {
		return nil, os.ErrClosed
	}
	return func() { _ = unix.Flock(fd, unix.LOCK_UN) }, nil // closing gives it back too
}

// tryLock takes the lock of f until it is closed. It reports false when another
// open file has it. Where there are no locks, nobody has one.
func tryLock(f *os.File) bool {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	return err != syscall.EWOULDBLOCK
}
