package term

import (
	"context"
	"sync"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Sizes of bars.
const (
	widestName = 40 // columns
	mostBars   = 20
)

// bar is one row on the screen.
type bar struct {
	bar *mpb.Bar

	mu    sync.Mutex // guards row: it is drawn on another goroutine
	row   ProgressRow
	width int // columns of the name
}

// runBars draws bars until ctx ends, and then removes them. What is typed
// meanwhile is not echoed, since it would move the bars.
func (p Progress) runBars(ctx context.Context) {
	defer hush(int(p.Out.Fd()))()
	all := mpb.New(mpb.WithOutput(p.Out), mpb.WithRefreshRate(drawTime))
	if p.Lend != nil {
		p.Lend(all)
		defer p.Lend(nil)
	}
	shown := map[string]*bar{}
	for ok := true; ok; ok = wait(ctx, drawTime) {
		_, height := windowSize(int(p.Out.Fd()))
		rows := p.Rows()
		update(all, shown, rows[:min(len(rows), mostBars, max(height-2, 1))])
	}
	update(all, shown, nil)
	all.Wait()
}

// update makes the bars those of rows.
func update(all *mpb.Progress, shown map[string]*bar, rows []ProgressRow) {
	width := 0
	for _, row := range rows {
		width = max(width, runewidth.StringWidth(row.Name))
	}
	present := map[string]bool{}
	for i, row := range rows {
		present[row.Name] = true
		b := shown[row.Name]
		if b == nil {
			b = newBar(all, i)
			shown[row.Name] = b
		}
		b.set(row, min(width, widestName))
	}
	for name, b := range shown {
		if !present[name] {
			const drop = true
			b.bar.Abort(drop)
			b.bar.Wait()
			delete(shown, name)
		}
	}
}

// newBar adds a bar.
func newBar(all *mpb.Progress, priority int) *bar {
	b := &bar{}
	label := decor.Any(func(decor.Statistics) string {
		row, width := b.get()
		return row.label(width) + " "
	})
	facts := decor.Any(func(decor.Statistics) string {
		row, _ := b.get()
		return " " + row.facts()
	})
	// A total of 0 is never reached: it is for us to say when the bar is over.
	b.bar = all.New(0, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.BarPriority(priority), mpb.BarFillerTrim(), mpb.PrependDecorators(label), mpb.AppendDecorators(facts))
	return b
}

func (b *bar) set(row ProgressRow, width int) {
	b.mu.Lock()
	b.row, b.width = row, width
	b.mu.Unlock()
	const complete = false
	b.bar.SetTotal(row.Total, complete)
	b.bar.SetCurrent(row.Done)
}

func (b *bar) get() (ProgressRow, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.row, b.width
}
