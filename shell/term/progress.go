package term

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"
	"golang.org/x/sys/unix"
)

// Times of progress.
const (
	quietTime = 300 * time.Millisecond // what is over by then shows nothing
	drawTime  = 150 * time.Millisecond // between two drawings of the bars
	lineTime  = 3 * time.Second        // between two lines, unless told otherwise
)

// ProgressRow is one thing that is under way.
type ProgressRow struct {
	Name        string
	Done, Total int64         // bytes; a Total of 0 is not known yet
	Rate        float64       // bytes a second
	Left        time.Duration // negative is not known
	Peers       int           // nodes that it comes from
}

// Progress shows what is under way while somebody waits for it: a bar each on a
// terminal, gone when it is over; elsewhere, and on one that only prints, a line
// each every few seconds.
type Progress struct {
	Out  *os.File
	Rows func() []ProgressRow // what is under way now; called often, by Run only

	// Lend, where it is given, gets what prints lines above the bars while
	// there are any, and nil when they are gone.
	Lend func(above io.Writer)

	// Every is the time between two lines where Out is no terminal. 0 is 3 s;
	// negative prints none.
	Every time.Duration
}

// Run shows progress until ctx ends, and returns when nothing more will be
// written; always nil. If that is within 300 ms it writes nothing at all.
func (p Progress) Run(ctx context.Context) error {
	if sized(p.Out) && !Dumb() {
		if wait(ctx, quietTime) {
			p.runBars(ctx)
		}
		return nil
	}
	every := p.Every
	if every == 0 {
		every = lineTime
	}
	for every > 0 && wait(ctx, every) {
		p.writeLines()
	}
	<-ctx.Done()
	return nil
}

// sized reports a terminal that says how large it is.
func sized(out *os.File) bool {
	size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
	return err == nil && size.Col > 0 && size.Row > 0
}

// wait waits and reports whether ctx still goes on.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// writeLines writes a line for each row.
func (p Progress) writeLines() {
	var b strings.Builder
	for _, row := range p.Rows() {
		fmt.Fprintf(&b, "%s: %s\n", strings.Map(visible, row.Name), row.facts())
	}
	_, _ = io.WriteString(p.Out, b.String()) // progress that cannot be shown is not worth a failure
}

// facts returns all of r but its name: `12 MiB of 1.0 GiB, 40 MiB/s, 25s left,
// 3 peers`.
func (r ProgressRow) facts() string {
	parts := []string{humanize.IBytes(uint64(max(r.Done, 0)))}
	if r.Total > 0 {
		parts[0] += " of " + humanize.IBytes(uint64(r.Total))
	}
	if r.Rate >= 1 {
		parts = append(parts, humanize.IBytes(uint64(r.Rate))+"/s")
	}
	if r.Left >= 0 && r.Total > 0 {
		parts = append(parts, roundTime(r.Left).String()+" left")
	}
	switch r.Peers {
	case 0:
	case 1:
		parts = append(parts, "1 peer")
	default:
		parts = append(parts, fmt.Sprintf("%d peers", r.Peers))
	}
	return strings.Join(parts, ", ")
}

// roundTime leaves two figures that matter.
func roundTime(d time.Duration) time.Duration {
	switch {
	case d >= 10*time.Hour:
		return d.Round(time.Hour)
	case d >= 10*time.Minute:
		return d.Round(time.Minute)
	}
	return d.Round(time.Second)
}

// label returns the name, printable, cut or filled to a width.
func (r ProgressRow) label(width int) string {
	name := strings.Map(visible, r.Name)
	if over := runewidth.StringWidth(name) - width; over > 0 {
		name = runewidth.TruncateLeft(name, over+1, "…")
	}
	return runewidth.FillRight(name, width)
}
