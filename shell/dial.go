package shell

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"syscall"

	"minimega/completion"
	"minimega/shell/output"
)

// ErrNotRunning reports that no program serves a base directory.
var ErrNotRunning = errors.New("minimega is not running")

// maxReply is the longest reply that a client of the socket takes, in bytes.
const maxReply = 1 << 30

// SocketPath returns where the program with that base directory listens.
func SocketPath(base string) string { return filepath.Join(base, "minimega") }

// caller is a client's end of the socket.
type caller struct {
	conn    net.Conn
	bounded *io.LimitedReader // of conn, for one line
	lines   *bufio.Reader     // of bounded
	stop    func() bool       // of closing conn at the context's end
}

// dial connects to the program that serves base. ctx's end closes the
// connection. Its error wraps [ErrNotRunning] where nobody listens.
func dial(ctx context.Context, base string) (*caller, error) {
	path := SocketPath(base)
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w in %s: start it, or name its directory with -base", ErrNotRunning, base)
	}
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	bounded := &io.LimitedReader{R: conn}
	return &caller{conn, bounded, bufio.NewReader(bounded), stop}, nil
}

// Close ends the connection.
func (c *caller) Close() error {
	c.stop()
	return c.conn.Close()
}

// ask sends req and hands over the replies up to the last one. io.EOF is a
// program that has ended.
func (c *caller) ask(req request, each func(incoming)) error {
	b, err := json.Marshal(req)
	if err != nil {
		return err
	}
	if _, err := c.conn.Write(append(b, '\n')); err != nil && !errors.Is(err, syscall.EPIPE) {
		return gone(err) // a program that did not want to hear us may have said why
	}
	for {
		r, err := c.next()
		if err != nil {
			return err
		}
		each(r)
		if r.last() {
			return nil
		}
	}
}

// next returns the next reply. io.EOF is a program that has ended.
func (c *caller) next() (r incoming, err error) {
	line, err := c.line()
	if err != nil {
		return r, gone(err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("bad reply: %w", err)
	}
	return r, nil
}

// line reads one line, whatever its length up to the limit.
func (c *caller) line() ([]byte, error) {
	c.bounded.N = maxReply
	line, err := c.lines.ReadBytes('\n')
	if err != nil && c.bounded.N == 0 {
		return nil, fmt.Errorf("bad reply: longer than %d bytes", maxReply)
	}
	return line, err
}

// gone returns io.EOF for every way in which a connection ends.
func gone(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed) {
		return io.EOF
	}
	return err
}

// incoming is a [reply] as a client reads it: of a response it needs only what
// people see, and a part of a stream need not be decoded.
type incoming struct {
	Resp     []incomingResponse
	Rendered string
	More     bool
	Status   bool
	Notice   bool
	Forget   bool

	Namespace  string
	Unrecorded bool
	Completion *completion.Result
}

type incomingResponse struct{ Host, Error string }

// last reports whether no more replies follow to what was asked.
func (r incoming) last() bool { return !r.More && !r.Status }

// responses returns what is printed of r's errors.
func (r incoming) responses() output.Responses {
	all := make(output.Responses, len(r.Resp))
	for i, one := range r.Resp {
		all[i] = output.Response{Host: one.Host, Error: one.Error}
	}
	return all
}
