package termtest

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// Screen returns the rows of a terminal that has got all that the program wrote,
// without spaces at their ends and empty rows at the end of all. It knows the
// control sequences that our own programs write, and no window that is resized.
func (c *Console) Screen() []string {
	c.mu.Lock()
	out := string(c.all)
	c.mu.Unlock()
	s := newScreen(c.columns, c.rows)
	s.write(out)
	return s.text()
}

// AwaitScreen waits until the screen shows these rows.
func (c *Console) AwaitScreen(want ...string) {
	c.t.Helper()
	deadline := time.After(Patient)
	for {
		c.mu.Lock()
		more := c.more
		c.mu.Unlock()
		got := strings.Join(c.Screen(), "\n")
		if got == strings.Join(want, "\n") {
			return
		}
		select {
		case <-more:
		case <-deadline:
			c.t.Fatalf("the screen shows\n%s\nand not\n%s", got, strings.Join(want, "\n"))
		}
	}
}

// screen is what a terminal shows.
type screen struct {
	columns, rows int
	cells         [][]string // a row of cells each; the right half of a wide character is ""
	row, column   int        // of the cursor; the column may be one behind the last
}

func newScreen(columns, rows int) *screen {
	s := &screen{columns: columns, rows: rows}
	for range rows {
		s.cells = append(s.cells, s.blank())
	}
	return s
}

func (s *screen) blank() []string { return strings.Split(strings.Repeat(" ", s.columns), "") }

// sequence matches a control sequence at the beginning of what is written.
var sequence = regexp.MustCompile("^\x1b\\[([?0-9;]*)([a-zA-Z])")

func (s *screen) write(out string) {
	for len(out) > 0 {
		if found := sequence.FindStringSubmatch(out); found != nil {
			s.control(found[1], found[2])
			out = out[len(found[0]):]
			continue
		}
		r, size := utf8.DecodeRuneInString(out)
		s.put(r)
		out = out[size:]
	}
}

func (s *screen) control(parameter, what string) {
	n, err := strconv.Atoi(parameter)
	if err != nil {
		n = 1
	}
	switch what {
	case "A":
		s.row = max(0, s.row-n)
	case "B":
		s.row = min(s.rows-1, s.row+n)
	case "C":
		s.column = min(s.columns-1, s.column+n)
	case "H":
		s.row, s.column = 0, 0
	case "K":
		s.erase()
	case "J":
		if parameter == "2" {
			*s = screen{columns: s.columns, rows: s.rows, cells: newScreen(s.columns, s.rows).cells, row: s.row, column: s.column}
			return
		}
		s.erase()
		for i := s.row + 1; i < s.rows; i++ {
			s.cells[i] = s.blank()
		}
	}
}

// erase erases the rest of the row.
func (s *screen) erase() {
	for i := s.column; i < s.columns; i++ {
		s.cells[s.row][i] = " "
	}
}

// put shows one character where the cursor is.
func (s *screen) put(r rune) {
	width := runewidth.RuneWidth(r)
	switch {
	case r == '\r':
		s.column = 0
		return
	case r == '\n':
		s.down()
		return
	case width == 0:
		return
	case s.column+width > s.columns:
		s.column = 0
		s.down()
	}
	for i := range width {
		s.cells[s.row][s.column+i] = ""
	}
	s.cells[s.row][s.column] = string(r)
	s.column += width
}

// down moves the cursor to the next row.
func (s *screen) down() {
	if s.row++; s.row == s.rows {
		s.cells = append(s.cells[1:], s.blank())
		s.row--
	}
}

func (s *screen) text() []string {
	var lines []string
	end := 0
	for i, cells := range s.cells {
		lines = append(lines, strings.TrimRight(strings.Join(cells, ""), " "))
		if lines[i] != "" {
			end = i + 1
		}
	}
	return lines[:end]
}
