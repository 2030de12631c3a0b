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
	var figures []figure
	for _, m := range all {
		f := figure{tool: m.tool, text: m.rates(j.size).text("%.0f")}
		if m.tool == ours && len(random) > 0 {
			f.text += "; " + random[0].rates(j.size).text("%.0f")
		}
		figures = append(figures, f)
	}
	return figures, errors.Join(err, rerr)
}
