package main

import (
	"context"
	"errors"

	"minimega/scripts/netlab"
)

// quick is text that one host fetches over a link without a limit, on which
// compressing it takes longer than sending it; ours fetches random bytes too, which it
// never compresses: text should not take longer.
type quick struct{ size int64 }

func (q quick) run(ctx context.Context, e *env) ([]figure, error) {
	j := fan(1, 0, e.size(q.size), netlab.Random)
	source, remove, err := e.source("file.img", func(path string) error { return corpus(ctx, path, j.size) })
	if err != nil {
		return nil, err
	}
	all, err := e.compareFile(ctx, j, source, fetchers())
	remove()
	random, rerr := e.compare(ctx, j, []fetcher{{ours, minimega}})
	rate := func(m measured) string {
		return sampleOf(m.runs, func(o outcome) float64 { return float64(j.size) / 1e6 / o.seconds() }).text("%.0f")
	}
	var figures []figure
	for _, m := range all {
		f := figure{tool: m.tool, text: rate(m)}
		for _, r := range random {
			if m.tool == ours {
				f.text += "; " + rate(r)
			}
		}
		figures = append(figures, f)
	}
	return figures, errors.Join(err, rerr)
}
