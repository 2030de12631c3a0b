// Package sockopt gets and sets options of TCP sockets without Go's scheduler
// watching. Each system call that it watches wakes the runtime's monitor thread,
// which then looks 50 times within a millisecond; what is done here for each
// chunk of a file never waits, so that there is nothing to see.
//
// [Unpace] and [Repace] are called once for a socket, and watched.
//
// All functions take a descriptor that stays open meanwhile, as in the callback
// of [syscall.RawConn.Control], and return the kernel's errors as syscall.Errno.
package sockopt

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Set sets an option that is an int.
func Set(fd uintptr, level, option, value int) error {
	v := int32(value)
	_, _, errno := unix.RawSyscall6(unix.SYS_SETSOCKOPT, fd, uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
	return failure(errno)
}

// Get returns an option that is an int.
func Get(fd uintptr, level, option int) (int, error) {
	var v int32
	err := get(fd, level, option, unsafe.Pointer(&v), uint32(unsafe.Sizeof(v)))
	return int(v), err
}

// TCPInfo fills info in, with zeros for what an older kernel does not know.
func TCPInfo(fd uintptr, info *unix.TCPInfo) error {
	*info = unix.TCPInfo{}
	return get(fd, unix.IPPROTO_TCP, unix.TCP_INFO, unsafe.Pointer(info), uint32(unsafe.Sizeof(*info)))
}

// Unacknowledged returns how many bytes the kernel has that the other side has
// not acknowledged, those it has not sent yet among them.
func Unacknowledged(fd uintptr) (int, error) { return count(fd, unix.SIOCOUTQ) }

// Unsent returns how many of those it has not sent yet.
func Unsent(fd uintptr) (int, error) { return count(fd, unix.SIOCOUTQNSD) }

// count returns a number of bytes that the kernel is asked for.
func count(fd, request uintptr) (int, error) {
	var v int32
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(&v)))
	return int(v), failure(errno)
}

func get(fd uintptr, level, option int, value unsafe.Pointer, size uint32) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, fd, uintptr(level), uintptr(option), uintptr(value), uintptr(unsafe.Pointer(&size)), 0)
	return failure(errno)
}

func failure(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
