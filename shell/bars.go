package shell

import (
	"context"
	"io"
	"os"
	"sync"

	"minimega/shell/term"
	"minimega/transfer"
)

// barWatch returns a [Watch] that shows bars where out is a terminal, lines
// elsewhere. While there are bars, lend has what prints above them.
func barWatch(out *os.File, lend func(io.Writer)) Watch {
	return func(rows func() []transfer.Progress) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		var shown sync.WaitGroup
		shown.Go(func() {
			p := term.Progress{Out: out, Rows: func() []term.ProgressRow { return bars(rows()) }, Lend: lend}
			_ = p.Run(ctx) // always nil
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
