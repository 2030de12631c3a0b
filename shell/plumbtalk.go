package shell

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"minimega/shell/plumb"
)

// maxLineJSON is the longest JSON string of a line, in bytes: each byte of the
// line may be \u00XX.
const maxLineJSON = 6*plumb.MaxLine + 64

// joins reports whether the connection is to be one to a pipe.
func (r request) joins() bool { return r.PlumbPipe != "" && r.Command == "" && r.Suggest == "" }

// Failures of what is to be a line of a pipe.
var (
	errNoLine   = errors.New("line of a pipe: must be a JSON string, but is something else: close the connection to end it")
	errLongLine = errors.New("line of a pipe: must be at most 1 MiB, but is longer: end it with a \\n before")
)

// readLines hands over the lines that follow a, of which the decoder of requests
// may have read some, until the connection ends, or what was asked does.
func (t *talk) readLines(read io.Reader, a asked) {
	defer close(a.lines)
	from := bufio.NewReaderSize(io.MultiReader(read, t.conn), writeSize)
	for {
		line, err := readString(from)
		if err != nil {
			t.lineEnded(err)
			return
		}
		select {
		case a.lines <- line:
		case <-a.ctx.Done():
			return
		}
	}
}

// lineEnded notes why reading lines ended, where the client should know.
func (t *talk) lineEnded(err error) {
	if errors.Is(err, errNoLine) || errors.Is(err, errLongLine) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.bad = err
	}
}

// readString reads a JSON string, and no byte behind it: what follows may be long
// in coming. Its errors are errNoLine, errLongLine and r's.
func readString(r *bufio.Reader) (string, error) {
	c, err := r.ReadByte()
	for err == nil && strings.IndexByte(" \t\r\n", c) >= 0 {
		c, err = r.ReadByte()
	}
	if err != nil {
		return "", err
	}
	if c != '"' {
		return "", errNoLine
	}
	for text := []byte{c}; ; {
		piece, err := r.ReadSlice('"')
		text = append(text, piece...)
		switch {
		case len(text) > maxLineJSON:
			return "", errLongLine
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return "", err
		case escaped(text):
			continue
		}
		var line string
		if json.Unmarshal(text, &line) != nil {
			return "", errNoLine
		}
		return line, nil
	}
}

// escaped reports whether the last byte of text has an odd number of backslashes
// before it.
func escaped(text []byte) bool {
	before := text[:len(text)-1]
	return (len(before)-len(bytes.TrimRight(before, `\`)))%2 == 1
}

// endWithin is how long a client has to take the line that is being sent to it
// when its pipe ends.
const endWithin = time.Second

// plumb joins the connection to a pipe until either ends. Nothing follows on the
// connection.
func (t *talk) plumb(a asked) bool {
	t.endings.stop() // only lines come from now on
	name, err := plumb.ParseName(a.PlumbPipe, t.client.set.Namespace)
	if err != nil {
		return t.refuseLast(err)
	}
	joint, err := t.shell.plumber.Both(name)
	if err != nil {
		return t.refuseLast(err)
	}
	defer joint.Close()
	ctx, stop := context.WithCancel(a.ctx)
	defer stop()
	poured := make(chan error, 1)
	go func() { poured <- t.pour(ctx, joint) }() // joined below, or by fill
	err = t.fill(ctx, joint, a.lines, poured)
	stop()
	if err == nil {
		_ = t.conn.SetWriteDeadline(time.Now().Add(endWithin))
		<-poured
		err = t.readError()
	}
	if err != nil {
		t.refuseLast(err)
	}
	return false
}

// fill writes lines to the pipe until there are no more, or the other direction
// has ended, of which it returns the reason.
func (t *talk) fill(ctx context.Context, joint *plumb.Joint, lines <-chan string, poured <-chan error) error {
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return nil
			}
			if line == "" {
				line = "\n"
			}
			if joint.Write(ctx, line) != nil {
				return <-poured // which knows why, too
			}
		case err := <-poured:
			return err
		}
	}
}

// pour sends the pipe's lines. A client that is slow loses some, and is not
// given up.
func (t *talk) pour(ctx context.Context, joint *plumb.Joint) error {
	if err := t.conn.SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	out := bufio.NewWriterSize(t.conn, writeSize)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		lines, err := joint.Next(ctx)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if err := encoder.Encode(line); err != nil || ctx.Err() != nil {
				return errors.Join(err, out.Flush())
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

// refuseLast answers with an error, and ends the conversation.
func (t *talk) refuseLast(err error) bool {
	t.refuse(err.Error())
	return false
}
