package transfer

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"minimega/mesh/sockopt"
)

// A flow keeps what the kernel has of a connection, sent or not, to an [inflight],
// and has it paced on ways that are hard. The zero flow, and that of a connection
// that is no socket, does nothing. It belongs to the connection's writer.
type flow struct {
	raw      syscall.RawConn // nil: no socket, or a kernel that cannot unbind it again
	inflight inflight
	bound    int          // bytes that were set last; 0: none
	paced    bool         // the system's congestion control has it, for good
	info     unix.TCPInfo // what the kernel said last
}

// bulky is how long a write is from which on a connection has a flow: short ones
// make no queue.
const bulky = 16 << 10

// flowOf returns the flow of conn, which is to carry something bulky now.
func flowOf(conn net.Conn) *flow {
	fl := &flow{raw: socketOf(conn)}
	if fl.raw == nil {
		return fl
	}
	r, ok := fl.route()
	if !ok || !fl.free() { // nobody will see how the way is
		fl.repace()
		return &flow{}
	}
	fl.inflight.begin(r, time.Now())
	fl.pace(r)
	fl.bind()
	return fl
}

// after fits the bound to how a write went.
func (fl *flow) after() {
	now := time.Now()
	if fl.raw == nil || !fl.inflight.due(now) {
		return
	}
	if r, ok := fl.route(); ok {
		fl.inflight.look(r, now)
		fl.pace(r)
		fl.bind()
	}
}

// pace gives the connection, which may have begun without, the system's congestion
// control where the way turns out to be hard.
func (fl *flow) pace(r route) {
	if !fl.paced && r.hard() {
		fl.repace()
	}
}

func (fl *flow) repace() {
	fl.paced = true
	_ = fl.raw.Control(func(fd uintptr) { _ = sockopt.Repace(fd) }) // failing costs speed only
}

// bind has the kernel follow the bound. Where it may not hold as much as that,
// it is let free: its own bound would be too small.
func (fl *flow) bind() {
	switch {
	case fl.inflight.bytes == fl.bound:
		return
	case fl.inflight.bytes == 0 || !fl.hold(fl.inflight.bytes):
		fl.free()
	}
	fl.bound = fl.inflight.bytes
}

// hold bounds what the kernel has of the connection, if it may be that much.
func (fl *flow) hold(bytes int) (ok bool) {
	err := fl.raw.Control(func(fd uintptr) {
		half := bytes / 2 // the kernel doubles it, and counts with what it needs itself
		if sockopt.Set(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, half) == nil {
			ok = true
			return
		}
		if sockopt.Set(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, half) != nil {
			return
		}
		set, err := sockopt.Get(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
		ok = err == nil && set >= 2*half
	})
	return ok && err == nil
}

// sendLock says in SO_BUF_LOCK that the kernel was told how much to take. The
// other bit there is an [inflow]'s.
const sendLock = 1

// free lets the kernel decide how much it takes; it reports whether it can.
func (fl *flow) free() (ok bool) {
	err := fl.raw.Control(func(fd uintptr) {
		lock, err := sockopt.Get(fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK)
		ok = err == nil && sockopt.Set(fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK, lock&^sendLock) == nil
	})
	return ok && err == nil
}

// route asks the kernel how the connection goes.
func (fl *flow) route() (r route, ok bool) {
	err := fl.raw.Control(func(fd uintptr) { ok = sockopt.TCPInfo(fd, &fl.info) == nil && fl.info.Min_rtt != 0 })
	return route{
		rtt:   time.Duration(fl.info.Rtt) * time.Microsecond,
		base:  time.Duration(fl.info.Min_rtt) * time.Microsecond,
		acked: int64(fl.info.Bytes_acked),
		busy:  time.Duration(fl.info.Busy_time) * time.Microsecond,
		sent:  int64(fl.info.Bytes_sent),
		again: int64(fl.info.Bytes_retrans),
	}, ok && err == nil
}
