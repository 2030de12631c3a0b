package main

import (
	"context"
	"errors"
	"fmt"

	"minimega/scripts/netlab"
)

// fanout is a file that more and more hosts fetch, for the chart.
type fanout struct {
	hosts []int
	rate  netlab.Rate
	size  int64
}

func (o fanout) run(ctx context.Context, e *env) ([]figure, error) {
	o.size = e.size(o.size)
	c := chart{
		title: fmt.Sprintf("%d MiB to n hosts, each with %d Mbit/s", o.size>>20, o.rate/1e6),
		hosts: o.hosts, bound: float64(o.size) / o.rate.Bytes(),
	}
	text := map[string]string{}
	var errs []error
	for _, n := range o.hosts {
		all, err := e.compare(ctx, fan(n, o.rate, o.size, netlab.Random), fetchers())
		errs = append(errs, err)
		for _, m := range all {
			took := sampleOf(m.runs, outcome.seconds)
			c.add(m.tool, n, took.median())
			text[m.tool] += fmt.Sprintf(", %s", took.text("%.1f"))
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	*e.points = c
	var figures []figure
	for _, tool := range columns() {
		if text[tool] != "" {
			figures = append(figures, figure{tool: tool, text: text[tool][2:]})
		}
	}
	return figures, errors.Join(errs...)
}
