package term

import (
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// What stands between two runes and tells whether they are one character on the
// screen.
const (
	joiner    = '\u200d'
	nonJoiner = '\u200c'
)

// folded is a text as a window of some width shows it.
type folded struct {
	rows        []string // joined they are the text; the last one has room for the cursor
	row, column int      // of the cursor
}

// fold breaks text into rows as a terminal does: a character of two columns does
// not begin in the last one. cursor is a byte offset in text. What does not print
// is replaced.
func fold(text string, cursor, columns int) folded {
	var f folded
	var row strings.Builder
	x, joined := 0, false
	breakRow := func() {
		f.rows = append(f.rows, row.String())
		row.Reset()
		x = 0
	}
	for i, r := range text {
		r = drawable(r)
		width := runewidth.RuneWidth(r)
		if joined {
			width = 0
		}
		joined = r == joiner
		if x+width > columns {
			breakRow()
		}
		if i <= cursor {
			f.row, f.column = len(f.rows), x
		}
		row.WriteRune(r)
		x += width
	}
	if x >= columns {
		breakRow()
	}
	if cursor >= len(text) {
		f.row, f.column = len(f.rows), x
	}
	f.rows = append(f.rows, row.String())
	if f.column >= columns { // the cursor is on what adds nothing to a full row
		f.row, f.column = f.row+1, 0
	}
	return f
}

// drawable replaces what would act on the terminal.
func drawable(r rune) rune {
	if r == utf8.RuneError || r < ' ' || r >= 0x7f && r < 0xa0 {
		return '?'
	}
	return r
}

// window returns which rows of f are shown where only height fit: those from
// top on, or as few further up or down as show the cursor's.
func (f folded) window(top, height int) (from, to int) {
	from = min(max(top, f.row-height+1), f.row)
	from = max(0, min(from, len(f.rows)-height))
	return from, min(len(f.rows), from+height)
}
