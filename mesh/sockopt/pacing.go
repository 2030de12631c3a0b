package sockopt

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Unpace has the connections that a listening socket accepts begin with a
// congestion control that does not pace, where the system's does. BBR spreads
// packets by timers; over a way that carries a gigabyte a second these take a
// quarter of all time, and a connection that has begun with BBR is paced whatever
// it gets later. Where the system's does not pace, nothing changes.
func Unpace(fd uintptr) error {
	now, err := unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
	if err != nil || !strings.HasPrefix(now, "bbr") { // no other one paces
		return err
	}
	if err := setCongestion(fd, "cubic"); err == nil {
		return nil
	}
	return setCongestion(fd, "reno") // what every kernel has, and lets everybody use
}

// Repace gives a connection the system's congestion control.
func Repace(fd uintptr) error {
	fresh, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fresh)
	name, err := unix.GetsockoptString(fresh, unix.IPPROTO_TCP, unix.TCP_CONGESTION)
	if err != nil {
		return err
	}
	return setCongestion(fd, name)
}

func setCongestion(fd uintptr, name string) error {
	return unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, name)
}
