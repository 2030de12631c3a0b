package shell

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
)

// conversation is a caller that listens all the time, so that it hears of what it
// has not just asked for. Requests may be sent from several goroutines and are
// answered in their order. It lasts until close, and ends itself with the program.
type conversation struct {
	caller *caller
	notice func(incoming) // of what nobody asked for just now; on the listener's goroutine

	listener sync.WaitGroup
	asked    chan *question // in the order in which they were sent
	closing  sync.Once
	closed   chan struct{}
	ended    chan struct{} // closed when nothing more comes
	err      error         // why; set before ended is closed

	open atomic.Int32 // questions without their last reply
	mu   sync.Mutex   // makes the order in asked that of the requests
}

// question is a request that was sent.
type question struct {
	replies chan incoming
	left    chan struct{} // closed: nobody waits for replies any more
}

// maxOpen is how many questions wait at most: a command, the completions around
// it, and the command that interrupts the wait for it.
const maxOpen = 8

// errBusy reports that something else waits for its answer.
var errBusy = errors.New("conversation: busy")

// converse begins a conversation with the program that serves base. Its errors
// are those of [dial]; ctx's end closes the connection.
func converse(ctx context.Context, base string, notice func(incoming)) (*conversation, error) {
	c, err := dial(ctx, base)
	if err != nil {
		return nil, err
	}
	v := &conversation{
		caller: c, notice: notice, asked: make(chan *question, maxOpen),
		closed: make(chan struct{}), ended: make(chan struct{}),
	}
	v.listener.Go(v.listen)
	return v, nil
}

// close ends the conversation, and with io.EOF whoever asks. It may be called again.
func (v *conversation) close() {
	v.closing.Do(func() {
		v.caller.Close()
		close(v.closed)
	})
	v.listener.Wait()
}

// listen hands over what comes until the connection ends.
func (v *conversation) listen() {
	defer close(v.ended)
	var q *question // whose replies come; nil: those of the next
	for {
		r, err := v.caller.next()
		switch {
		case err != nil:
			v.err = err
			return
		case r.Notice:
			v.notice(r)
			continue
		case q == nil:
			if q = v.next(); q == nil {
				v.err = io.EOF
				return
			}
		}
		last := r.last()
		if last {
			v.open.Add(-1)
		}
		select {
		case q.replies <- r:
		case <-q.left:
		case <-v.closed:
		}
		if last {
			q = nil
		}
	}
}

// next returns the question that is answered next, nil at the conversation's
// end. A program that refuses to talk answers before it was asked.
func (v *conversation) next() *question {
	select {
	case q := <-v.asked:
		return q
	case <-v.closed:
		return nil
	}
}

// ask sends req and hands over the replies up to the last one, or until ctx ends;
// then the others are dropped when they come. io.EOF is a program that has ended.
func (v *conversation) ask(ctx context.Context, req request, each func(incoming)) error {
	q, err := v.send(req, maxOpen)
	if err != nil {
		return err
	}
	return v.hear(ctx, q, each)
}

// askIdle is ask where nothing else waits for its answer; otherwise it returns
// errBusy.
func (v *conversation) askIdle(ctx context.Context, req request, each func(incoming)) error {
	q, err := v.send(req, 1)
	if err != nil {
		return err
	}
	return v.hear(ctx, q, each)
}

// send sends req, which is then one of at most so many questions.
func (v *conversation) send(req request, most int32) (*question, error) {
	b, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open.Load() >= most {
		return nil, errBusy
	}
	v.open.Add(1)
	q := &question{replies: make(chan incoming), left: make(chan struct{})}
	v.asked <- q // there is room
	if _, err := v.caller.conn.Write(append(b, '\n')); err != nil && !errors.Is(err, syscall.EPIPE) {
		return nil, gone(err) // as in caller.ask
	}
	return q, nil
}

// hear hands over q's replies.
func (v *conversation) hear(ctx context.Context, q *question, each func(incoming)) error {
	defer close(q.left)
	for {
		select {
		case r := <-q.replies:
			each(r)
			if r.last() {
				return nil
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-v.ended:
			if ctx.Err() != nil { // it may have ended because of that
				return context.Cause(ctx)
			}
			return v.err
		}
	}
}

// hurry ends what waits for its answer, if anything does.
func (v *conversation) hurry() {
	if v.open.Load() > 0 {
		v.cancel()
	}
}

// cancel ends what was asked last, whose answer must then come soon.
func (v *conversation) cancel() {
	_, _ = v.caller.conn.Write([]byte(`{"Cancel":true}` + "\n")) // a connection that is gone shows in the next read
}
