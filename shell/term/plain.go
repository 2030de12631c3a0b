package term

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"sync"
)

// Dumb reports that the user's terminal only prints, as its name in the
// environment has it: nothing can be drawn on it.
func Dumb() bool { return os.Getenv("TERM") == "dumb" }

// Plain reads lines from a terminal that only prints. The system edits the line,
// so there is no Tab and no history to walk, and messages wait for the line's
// end. It is used as a [Terminal] is, and never changes the terminal's modes.
type Plain struct {
	cfg    Config
	in     *parser
	closed bool

	mu       sync.Mutex // guards what follows, and keeps what is printed whole
	reading  bool
	givenUp  bool   // Ctrl-C has come since the last line was read
	prompt   string // of the line being read
	messages string // to be printed before the next prompt
}

// NewPlain prepares the terminal. It fails where In is none.
func NewPlain(cfg Config) (*Plain, error) {
	m, err := newMode(int(cfg.In.Fd()))
	if err != nil {
		return nil, err
	}
	in, err := newParser(cfg.In, m)
	if err != nil {
		return nil, err
	}
	return &Plain{cfg: cfg, in: in}, nil
}

// ReadLine is as [Terminal.ReadLine].
func (p *Plain) ReadLine(ctx context.Context) (string, error) {
	if p.closed {
		return "", io.EOF
	}
	p.begin()
	defer p.end()
	stop := context.AfterFunc(ctx, func() { p.in.post(keyAbort) })
	defer stop()
	for {
		if err := ctx.Err(); err != nil {
			p.print("\n")
			return "", err
		}
		line, over := p.in.cookedLine()
		switch {
		case line != nil:
			return p.accept(*line), nil
		case over:
			p.print("\n")
			return "", io.EOF
		}
		p.in.fill()
	}
}

// accept records a line and returns it.
func (p *Plain) accept(line string) string {
	if strings.TrimSpace(line) != "" {
		p.cfg.Record(line)
	}
	return line
}

func (p *Plain) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading, p.givenUp, p.prompt = true, false, p.cfg.Prompt()
	p.promptLocked()
}

// promptLocked prints what waits, and the prompt.
func (p *Plain) promptLocked() {
	p.print(p.messages + p.prompt)
	p.messages = ""
}

func (p *Plain) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading = false
}

// print writes text. A terminal that is gone shows in the next read.
func (p *Plain) print(text string) { _, _ = io.WriteString(p.cfg.Out, text) }

// Print prints a message, before the next prompt where a line is being typed.
func (p *Plain) Print(msg string) {
	msg = strings.TrimSuffix(msg, "\n") + "\n"
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reading {
		p.messages += msg
		return
	}
	p.print(msg)
}

// Interrupted is to be called when Ctrl-C has come as a signal: the system has
// dropped the line being typed, which begins anew.
func (p *Plain) Interrupted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in.drop()
	p.print("\n")
	if p.givenUp = !p.reading; p.reading {
		p.promptLocked()
	}
}

// GivenUp is as [Terminal.GivenUp].
func (p *Plain) GivenUp() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.givenUp
}

// Forget erases the history.
func (p *Plain) Forget() { p.cfg.Erase() }

// Refresh does nothing: there is no Tab.
func (*Plain) Refresh() {}

// Lend does nothing: nothing is drawn.
func (*Plain) Lend(io.Writer) {}

// Close frees what the terminal was read with. Afterwards ReadLine returns
// io.EOF.
func (p *Plain) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	return p.in.close()
}

// cookedLine takes a line off the queue, nil where there is none yet. over tells
// that none will come.
func (p *parser) cookedLine() (line *string, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, rest, whole := bytes.Cut(p.queue, []byte("\n"))
	if !whole {
		return nil, p.closed
	}
	p.queue = rest
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r != drawable(r):
			return -1
		}
		return r
	}, string(text))
	return &plain, false
}
