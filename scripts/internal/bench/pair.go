package main

import (
	"context"
	"fmt"

	"minimega/scripts/netlab"
)

// pair is one file that one host fetches over a link without a limit; ours
// fetches it again once its hashes are known.
type pair struct{ size int64 }

func (p pair) run(ctx context.Context, e *env) ([]figure, error) {
	j := fan(1, 0, e.size(p.size), netlab.Random)
	j.twice = true
	all, err := e.atLeast(5).compare(ctx, j, append(fetchers(), fetcher{"iperf3", iperf3}))
	rates := map[string]sample{}
	for _, m := range all {
		rates[m.tool] = m.rates(j.size)
	}
	var figures []figure
	for _, m := range all {
		f := figure{tool: m.tool, text: rates[m.tool].text("%.0f")}
		if m.tool == ours {
			known := sampleOf(m.runs, func(o outcome) float64 { return rate(j.size, o.again.Seconds()) })
			f = p.ours(rates, known)
		}
		figures = append(figures, f)
	}
	return figures, err
}

// ours tells both of our rates, and judges by the lower one.
func (p pair) ours(rates map[string]sample, known sample) figure {
	f := figure{tool: ours, text: rates[ours].text("%.0f") + " never hashed, " + known.text("%.0f") + " known"}
	link, rsync := rates["iperf3"], rates["rsync"]
	if len(link) == 0 || len(rsync) == 0 {
		return f
	}
	lower := min(rates[ours].median(), known.median())
	f.text += fmt.Sprintf(" (the lower: %.2f × iperf3, %.2f × rsync)", lower/link.median(), lower/rsync.median())
	f.met = judge(lower >= 0.35*link.median() && lower >= 1.5*rsync.median())
	return f
}
