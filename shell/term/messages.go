package term

import (
	"io"
	"strings"
)

// Print prints a message above the line being edited, or at once where none
// is. It does not wait for that.
func (t *Terminal) Print(msg string) {
	msg = strings.TrimSuffix(msg, "\n") + "\n"
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reading {
		t.messages = append(t.messages, msg)
		t.in.post(keyPrint)
		return
	}
	if t.above != nil {
		if _, err := io.WriteString(t.above, msg); err == nil {
			return
		}
	}
	_, _ = io.WriteString(t.cfg.Out, msg) // there is nobody to tell
}

// Lend has messages written to above until it is called with nil. It is for
// what draws on the terminal between two calls of ReadLine.
func (t *Terminal) Lend(above io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.above = above
}

// Interrupted is to be called when Ctrl-C has come as a signal, between two
// calls of ReadLine: what was typed ahead is forgotten, as the terminal itself
// does, and what is printed next does not stand behind the ^C.
func (t *Terminal) Interrupted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reading {
		return
	}
	t.givenUp = true
	t.in.drop()
	if t.above == nil {
		_, _ = io.WriteString(t.cfg.Out, "\n") // there is nobody to tell
	}
}

// GivenUp reports whether [Terminal.Interrupted] was called since the last line
// was read: that line is not to be run, or no further.
func (t *Terminal) GivenUp() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.givenUp
}

// takeMessages returns what waits to be printed.
func (t *Terminal) takeMessages() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.Join(t.messages, "")
	t.messages = nil
	return text
}
