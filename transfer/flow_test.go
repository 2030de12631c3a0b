package transfer

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sendBuffer returns what the kernel takes of a connection at most, and whether
// it was told so.
func sendBuffer(t *testing.T, conn net.Conn) (bytes int, told bool) {
	t.Helper()
	must(t, socketOf(conn).Control(func(fd uintptr) {
		var err error
		bytes, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF)
		must(t, err)
		lock, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BUF_LOCK)
		must(t, err)
		told = lock&sendLock != 0
	}))
	return bytes, told
}

func TestTheKernelHoldsLittleOfABulkConnectionUntilTheWayIsFast(t *testing.T) {
	here, there, err := tcpPair()
	must(t, err)
	defer here.Close()
	defer there.Close()
	var p pacer
	must(t, p.write(here, make([]byte, 100)))
	if _, told := sendBuffer(t, here); told {
		t.Error("a connection with nothing bulky on it is bound")
	}
	go io.Copy(io.Discard, there) // ends with the connection
	must(t, p.write(here, make([]byte, firstPiece)))
	if bytes, told := sendBuffer(t, here); !told || bytes != firstInflight {
		t.Errorf("at first the kernel holds %d bytes", bytes)
	}
	for end := time.Now().Add(20 * time.Second); ; {
		must(t, p.write(here, make([]byte, maxPiece)))
		if _, told := sendBuffer(t, here); !told {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("a connection within a machine stays bound: %+v", p.flow.inflight)
		}
	}
}

func TestABoundOfWhatIsSentLeavesThatOfWhatComes(t *testing.T) {
	here, there, err := tcpPair()
	must(t, err)
	defer here.Close()
	defer there.Close()
	must(t, here.(*net.TCPConn).SetReadBuffer(64<<10))
	fl := flowOf(here)
	if !fl.inflight.begun || !fl.free() {
		t.Fatal("it is not bound")
	}
	must(t, fl.raw.Control(func(fd uintptr) {
		lock, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BUF_LOCK)
		must(t, err)
		if lock != 2 { // SOCK_RCVBUF_LOCK
			t.Errorf("locks: %d", lock)
		}
	}))
}

func TestWhatIsNoSocketIsNotBound(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	go io.Copy(io.Discard, there) // ends with the connection
	var p pacer
	must(t, p.write(here, make([]byte, 1<<20)))
	if p.flow.inflight.begun {
		t.Error("it was looked after")
	}
}

func TestAConnectionIsPacedFromWhenItsWayIsHard(t *testing.T) {
	here, there, err := tcpPair()
	must(t, err)
	defer here.Close()
	defer there.Close()
	congestion := func() (name string) {
		must(t, socketOf(here).Control(func(fd uintptr) {
			var err error
			name, err = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
			must(t, err)
		}))
		return name
	}
	systems := congestion()
	begun := "reno"
	if systems == begun {
		t.Skip("the system's congestion control is what every kernel has: there is nothing to tell apart")
	}
	must(t, socketOf(here).Control(func(fd uintptr) {
		must(t, unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, begun))
	}))
	fl := flowOf(here)
	fl.pace(route{base: farAway, sent: 200 << 20, again: 200 << 10})
	if got := congestion(); got != begun {
		t.Errorf("on a short way without losses it has %s", got)
	}
	fl.pace(route{base: farAway, sent: 200 << 20, again: 201 << 20 / lossOf})
	if got := congestion(); got != systems {
		t.Errorf("where packets get lost it has %s, the system's is %s", got, systems)
	}
}
