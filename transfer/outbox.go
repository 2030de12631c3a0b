package transfer

import (
	"errors"
	"net"
	"sync"
	"time"

	"minimega/mesh/wire"
)

const (
	aliveEvery   = 2 * time.Second  // silence after which a side says Alive
	silenceLimit = 10 * time.Second // silence after which the other side is gone
	writeLimit   = 10 * time.Second // for the socket to take one piece
	maxOutbox    = 16 << 20         // bytes of control frames nobody takes
)

var errStuck = errors.New("the other side takes nothing")

// An outbox holds the control frames that a connection's writer is to send. Any
// goroutine may add to it; adding never blocks.
type outbox struct {
	wake chan struct{} // holds one token when there is something to do

	mu     sync.Mutex
	frames []byte
	err    error // set once; nothing is taken any more
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// poke makes the writer look again.
func (o *outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// send queues one frame with a CBOR payload.
func (o *outbox) send(t wire.Type, payload any) {
	o.add(func(b []byte) []byte {
		out, err := wire.AppendFrame(b, t, payload)
		if err != nil { // no type of ours fails
			panic(err)
		}
		return out
	})
}

// add queues the frames that grow appends.
func (o *outbox) add(grow func([]byte) []byte) {
	o.mu.Lock()
	if o.err == nil {
		o.frames = grow(o.frames)
		if len(o.frames) > maxOutbox {
			o.err = errStuck
		}
	}
	o.mu.Unlock()
	o.poke()
}

// addQuiet is add that leaves the writer asleep.
func (o *outbox) addQuiet(grow func([]byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.frames = grow(o.frames)
	}
}

// pokeIfAny wakes the writer if something is queued.
func (o *outbox) pokeIfAny() {
	o.mu.Lock()
	any := len(o.frames) > 0
	o.mu.Unlock()
	if any {
		o.poke()
	}
}

// take returns what is queued, giving spare to be filled next.
func (o *outbox) take(spare []byte) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	frames := o.frames
	o.frames = spare[:0]
	return frames, o.err
}

// fail makes the writer stop.
func (o *outbox) fail(err error) {
	o.mu.Lock()
	if o.err == nil {
		o.err = err
	}
	o.mu.Unlock()
	o.poke()
}

// write sends b under a deadline that holds for each piece of it.
func write(conn net.Conn, b []byte) error {
	const piece, most = 256 << 10, 257 << 10 // so that a chunk with its header makes no piece too many
	for len(b) > 0 {
		n := len(b)
		if n > most {
			n = piece
		}
		if err := conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
			return err
		}
		if _, err := conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// deadlineReader is a connection whose every read must bring something in
// time, and that tells when it does.
type deadlineReader struct {
	conn  net.Conn
	heard func()    // nil: nobody listens
	set   time.Time // when the deadline was, which need not be at every read
}

func (r *deadlineReader) Read(b []byte) (int, error) {
	if now := time.Now(); now.Sub(r.set) >= silenceLimit/16 {
		if err := r.conn.SetReadDeadline(now.Add(silenceLimit)); err != nil {
			return 0, err
		}
		r.set = now
	}
	n, err := r.conn.Read(b)
	if n > 0 && r.heard != nil {
		r.heard()
	}
	return n, err
}
