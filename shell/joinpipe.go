package shell

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"minimega/shell/plumb"
)

// PipeName returns the pipe that -pipe names, in the namespace that was named.
func (o Options) PipeName() string {
	if o.Space == "" {
		return o.Pipe
	}
	return o.Space + "//" + o.Pipe
}

// PipeInput returns in, or nil where it is a device that has nothing to say, as
// /dev/null is: then -pipe only reads the pipe.
func PipeInput(in *os.File) io.Reader {
	info, err := in.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice != 0 && !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	return in
}

// JoinPipe has the program that serves base join a pipe: what comes from in is
// written to it, and what others write to it goes to out. It returns when in ends,
// once the program has all of that; without in, when ctx does. The pipe's end is an
// error, as the program's is; one that wraps [ErrNotRunning] is that there is no
// program. A read of in may go on after it has returned.
func JoinPipe(ctx context.Context, base, pipe string, in io.Reader, out io.Writer) error {
	c, err := dial(ctx, base)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := json.NewEncoder(c.conn).Encode(request{PlumbPipe: pipe}); err != nil {
		return err
	}
	read := make(chan error, 1) // how reading in ended, while that was the first to end
	if in != nil {
		go func() {
			read <- c.sendLines(in) // before the program can know
			c.closeWrite()
		}()
	}
	err = c.printLines(out)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	select {
	case err := <-read:
		if !errors.Is(err, io.EOF) {
			return err
		}
	default:
	}
	return errors.New("-pipe: the program has ended: see its log")
}

// sendLines sends what in has as lines of a pipe. io.EOF is a program that has
// ended.
func (c *caller) sendLines(in io.Reader) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	out := bufio.NewWriterSize(c.conn, writeSize)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		line, err := plumb.ReadLine(lines)
		if line != "" {
			if err := encoder.Encode(line); err != nil {
				return gone(err)
			}
		}
		if err != nil || !hasLine(lines) {
			if err := out.Flush(); err != nil {
				return gone(err)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("-pipe: standard input: %w", err)
		}
	}
}

// hasLine reports whether the next line can be read without waiting.
func hasLine(r *bufio.Reader) bool {
	waiting, _ := r.Peek(r.Buffered()) // which are there
	return bytes.IndexByte(waiting, '\n') >= 0
}

// closeWrite ends the direction to the program.
func (c *caller) closeWrite() {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // it may have gone
	}
}

// printLines writes the lines of a pipe to out until the program ends the
// connection, which is io.EOF, or says why it does.
func (c *caller) printLines(out io.Writer) error {
	w := bufio.NewWriterSize(out, 64<<10)
	for {
		text, err := c.line()
		if err != nil {
			return errors.Join(w.Flush(), gone(err))
		}
		if err := printLine(w, text); err != nil {
			return errors.Join(w.Flush(), err)
		}
		if !hasLine(c.lines) {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

// printLine writes the line that text is the JSON of. A reply is an error.
func printLine(w io.Writer, text []byte) error {
	var line string
	if err := json.Unmarshal(text, &line); err == nil {
		_, err = io.WriteString(w, line)
		return err
	}
	var last incoming
	if err := json.Unmarshal(text, &last); err != nil {
		return fmt.Errorf("bad line of a pipe: %w", err)
	}
	for _, one := range last.Resp {
		return errors.New(one.Error)
	}
	return errors.New("-pipe: the program has ended it: see its log")
}
