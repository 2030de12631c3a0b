package mesh

import (
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"minimega/mesh/sockopt"
)

// userTimeout is how long data may stay unacknowledged before the kernel gives
// a connection up.
const userTimeout = 8 * time.Second

// prepare sets what all our TCP connections have in common. A dead peer is
// noticed within userTimeout while data is on its way, and within about 11 s
// on an idle connection.
func prepare(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	tcp.SetNoDelay(true)
	tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3})
	setOption(tcp, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
}

// unpaced has the connections of a listener begin without pacing, as a
// [net.ListenConfig] wants it: who accepts is who sends bulk. Those of control and
// of relays get it back; package transfer sees to the others.
func unpaced(_, _ string, socket syscall.RawConn) error {
	return socket.Control(func(fd uintptr) { _ = sockopt.Unpace(fd) }) // failing costs speed only
}

// paced undoes unpaced.
func paced(conn net.Conn) {
	tcp, ok := below(conn).(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = sockopt.Repace(fd) }) // failing leaves another congestion control
	}
}

// limitUnsent bounds, in bytes, what the kernel takes of a connection's data
// beyond what it can send at once (TCP_NOTSENT_LOWAT), so that what is written
// next does not wait behind megabytes.
func limitUnsent(conn net.Conn, bytes int) error {
	tcp, ok := below(conn).(*net.TCPConn)
	if !ok {
		return fmt.Errorf("limit unsent: %T is no TCP connection", conn)
	}
	return setOption(tcp, unix.TCP_NOTSENT_LOWAT, bytes)
}

// below returns what lies below TLS and what else conn is wrapped in.
func below(conn net.Conn) net.Conn {
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = outer.NetConn()
	}
}

func setOption(conn syscall.Conn, option, value int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = sockopt.Set(fd, unix.IPPROTO_TCP, option, value)
	})
	if err != nil {
		return err
	}
	return failed
}
