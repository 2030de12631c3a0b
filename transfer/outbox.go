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
	runs   []hashRun // to be sent among frames, in order
	err    error     // set once; nothing is taken any more
}

// A hashRun is hashes that are to be told. There may be 64 MiB of them, for each
// of many connections, so that they become frames only when their turn has come.
type hashRun struct {
	behind int // bytes of frames that go before it
	topic  uint32
	first  int    // the first of the chunks
	sums   []byte // never changed
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
	o.addQuiet(grow)
	o.poke()
}

// hashes queues the hashes of the chunks from first on, which stay the caller's
// and are not changed.
func (o *outbox) hashes(topic uint32, first int, sums []byte) {
	o.mu.Lock()
	if o.err == nil && len(sums) > 0 {
		o.runs = append(o.runs, hashRun{len(o.frames), topic, first, sums})
	}
	o.mu.Unlock()
	o.poke()
}

// addQuiet is add that leaves the writer asleep.
func (o *outbox) addQuiet(grow func([]byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	o.frames = grow(o.frames)
	if len(o.frames) > maxOutbox {
		o.err = errStuck
	}
}

// pokeIfAny wakes the writer if something is queued.
func (o *outbox) pokeIfAny() {
	o.mu.Lock()
	any := len(o.frames) > 0 || len(o.runs) > 0
	o.mu.Unlock()
	if any {
		o.poke()
	}
}

// take returns what is queued, up to the end of one frame of hashes, giving spare
// to be filled next.
func (o *outbox) take(spare []byte) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.runs) == 0 {
		frames := o.frames
		o.frames = spare[:0]
		return frames, o.err
	}
	run := &o.runs[0]
	now := o.frames[:run.behind]
	o.frames = append(spare[:0], o.frames[run.behind:]...)
	for i, before := 1, run.behind; i < len(o.runs); i++ {
		o.runs[i].behind -= before
	}
	piece := run.sums[:min(len(run.sums), wire.MaxHashesPacket*wire.HashSize)]
	now = wire.AppendHashesRun(now, run.topic, run.first, piece)
	run.behind, run.first, run.sums = 0, run.first+len(piece)/wire.HashSize, run.sums[len(piece):]
	if len(run.sums) == 0 {
		o.runs = o.runs[1:]
	}
	return now, o.err
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

// deadlineReader is a connection whose every read must bring something in
// time, and that tells when it does.
type deadlineReader struct {
	conn  net.Conn
	piece func(n int) int // how many of n bytes to read at a time; nil: all
	heard func(n int)     // is told how many came, and may block; nil: nobody listens
	due   func(n int)     // is told how many the next read is of; nil: nobody listens
	set   time.Time       // when the deadline was, which need not be at every read
}

func (r *deadlineReader) Read(b []byte) (int, error) {
	if r.piece != nil {
		b = b[:r.piece(len(b))]
	}
	if now := time.Now(); now.Sub(r.set) >= silenceLimit/16 {
		if err := r.conn.SetReadDeadline(now.Add(silenceLimit)); err != nil {
			return 0, err
		}
		r.set = now
	}
	if r.due != nil {
		r.due(len(b))
	}
	n, err := r.conn.Read(b)
	if n > 0 && r.heard != nil {
		r.heard(n)
	}
	return n, err
}
