package sockopt_test

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"minimega/mesh/sockopt"
)

// congestionOf returns the congestion control that a socket has.
func congestionOf(t *testing.T, socket syscall.Conn) string {
	t.Helper()
	var name string
	control(t, socket, func(fd uintptr) (err error) {
		name, err = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
		return err
	})
	return name
}

func control(t *testing.T, socket syscall.Conn, f func(fd uintptr) error) {
	t.Helper()
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(fd) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}

// accepted returns a connection of a listener that had the given congestion
// control when it was unpaced.
func accepted(t *testing.T, congestion string) *net.TCPConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	control(t, l.(*net.TCPListener), func(fd uintptr) error {
		err := unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestion)
		if err == unix.ENOENT || err == unix.EPERM {
			t.Skipf("this kernel lets us have no %s", congestion)
		}
		return err
	})
	control(t, l.(*net.TCPListener), sockopt.Unpace)
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

func TestConnectionsOfAnUnpacedListenerHaveNoBBRUntilTheyGetTheSystemsBack(t *testing.T) {
	conn := accepted(t, "bbr")
	if got := congestionOf(t, conn); got != "cubic" && got != "reno" {
		t.Errorf("a connection begins with %s", got)
	}
	control(t, conn, sockopt.Repace)
	text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := congestionOf(t, conn), strings.TrimSpace(string(text)); got != want {
		t.Errorf("then it has %s, the system's is %s", got, want)
	}
}

func TestAListenerThatDoesNotPaceKeepsWhatItHas(t *testing.T) {
	if got := congestionOf(t, accepted(t, "reno")); got != "reno" {
		t.Errorf("a connection begins with %s", got)
	}
}
