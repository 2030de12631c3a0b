package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer"
)

// statusCommand tells of transfers.
func statusCommand() Command {
	return Command{
		Patterns: []string{"file status", "file status <detail,>"},
		Help:     "show transfers to this node that have not ended",
		Long: "What this node downloads from a URL is shown too; so is what it fetches of another node's download.\n" +
			"A file whose Queued is true waits for others to end; what a command waits for, as with file:,\n" +
			"goes first. With detail, sizes are bytes: Reused are those of Done that were here before. Ratio\n" +
			"is what compression makes of the rest, Peers who gives something. What failed or finished within\n" +
			"an hour is told too, the last of each file: when it Ended, at which rate in all, and the Result.",
		Example: "file status\nfile status detail",
		Columns: []string{
			"Filename", "Temporary directory", "Completed parts", "Queued", // and with detail
			"Size", "Done", "Reused", "Rate", "Time left", "Peers", "Ratio", "Version", "Ended", "Result",
		},
		Run: fileStatus,
	}
}

func fileStatus(_ context.Context, c *Call) error {
	rows := c.shell.transfers()
	if !c.Has("detail") {
		const plain = 4 // columns
		c.Table(c.columns()[:plain], statusRows(rows, statusRow))
		return nil
	}
	running := make(map[wire.FileName]bool, len(rows))
	for _, t := range rows {
		running[t.Name] = true
	}
	for _, t := range c.shell.cfg.Files.Ended() {
		if !running[t.Name] {
			rows = append(rows, t)
		}
	}
	c.Table(c.columns(), statusRows(rows, detailRow))
	return nil
}

func statusRows(all []transfer.Status, row func(transfer.Status) []string) [][]string {
	var rows [][]string
	for _, t := range all {
		rows = append(rows, row(t))
	}
	return rows
}

func statusRow(t transfer.Status) []string {
	parts := fmt.Sprintf("%d/%d", t.Parts, t.Total)
	if t.State != "" {
		parts += " " + t.State
	}
	return []string{string(t.Name), t.Dir, parts, strconv.FormatBool(t.Queued)}
}

func detailRow(t transfer.Status) []string {
	rate, left, ratio, version, ended := "", "", "", "", ""
	if t.Rate > 0 {
		rate = bytesText(int64(t.Rate)) + "/s"
	}
	if t.Left > 0 {
		left = t.Left.Round(time.Second).String()
	}
	if t.Ratio > 0 {
		ratio = strconv.FormatFloat(t.Ratio, 'f', 2, 64)
	}
	if !t.Version.IsZero() {
		version = t.Version.Short()
	}
	if !t.Ended.IsZero() {
		ended = t.Ended.Format(time.RFC3339)
	}
	return append(statusRow(t), number(t.Size), number(t.Done), number(t.Reused), rate, left,
		strconv.Itoa(t.Peers), ratio, version, ended, result(t))
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// result says in a line how a transfer ended; nothing while it has not.
func result(t transfer.Status) string {
	switch {
	case t.Ended.IsZero():
		return ""
	case t.Err != nil:
		why, _, _ := strings.Cut(t.Err.Error(), "\n")
		return "failed: " + why
	}
	return "finished in " + t.Took.Round(100*time.Millisecond).String()
}
