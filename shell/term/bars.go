package term

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/mattn/go-runewidth"
)

// Sizes of bars.
const (
	widestName   = 40 // columns, and never more than half a window
	narrowestBar = 10 // columns with its ends; where there is less, there is none
	mostBars     = 20
)

// bars are rows on the screen, below all that was printed. They are drawn by
// ourselves, since what was drawn can only be taken off by who knows how wide
// it was: a window that became narrower has broken it into more rows.
type bars struct {
	out *os.File

	mu    sync.Mutex // guards what follows, and makes what is written whole
	rows  []ProgressRow
	drawn []int // columns of each row that is on the screen
}

// runBars draws bars until ctx ends, and then removes them. What is typed
// meanwhile is not echoed, since it would move the bars.
func (p Progress) runBars(ctx context.Context) {
	defer hush(int(p.Out.Fd()))()
	all := &bars{out: p.Out}
	if p.Lend != nil {
		p.Lend(all)
		defer p.Lend(nil)
	}
	for ok := true; ok; ok = wait(ctx, drawTime) {
		all.show(p.Rows())
	}
	all.show(nil)
}

// show draws rows instead of what is there.
func (b *bars) show(rows []ProgressRow) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = rows
	_ = b.drawLocked("") // progress that cannot be shown is not worth a failure
}

// Write prints whole lines above the bars. It implements [io.Writer].
func (b *bars) Write(lines []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.drawLocked(string(lines)); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// drawLocked takes off what is drawn, prints lines there, and draws the rows.
func (b *bars) drawLocked(lines string) error {
	columns, height := windowSize(int(b.out.Fd()))
	rows := barRows(b.rows[:min(len(b.rows), mostBars, max(height-2, 1))], columns)
	var text strings.Builder
	if n := rowsOf(b.drawn, columns); n > 0 {
		fmt.Fprintf(&text, "\r\x1b[%dA", n)
	}
	if lines != "" || len(rows) == 0 {
		text.WriteString("\x1b[J" + lines)
	}
	b.drawn = b.drawn[:0]
	for _, row := range rows { // over the old ones: some terminals keep what J erases
		text.WriteString(row + "\x1b[K\n")
		b.drawn = append(b.drawn, runewidth.StringWidth(row))
	}
	if len(rows) > 0 {
		text.WriteString("\x1b[J")
	}
	_, err := io.WriteString(b.out, text.String())
	return err
}

// rowsOf returns how many rows of a window lines of these widths take.
func rowsOf(widths []int, columns int) int {
	n := 0
	for _, width := range widths {
		n += max(1, (width+columns-1)/columns)
	}
	return n
}

// barRows returns rows as they are drawn in a window. Its last column stays
// free: some terminals go to the next row there.
func barRows(rows []ProgressRow, columns int) []string {
	width := 0
	for _, row := range rows {
		width = max(width, runewidth.StringWidth(row.Name))
	}
	width = min(width, widestName, columns/2)
	texts := make([]string, len(rows))
	for i, row := range rows {
		texts[i] = row.bar(width, columns-1)
	}
	return texts
}

// bar returns r drawn in as many columns: `image [====>    ] 12 MiB of 1.0 GiB`.
func (r ProgressRow) bar(nameWidth, columns int) string {
	label, facts := r.label(nameWidth), r.facts()
	room := columns - nameWidth - len(facts) - len(" ")*2
	if room < narrowestBar {
		return runewidth.Truncate(label+" "+facts, columns, "…")
	}
	inner := room - len("[]")
	filled := 0
	if r.Total > 0 {
		filled = int(float64(inner) * float64(min(max(r.Done, 0), r.Total)) / float64(r.Total))
	}
	line := strings.Repeat("=", filled)
	if 0 < filled && filled < inner {
		line = line[1:] + ">"
	}
	return fmt.Sprintf("%s [%-*s] %s", label, inner, line, facts)
}
