package term

import (
	"os"
	"strconv"
	"strings"

	prompt "github.com/c-bata/go-prompt"
)

// writer is go-prompt's output: VT100 sequences in a buffer that Flush writes.
// It is used by the goroutine in ReadLine only. It draws without colours and
// leaves the window's title alone.
type writer struct {
	out   *os.File
	await func(keys int) // blocks until so many keys have come

	buf   []byte
	muted bool // what is flushed is dropped
	drawn bool // the buffer ends a drawing of the line
	count int  // drawings since the line began
}

var _ prompt.ConsoleWriter = (*writer)(nil)

// begin starts counting drawings for a new line.
func (w *writer) begin() { w.count, w.muted = 0, false }

// Flush writes the buffer. After drawing the line it blocks until there is a
// key that go-prompt has not had yet: it draws once at the beginning, before
// it reads, and then once a key.
func (w *writer) Flush() error {
	var err error
	if !w.muted && len(w.buf) > 0 {
		_, err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
	if w.drawn {
		w.drawn = false
		w.count++
		if w.count > 1 {
			w.await(w.count)
		}
	}
	return err
}

// put appends a control sequence.
func (w *writer) put(s string) { w.buf = append(w.buf, s...) }

// move appends a cursor movement of n, or of -n the other way.
func (w *writer) move(n int, there, back string) {
	if n < 0 {
		n, there = -n, back
	}
	if n > 0 {
		w.put("\x1b[" + strconv.Itoa(n) + there)
	}
}

// WriteRaw writes data as it is.
func (w *writer) WriteRaw(data []byte) { w.buf = append(w.buf, data...) }

// Write writes data without control sequences.
func (w *writer) Write(data []byte) { w.WriteStr(string(data)) }

// WriteRawStr writes data as it is.
func (w *writer) WriteRawStr(data string) { w.put(data) }

// WriteStr writes data without control sequences.
func (w *writer) WriteStr(data string) { w.put(strings.ReplaceAll(data, "\x1b", "?")) }

// EraseScreen erases everything.
func (w *writer) EraseScreen() { w.put("\x1b[2J") }

// EraseUp erases up to the top.
func (w *writer) EraseUp() { w.put("\x1b[1J") }

// EraseDown erases down to the bottom.
func (w *writer) EraseDown() { w.put("\x1b[J") }

// EraseStartOfLine erases to the left.
func (w *writer) EraseStartOfLine() { w.put("\x1b[1K") }

// EraseEndOfLine erases to the right.
func (w *writer) EraseEndOfLine() { w.put("\x1b[K") }

// EraseLine erases the line.
func (w *writer) EraseLine() { w.put("\x1b[2K") }

// ShowCursor shows the cursor. It is go-prompt's last word on each drawing.
func (w *writer) ShowCursor() {
	w.put("\x1b[?25h")
	w.drawn = true
}

// HideCursor hides the cursor.
func (w *writer) HideCursor() { w.put("\x1b[?25l") }

// CursorGoTo moves the cursor to a place, counted from 1; 0, 0 is the first.
func (w *writer) CursorGoTo(row, col int) {
	w.put("\x1b[" + strconv.Itoa(max(row, 1)) + ";" + strconv.Itoa(max(col, 1)) + "H")
}

// CursorUp moves the cursor by n rows.
func (w *writer) CursorUp(n int) { w.move(n, "A", "B") }

// CursorDown moves the cursor by n rows.
func (w *writer) CursorDown(n int) { w.move(n, "B", "A") }

// CursorForward moves the cursor by n columns.
func (w *writer) CursorForward(n int) { w.move(n, "C", "D") }

// CursorBackward moves the cursor by n columns.
func (w *writer) CursorBackward(n int) { w.move(n, "D", "C") }

// AskForCPR does nothing: the answer would come as input.
func (w *writer) AskForCPR() {}

// SaveCursor remembers where the cursor is.
func (w *writer) SaveCursor() { w.put("\x1b[s") }

// UnSaveCursor puts the cursor there again.
func (w *writer) UnSaveCursor() { w.put("\x1b[u") }

// ScrollDown moves down one line, scrolling at the bottom.
func (w *writer) ScrollDown() { w.put("\x1bD") }

// ScrollUp moves up one line, scrolling at the top.
func (w *writer) ScrollUp() { w.put("\x1bM") }

// SetTitle does nothing.
func (w *writer) SetTitle(string) {}

// ClearTitle does nothing.
func (w *writer) ClearTitle() {}

// SetColor does nothing.
func (w *writer) SetColor(_, _ prompt.Color, _ bool) {}
