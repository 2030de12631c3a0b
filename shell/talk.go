package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"minimega/shell/output"
)

// socketConn is what a conversation needs of its connection.
type socketConn interface {
	io.ReadWriteCloser
	SetWriteDeadline(time.Time) error
}

// serveClient answers the requests that come over conn, until it ends.
func (s *Shell) serveClient(ctx context.Context, conn socketConn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &talk{shell: s, conn: conn}
	t.endings = s.newEndings(ctx, t.notice)
	defer t.endings.stop()
	t.client = NewClient(t.watch, t.warn)
	t.client.cleared = func() { t.forget = true }
	requests := make(chan asked)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer conn.Close() // ends the reader
	reader.Go(func() {
		defer close(requests)
		t.read(ctx, cancel, requests)
	})
	for a := range requests {
		t.notify(a.Notify)
		if !t.serve(a) {
			cancel()
			return
		}
	}
	if err := t.readError(); err != nil {
		_ = t.send(reply{Resp: output.Responses{{Host: s.host(), Error: err.Error()}}})
	}
}

// asked is a request and what ends its serving.
type asked struct {
	request
	ctx    context.Context
	cancel context.CancelFunc
	lines  chan string // where what is no request any more goes; nil: requests follow
}

// talk is one connection of the socket.
type talk struct {
	shell  *Shell
	conn   socketConn
	client *Client
	forget bool // the command that runs has cleared the history

	endings *endings

	mu     sync.Mutex         // guards what follows, and makes replies whole
	status bool               // the client understands Status replies
	bad    error              // why reading ended, where the client should know
	cancel context.CancelFunc // ends what was asked last; nil: nothing was
}

// read hands over requests until the connection ends. A client that is gone
// ends what runs for it, if it is one of ours: others may close the side that
// they send on and still wait for an answer.
func (t *talk) read(ctx context.Context, gone context.CancelFunc, requests chan<- asked) {
	bounded := &io.LimitedReader{R: t.conn}
	decoder := json.NewDecoder(&valueEnds{r: bounded})
	for {
		var req request
		bounded.N = maxRequest
		if err := decoder.Decode(&req); err != nil {
			t.ended(err, bounded.N == 0)
			break
		}
		if req.Cancel {
			t.interrupt()
			continue
		}
		a := t.note(ctx, req)
		select {
		case requests <- a:
		case <-ctx.Done():
			return
		}
		if a.lines != nil {
			t.readLines(decoder.Buffered(), a)
			return
		}
	}
	t.mu.Lock()
	ours := t.status
	t.mu.Unlock()
	if ours {
		gone()
	}
}

// interrupt ends the command that runs, if any.
func (t *talk) interrupt() {
	t.mu.Lock()
	cancel := t.cancel
	t.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// note keeps what a later request may need of req.
func (t *talk) note(ctx context.Context, req request) asked {
	ctx, cancel := context.WithCancel(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status, t.cancel = req.Status, cancel
	a := asked{request: req, ctx: ctx, cancel: cancel}
	if req.joins() {
		a.lines = make(chan string)
	}
	return a
}

// ended notes why reading ended.
func (t *talk) ended(err error, tooLong bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case tooLong:
		t.bad = fmt.Errorf("request: must be at most %d bytes, but is longer", maxRequest)
	case errors.As(err, &kind) && kind.Field == "":
		t.bad = fmt.Errorf("request: must be a JSON object with Command or Suggest, but is a JSON %s", kind.Value)
	case errors.As(err, &syntax), errors.As(err, &kind):
		t.bad = fmt.Errorf("request: must be a JSON object with Command or Suggest: %w", err)
	}
}

func (t *talk) readError() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bad
}

// serve answers a and reports whether the conversation goes on.
func (t *talk) serve(a asked) bool {
	defer a.cancel()
	req, ctx := a.request, a.ctx
	switch {
	case req.PlumbPipe != "" && a.lines == nil:
		return t.refuse("must specify either command or suggest")
	case a.lines != nil:
		return t.plumb(a)
	case req.Complete != nil && req.Command == "" && req.Suggest == "":
		r := t.shell.completeSoon(ctx, t.client, *req.Complete, req.Cursor)
		return t.send(reply{Completion: &r}) == nil
	case (req.Command == "") == (req.Suggest == ""):
		return t.refuse("must specify either command or suggest")
	case req.Suggest != "":
		return t.send(reply{Suggest: t.shell.Suggest(ctx, t.client, req.Suggest)}) == nil
	}
	return t.command(a)
}

// refuse answers with an error.
func (t *talk) refuse(text string) bool {
	return t.send(reply{Resp: output.Responses{{Host: t.shell.host(), Error: text}}}) == nil
}

// command runs a line and sends what it answers.
func (t *talk) command(a asked) bool {
	t.forget = false
	all := &answers{talk: t, asked: a}
	t.client.follows = all.pass
	t.shell.Exec(a.ctx, t.client, a.Command, all.take)
	return all.last()
}

// notify has the client be told, or not, of transfers that the next command
// leaves going on.
func (t *talk) notify(wanted bool) {
	t.client.started = nil
	if wanted {
		t.client.started = func(name string, job Job) { t.endings.follow(t.client, name, job) }
	}
}

// notice tells the client how a transfer has ended.
func (t *talk) notice(r output.Response) {
	_ = t.send(reply{Resp: output.Responses{r}, Rendered: endingLine(r), Status: true, Notice: true}) // it may have gone
}

// send writes r. A client may take it as slowly as it likes, while it takes some
// of it in time; one that does not is given up: its connection is closed.
func (t *talk) send(r reply) error {
	b, err := json.Marshal(r)
	if err != nil {
		b, err = json.Marshal(reply{Resp: output.Responses{{Host: t.shell.host(), Error: err.Error()}}, More: r.More})
		if err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for piece := range slices.Chunk(append(b, '\n'), writeSize) {
		err := t.conn.SetWriteDeadline(time.Now().Add(writeWithin))
		if err == nil {
			_, err = t.conn.Write(piece)
		}
		if err != nil {
			t.conn.Close() // what comes next would stand in the middle of r
			return err
		}
	}
	return nil
}
