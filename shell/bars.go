package shell

import (
	"context"
	"os"
	"sync"

	"minimega/shell/term"
	"minimega/transfer"
)

// barWatch returns a [Watch] that shows bars where out is a terminal, lines
// elsewhere.
func barWatch(out *os.File) Watch {
	return func(rows func() []transfer.Progress) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		var shown sync.WaitGroup
		shown.Go(func() {
			_ = term.Progress{Out: out, Rows: func() []term.ProgressRow { return bars(rows()) }}.Run(ctx) // always nil
		})
		return func() {
			cancel()
			shown.Wait()
		}
	}
}

// bars returns progress as the terminal shows it.
func bars(all []transfer.Progress) []term.ProgressRow {
	rows := make([]term.ProgressRow, len(all))
	for i, p := range all {
		rows[i] = term.ProgressRow{Name: p.Name, Done: p.BytesDone, Total: p.BytesTotal, Rate: p.Rate, Left: p.Left, Peers: p.Peers}
		if p.State != "" {
			rows[i].Name += " (" + p.State + ")"
		}
		if p.Left == 0 {
			rows[i].Left = -1 // not known
		}
	}
	return rows
}
