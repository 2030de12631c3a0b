package term

import (
	"os"
	"strconv"
	"strings"

	prompt "github.com/c-bata/go-prompt"
)

// writer is go-prompt's output. It takes from it when the line is to be drawn
// and when it is over, and draws by itself: go-prompt takes no account of
// characters that do not fit at the end of a row, nor of a line that is higher
// than the window. It draws the line without colours and leaves the window's title alone.
// It is used by the goroutine in ReadLine only.
type writer struct {
	out   *os.File
	await func(keys int)                           // blocks until so many keys have come
	line  func() (prefix, text string, cursor int) // the cursor in bytes of text

	columns, rows int // of the window

	buf   []byte
	muted bool // what is flushed is dropped
	drawn bool // the buffer ends a drawing of the line
	count int  // drawings since the line began

	row   int // of the cursor, counted from the first row that is drawn
	below int // rows drawn below the cursor's
	top   int // rows of the line above what is drawn
}

var _ prompt.ConsoleWriter = (*writer)(nil)

// begin starts a new line, in the window that there is now.
func (w *writer) begin() {
	w.count, w.muted = 0, false
	w.columns, w.rows = windowSize(int(w.out.Fd()))
	w.row, w.below, w.top = 0, 0, 0
}

// Flush writes the buffer. After drawing the line it blocks until there is a
// key that go-prompt has not had yet: it draws once at the beginning, before
// it reads, and then once a key.
func (w *writer) Flush() error {
	err := w.write()
	if w.drawn {
		w.drawn = false
		w.count++
		if w.count > 1 {
			w.await(w.count)
		}
	}
	return err
}

func (w *writer) write() error {
	var err error
	if !w.muted && len(w.buf) > 0 {
		_, err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return err
}

// put appends text, or a control sequence.
func (w *writer) put(s string) { w.buf = append(w.buf, s...) }

// move appends a cursor movement of n.
func (w *writer) move(n int, direction string) {
	if n > 0 {
		w.put("\x1b[" + strconv.Itoa(n) + direction)
	}
}

// draw shows the line where it was drawn before, or where the cursor is.
func (w *writer) draw() {
	prefix, text, cursor := w.line()
	f := fold(prefix+text, len(prefix)+cursor, w.columns)
	from, to := f.window(w.top, w.rows)
	w.clear()
	w.put("\x1b[?25l" + strings.Join(f.rows[from:to], ""))
	if to-from > 1 && f.rows[to-1] == "" {
		w.put("\n") // the row before is full
	}
	w.move(to-1-f.row, "A")
	w.put("\r")
	w.move(f.column, "C")
	w.put("\x1b[?25h")
	w.top, w.row, w.below = from, f.row-from, to-1-f.row
}

// clear takes the line off the screen and leaves the cursor where it began.
// What is put then stands there, and the line is drawn behind it again.
func (w *writer) clear() {
	w.move(w.row, "A")
	w.put("\r\x1b[J")
	w.row, w.below = 0, 0
}

// pass leaves the line where it is, and the cursor in the row below it. What is
// put then stands there, and the line is drawn behind it again.
func (w *writer) pass() {
	w.move(w.below, "B")
	w.put("\n\x1b[J")
	w.row, w.below = 0, 0
}

// resized takes the line off a window of another size, which most terminals have
// broken into rows anew, and shows nothing more until the next line begins.
func (w *writer) resized() {
	prefix, text, cursor := w.line()
	columns, rows := windowSize(int(w.out.Fd()))
	f := fold(prefix+text, len(prefix)+cursor, columns)
	from, _ := f.window(0, rows)
	w.row = f.row - from
	w.clear()
	_ = w.write() // a terminal that is gone shows in the next read
	w.muted = true
}

// ShowCursor is go-prompt's last word on each drawing.
func (w *writer) ShowCursor() {
	w.draw()
	w.drawn = true
}

// WriteStr writes a line that is over, with its end; what comes without one is
// part of a drawing.
func (w *writer) WriteStr(data string) {
	line, over := strings.CutSuffix(data, "\n")
	if !over {
		return
	}
	prefix, _, _ := w.line()
	w.clear()
	w.put(strings.Map(drawable, prefix+line) + "\n")
}

// EraseScreen erases everything, for Ctrl-L. The line is then drawn at the top.
func (w *writer) EraseScreen() {
	w.put("\x1b[H\x1b[2J")
	w.row, w.below = 0, 0
}

// Write is WriteStr.
func (w *writer) Write(data []byte) { w.WriteStr(string(data)) }

// The rest is go-prompt's own drawing, which is dropped.

// WriteRaw does nothing.
func (w *writer) WriteRaw([]byte) {}

// WriteRawStr does nothing.
func (w *writer) WriteRawStr(string) {}

// EraseUp does nothing.
func (w *writer) EraseUp() {}

// EraseDown does nothing.
func (w *writer) EraseDown() {}

// EraseStartOfLine does nothing.
func (w *writer) EraseStartOfLine() {}

// EraseEndOfLine does nothing.
func (w *writer) EraseEndOfLine() {}

// EraseLine does nothing.
func (w *writer) EraseLine() {}

// HideCursor does nothing.
func (w *writer) HideCursor() {}

// CursorGoTo does nothing.
func (w *writer) CursorGoTo(_, _ int) {}

// CursorUp does nothing.
func (w *writer) CursorUp(int) {}

// CursorDown does nothing.
func (w *writer) CursorDown(int) {}

// CursorForward does nothing.
func (w *writer) CursorForward(int) {}

// CursorBackward does nothing.
func (w *writer) CursorBackward(int) {}

// AskForCPR does nothing: the answer would come as input.
func (w *writer) AskForCPR() {}

// SaveCursor does nothing.
func (w *writer) SaveCursor() {}

// UnSaveCursor does nothing.
func (w *writer) UnSaveCursor() {}

// ScrollDown does nothing.
func (w *writer) ScrollDown() {}

// ScrollUp does nothing.
func (w *writer) ScrollUp() {}

// SetTitle does nothing.
func (w *writer) SetTitle(string) {}

// ClearTitle does nothing.
func (w *writer) ClearTitle() {}

// SetColor does nothing.
func (w *writer) SetColor(_, _ prompt.Color, _ bool) {}
