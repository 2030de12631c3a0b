package output

import (
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
)

// minWidth is the least width of a column that another follows, and of the
// text in the host column.
const minWidth = 5

// table is a header and rows of as many cells.
type table struct {
	header []string // nil: not printed
	rows   [][]string
	hosts  bool // the first column is the host
}

// sort orders the rows column by column, numbers by value.
func (t *table) sort() { slices.SortStableFunc(t.rows, compareRows) }

func compareRows(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if c := compareCells(a[i], b[i]); c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}

func compareCells(a, b string) int {
	if a == b {
		return 0
	}
	if !mayBeNumber(a) || !mayBeNumber(b) {
		return strings.Compare(a, b)
	}
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	switch {
	case errX != nil || errY != nil || x == y:
		return strings.Compare(a, b)
	case x < y:
		return -1
	}
	return 1
}

// mayBeNumber is much cheaper than trying.
func mayBeNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] == '+' || '0' <= s[0] && s[0] <= '9')
}

// lines returns the rows to print, the header first, escaped.
func (t *table) lines() [][]string {
	all := make([][]string, 0, len(t.rows)+1)
	if t.header != nil {
		all = append(all, t.header)
	}
	all = append(all, t.rows...)
	for i, row := range all {
		all[i] = make([]string, len(row))
		for j, cell := range row {
			all[i][j] = EscapeLine(cell)
		}
	}
	return all
}

// text returns t for people. An empty table is "".
func (t *table) text() string {
	if len(t.rows) == 0 {
		return ""
	}
	lines := t.lines()
	widths := t.widths(lines)
	var b strings.Builder
	for _, row := range lines {
		for i, cell := range row {
			if i > 0 {
				cell = "| " + cell
			}
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell)))
			}
		}
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), " \n")
}

// widths returns the width of each column in terminal cells, the "| " in front
// and the blank behind included.
func (t *table) widths(lines [][]string) []int {
	widths := make([]int, len(lines[0]))
	for i := range widths {
		widths[i] = minWidth
		if i == 0 && t.hosts {
			widths[i]++
		}
		for _, row := range lines {
			w := runewidth.StringWidth(row[i]) + 1
			if i > 0 {
				w += len("| ")
			}
			widths[i] = max(widths[i], w)
		}
	}
	return widths
}

// csv returns t as comma-separated values.
func (t *table) csv() string {
	if len(t.rows) == 0 {
		return ""
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.WriteAll(t.lines()) // a Builder takes everything
	return strings.TrimRight(b.String(), "\n")
}
