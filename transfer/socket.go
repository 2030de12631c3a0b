package transfer

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"minimega/mesh/sockopt"
)

// What the kernel may hold of a connection unsent: a few milliseconds of it,
// so that which chunk goes next, and news, are decided late, and a fast link
// is busy while this process is not.
const (
	minUnsent   = 16 << 10 // bytes: what many connections hold together is sent late, and cannot be withdrawn
	firstUnsent = 16 << 10
	maxUnsent   = 8 << 20
	unsentTime  = 8 * time.Millisecond
	rateWindow  = 50 * time.Millisecond
)

// A valve bounds what the kernel holds of a connection by how fast it drains.
// The zero valve, of a connection that is no socket, does nothing. It belongs
// to the connection's writer.
type valve struct {
	raw   syscall.RawConn // nil: no socket
	limit int             // set last, bytes
	start time.Time       // of what is being measured
	bytes int             // since start
}

// tune sets conn's socket up, where it has one.
func tune(conn net.Conn) *valve {
	raw := socketOf(conn)
	if raw == nil {
		return &valve{}
	}
	v := &valve{raw: raw, start: time.Now()}
	v.set(unix.TCP_USER_TIMEOUT, int(silenceLimit.Milliseconds()))
	v.bound(firstUnsent)
	return v
}

// socketOf returns the socket below conn; nil where there is none.
func socketOf(conn net.Conn) syscall.RawConn {
	for {
		inner, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = inner.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// set changes an option; failing costs speed only.
func (v *valve) set(option, value int) {
	_ = v.raw.Control(func(fd uintptr) {
		_ = sockopt.Set(fd, unix.IPPROTO_TCP, option, value)
	})
}

func (v *valve) bound(limit int) {
	v.limit = limit
	v.set(unix.TCP_NOTSENT_LOWAT, limit)
}

// held returns how many bytes the kernel holds that the other side has not
// acknowledged; 0 where that is not known.
func (v *valve) held() int { return v.ask(sockopt.Unacknowledged) }

// full reports whether the kernel still has something to send; false where that is
// not known.
func (v *valve) full() bool { return v.ask(sockopt.Unsent) > 0 }

// ask asks the kernel for a number of bytes; 0 where that fails.
func (v *valve) ask(what func(fd uintptr) (int, error)) (bytes int) {
	if v.raw == nil {
		return 0
	}
	_ = v.raw.Control(func(fd uintptr) {
		bytes, _ = what(fd)
	})
	return bytes
}

// wrote records that n bytes were written from begun until now, and those before them
// by last.
func (v *valve) wrote(n int, last, begun, now time.Time) {
	if v.raw == nil {
		return
	}
	if begun.Sub(last) > rateWindow/2 {
		v.start, v.bytes = begun, 0 // nothing was wanted for a while
	}
	v.bytes += n
	over := now.Sub(v.start)
	if over < rateWindow {
		return
	}
	limit := int(float64(v.bytes) * unsentTime.Seconds() / over.Seconds())
	limit = min(max(limit, minUnsent), maxUnsent)
	if limit > v.limit*3/2 || limit < v.limit*2/3 {
		v.bound(limit)
	}
	v.start, v.bytes = now, 0
}
