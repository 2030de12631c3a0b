package sockopt_test

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"minimega/mesh/sockopt"
)

func TestOptionsAreThoseOfTheSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		if err := sockopt.Set(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 50_000); err != nil {
			t.Error(err)
		}
		want, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF)
		if err != nil {
			t.Error(err)
		}
		if got, err := sockopt.Get(fd, unix.SOL_SOCKET, unix.SO_SNDBUF); got != want || want != 100_000 || err != nil {
			t.Errorf("SO_SNDBUF is %d (%v), the kernel says %d, twice what was asked for is 100000", got, err, want)
		}
		var info unix.TCPInfo
		if err := sockopt.TCPInfo(fd, &info); err != nil || info.State != unix.BPF_TCP_ESTABLISHED || info.Min_rtt == 0 {
			t.Errorf("TCP_INFO: %v: state %d, least round trip %d µs", err, info.State, info.Min_rtt)
		}
		if n, err := sockopt.Unacknowledged(fd); err != nil || n < 0 || n > 1000 {
			t.Errorf("%d of 1000 bytes unacknowledged: %v", n, err)
		}
		if n, err := sockopt.Unsent(fd); err != nil || n != 0 {
			t.Errorf("%d of 1000 bytes unsent, to one who takes them: %v", n, err)
		}
		if err := sockopt.Set(fd, unix.SOL_SOCKET, -1, 1); err != unix.ENOPROTOOPT {
			t.Errorf("an option that is not: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
