package shell

import (
	"io"
	"sync/atomic"
)

// lineReader is the terminal of a prompt, as term.Terminal and term.Plain are.
type lineReader interface {
	Terminal
	Refresh()             // more is known for Tab; any goroutine
	Lend(above io.Writer) // messages go there until nil is lent; any goroutine
	Close() error
}

// Console is where log lines go that have no file: to err, or above the line
// that is being edited while there is a prompt. It may be written to from any
// goroutine.
type Console struct {
	err    io.Writer
	prompt atomic.Pointer[lineReader] // nil: there is none
}

// NewConsole returns a console without a prompt.
func NewConsole(err io.Writer) *Console { return &Console{err: err} }

// Write prints b, which is whole lines.
func (c *Console) Write(b []byte) (int, error) {
	if t := c.prompt.Load(); t != nil {
		(*t).Print(string(b))
		return len(b), nil
	}
	return c.err.Write(b)
}

// Refresh says that more is known for Tab. It does not block, and may be called
// from any goroutine.
func (c *Console) Refresh() {
	if t := c.prompt.Load(); t != nil {
		(*t).Refresh()
	}
}
