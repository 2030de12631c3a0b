package store

import (
	"math/bits"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"minimega/mesh/wire"
)

// A chunkFile reads and writes without Go's scheduler watching what cannot wait
// for a disk: all of a file in memory, and what the page cache has of another.
// Each call that is watched wakes the runtime's monitor thread, which then looks
// 50 times within a millisecond; with a call or two for each chunk it never
// sleeps. What cannot be had at once is left to os.File, as are all errors.
//
// The kernel lets one write to a file at a time, and has the others spin; here they
// sleep.
type chunkFile struct {
	*os.File
	raw     syscall.RawConn // nil: all is watched
	memory  bool            // on a file system without a disk
	blind   atomic.Bool     // the kernel cannot say here what would wait
	writing sync.Mutex      // held across WriteAt
}

// chunksOf returns f, of so many bytes, as a chunkFile. A file of a single chunk
// is opened, read and closed; its reading is not worth more calls.
func chunksOf(f *os.File, size int64) *chunkFile {
	c := &chunkFile{File: f}
	if size <= wire.MinChunkSize {
		return c
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return c
	}
	c.raw = raw
	_ = raw.Control(func(fd uintptr) { // failing leaves it a file on a disk
		var fs unix.Statfs_t
		c.memory = unix.Fstatfs(int(fd), &fs) == nil && (fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.RAMFS_MAGIC)
	})
	return c
}

// ReadAt is that of os.File.
func (c *chunkFile) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	switch {
	case off < 0 || c.raw == nil:
	case c.memory:
		n, _ = c.now(unix.SYS_PREADV2, b, off, 0) // what it stopped at stops os.File too
	case !c.blind.Load():
		var errno syscall.Errno
		n, errno = c.now(unix.SYS_PREADV2, b, off, unix.RWF_NOWAIT)
		c.blind.Store(errno == unix.EOPNOTSUPP || errno == unix.ENOSYS)
	}
	if n == len(b) {
		return n, nil
	}
	rest, err := c.File.ReadAt(b[n:], off+int64(n))
	return n + rest, err
}

// WriteAt is that of os.File. Only memory takes it all without waiting.
func (c *chunkFile) WriteAt(b []byte, off int64) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	n := 0
	if off >= 0 && c.memory {
		n, _ = c.now(unix.SYS_PWRITEV2, b, off, 0) // what it stopped at stops os.File too
	}
	if n == len(b) {
		return n, nil
	}
	rest, err := c.File.WriteAt(b[n:], off+int64(n))
	return n + rest, err
}

// now reads or writes what it can of b, and returns how much that was and the
// error that it stopped at, or 0.
func (c *chunkFile) now(call uintptr, b []byte, off int64, flags uintptr) (n int, errno syscall.Errno) {
	_ = c.raw.Control(func(fd uintptr) { // of a closed file os.File tells
		for n < len(b) {
			v := unix.Iovec{Base: &b[n]}
			v.SetLen(len(b) - n)
			at := uint64(off + int64(n))
			high := at >> (bits.UintSize - 1) >> 1 // where an offset takes two registers
			done, _, e := unix.RawSyscall6(call, fd, uintptr(unsafe.Pointer(&v)), 1, uintptr(at), uintptr(high), flags)
			if e == unix.EINTR {
				continue
			}
			if e != 0 || done == 0 {
				errno = e
				return
			}
			n += int(done)
		}
	})
	return n, errno
}
