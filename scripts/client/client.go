package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"sync"
	"syscall"
	"time"
)

// DefaultSocket is where a node listens that was started without -base.
const DefaultSocket = "/tmp/minimega/minimega"

const (
	maxReply     = 1 << 30         // bytes
	cancelWithin = 3 * time.Second // for the next word about a command that was told to end
)

// Client is a conversation with a node.
type Client struct {
	// Progress is told, while a command waits, a line about it. It is called on
	// the goroutine that runs the command. nil: nobody asks. Set it before the
	// first command.
	Progress func(line string)

	conn    net.Conn
	bounded *io.LimitedReader // of conn, for one line
	lines   *bufio.Reader     // of bounded

	mu     sync.Mutex // guards what follows
	busy   bool
	ending bool // what runs was told to end
	closed bool
}

// Dial connects to the node that listens at the unix socket. Its error wraps
// [ErrNotRunning] where nobody does.
func Dial(ctx context.Context, socket string) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w at %s: start it there, or dial the socket in its -base directory", ErrNotRunning, socket)
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", socket, err)
	}
	bounded := &io.LimitedReader{R: conn}
	return &Client{conn: conn, bounded: bounded, lines: bufio.NewReader(bounded)}, nil
}

// Close ends the conversation, and what runs for it. It may be called at any
// time, from any goroutine, and again.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.conn.Close()
}

// Run has the node run one line and yields what it answers, as it comes. A line
// without a command yields nothing, nor does `quit`. Errors wrap [*HostError],
// after which there may be more, or else are the last: [ErrBusy], [ErrEnded],
// [ErrClosed], [ErrProtocol], or ctx's.
func (c *Client) Run(ctx context.Context, line string) iter.Seq2[Reply, error] {
	return func(yield func(Reply, error) bool) {
		wanted := true
		err := c.ask(ctx, request{Command: orBlank(line), Status: true}, func(r Reply, err error) bool {
			wanted = yield(r, err)
			return wanted
		})
		if err != nil && wanted && !(errors.Is(err, ErrEnded) && isQuit(line)) {
			yield(Reply{}, err)
		}
	}
}

// Do is [Client.Run] for commands with one reply, which most are: it returns all
// responses, in the order in which they came, and an error that wraps a
// [*HostError] for each that is one.
func (c *Client) Do(ctx context.Context, line string) ([]Response, error) {
	var all []Response
	var failed error
	for reply, err := range c.Run(ctx, line) {
		all = append(all, reply.Resp...)
		failed = errors.Join(failed, err)
	}
	return all, failed
}

// Suggest returns what line may become: whole lines. Its errors are those of
// [Client.Run].
func (c *Client) Suggest(ctx context.Context, line string) ([]string, error) {
	var found []string
	var failed error
	err := c.ask(ctx, request{Suggest: orBlank(line), Status: true}, func(r Reply, err error) bool {
		found, failed = r.suggest, err
		return true
	})
	return found, errors.Join(failed, err)
}

// ask sends req and hands over the replies to it, until each has had enough. It
// returns when the node is done with req, or is not heard any more; then the
// client is closed.
func (c *Client) ask(ctx context.Context, req request, each func(Reply, error) bool) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	whole := false // all that belongs to req has been read
	defer func() { c.end(whole) }()
	b, err := json.Marshal(req)
	if err != nil {
		return err
	}
	uncancel := c.cancelAfter(ctx)
	_, err = c.conn.Write(append(b, '\n'))
	if err == nil || errors.Is(err, syscall.EPIPE) { // a node that did not want to hear it may have said why
		err = c.replies(each)
	}
	canceled := uncancel()
	whole = err == nil
	if canceled {
		return ctx.Err()
	}
	return err
}

// begin takes the conversation for one request.
func (c *Client) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrClosed
	case c.busy:
		return ErrBusy
	}
	c.busy = true
	return nil
}

// end gives the conversation back, or closes it where it is not known what comes
// next.
func (c *Client) end(whole bool) {
	if !whole || c.conn.SetDeadline(time.Time{}) != nil {
		_ = c.Close() // what went wrong has been told
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy, c.ending = false, false
}

// cancelAfter cancels the command when ctx ends. stop ends that, and reports
// whether it has happened.
func (c *Client) cancelAfter(ctx context.Context) (stop func() bool) {
	done := make(chan struct{})
	uncut := context.AfterFunc(ctx, func() {
		defer close(done)
		c.cancel()
	})
	return func() bool {
		if uncut() {
			return false
		}
		<-done
		return true
	}
}

// cancel tells the command that runs to end. The node must then be heard soon.
func (c *Client) cancel() {
	c.mu.Lock()
	c.ending = true
	c.mu.Unlock()
	c.hurry()
	_, _ = c.conn.Write([]byte(`{"Cancel":true}` + "\n")) // a connection that is gone shows in the next read
}

// hurry gives the node some seconds for its next word, where it was told to end
// a command.
func (c *Client) hurry() {
	c.mu.Lock()
	ending := c.ending
	c.mu.Unlock()
	if ending {
		_ = c.conn.SetDeadline(time.Now().Add(cancelWithin)) // as above
	}
}

// replies hands over replies up to the last. When each has enough, it tells the
// node, and waits for its last word.
func (c *Client) replies(each func(Reply, error) bool) error {
	wanted := true
	for {
		c.hurry()
		w, err := c.read()
		if err != nil {
			return err
		}
		if w.Status {
			c.progress(w.Rendered)
			continue
		}
		if wanted && (w.Resp != nil || w.Suggest != nil) {
			wanted = each(w.reply())
			if !wanted && w.More {
				c.cancel()
			}
		}
		if !w.More {
			return nil
		}
	}
}

func (c *Client) progress(line string) {
	if c.Progress != nil {
		c.Progress(line)
	}
}

// read returns the next object.
func (c *Client) read() (wire, error) {
	line, err := c.line()
	if err != nil {
		return wire{}, c.gone(err)
	}
	var w wire
	if err := json.Unmarshal(line, &w); err != nil {
		return wire{}, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return w, nil
}

// line reads one line, whatever its length up to the limit.
func (c *Client) line() ([]byte, error) {
	c.bounded.N = maxReply
	line, err := c.lines.ReadBytes('\n')
	if err != nil && c.bounded.N == 0 {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrProtocol, maxReply)
	}
	return line, err
}
