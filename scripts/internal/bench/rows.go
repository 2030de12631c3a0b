package main

import (
	"context"
	"fmt"
	"time"

	"minimega/scripts/netlab"
)

// row is one line of the table.
type row struct {
	id     string
	what   string // work that is measured
	target string
	run    func(ctx context.Context, e *env) ([]figure, error)
}

// figure is what one tool reached.
type figure struct {
	tool string
	text string // as the table shows it
	met  verdict
}

// verdict says whether a figure reaches the row's target.
type verdict int

// The verdicts: peers' figures have none.
const (
	none verdict = iota
	missed
	met
)

// judge turns a comparison into a verdict.
func judge(ok bool) verdict {
	if ok {
		return met
	}
	return missed
}

// rows returns the table's lines, in order.
func rows() []row {
	return []row{
		{"P1", "256 MiB random, 1 to 4 hosts, 400 Mbit/s: time / bound", "≤ 1.10", swarm{4, 400e6, 256 << 20, netlab.Random, 1.10}.run},
		{"P2", "128 MiB random, 1 to 8 hosts, 200 Mbit/s: time / bound", "≤ 1.12", swarm{8, 200e6, 128 << 20, netlab.Random, 1.12}.run},
		{"P3", "64 MiB random, 1 to 16 hosts, 100 Mbit/s: time / bound", "≤ 1.15", swarm{16, 100e6, 64 << 20, netlab.Random, 1.15}.run},
		{"P4", "256 MiB image, one MiB in eight holds data, 1 to 4 hosts, 400 Mbit/s: time / bound", "≤ 0.16", swarm{4, 400e6, 256 << 20, netlab.Image, 0.16}.run},
		{"P6", "2 GiB random, 1 to 1 host, unshaped: MB/s", "≥ 0.35 × iperf3, ≥ 1.5 × rsync", pair{2 << 30}.run},
		{"P13", "16 nodes started together until each sees 16", "≤ 3 s", meeting{16, 3 * time.Second}.run},
	}
}

// swarm is one file that n hosts fetch at once from one.
type swarm struct {
	receivers int
	rate      netlab.Rate
	size      int64
	content   netlab.Content
	most      float64 // time / bound that is aimed at
}

func (s swarm) run(ctx context.Context, e *env) ([]figure, error) {
	job := job{receivers: s.receivers, link: netlab.Even(s.rate), size: s.size, content: s.content}
	times, err := e.compare(ctx, job, fetchers())
	bound := float64(s.size) / s.rate.Bytes()
	var figures []figure
	for _, t := range times {
		f := figure{tool: t.tool, text: fmt.Sprintf("%.2f", t.took.Seconds()/bound)}
		if t.tool == ours {
			f.met = judge(t.took.Seconds()/bound <= s.most)
		}
		figures = append(figures, f)
	}
	return figures, err
}

// pair is one file that one host fetches over a link without a limit.
type pair struct{ size int64 }

func (p pair) run(ctx context.Context, e *env) ([]figure, error) {
	job := job{receivers: 1, size: p.size, content: netlab.Random}
	times, err := e.compare(ctx, job, append(fetchers(), fetcher{"iperf3", iperf3}))
	rate := map[string]float64{} // by tool, in MB/s
	for _, t := range times {
		rate[t.tool] = float64(p.size) / 1e6 / t.took.Seconds()
	}
	var figures []figure
	for _, t := range times {
		f := figure{tool: t.tool, text: fmt.Sprintf("%.0f", rate[t.tool])}
		if t.tool == ours && rate["iperf3"] > 0 && rate["rsync"] > 0 {
			f.text += fmt.Sprintf(" (%.2f × iperf3, %.2f × rsync)", rate[ours]/rate["iperf3"], rate[ours]/rate["rsync"])
			f.met = judge(rate[ours] >= 0.35*rate["iperf3"] && rate[ours] >= 1.5*rate["rsync"])
		}
		figures = append(figures, f)
	}
	return figures, err
}

// meeting is n nodes that are started at once and look for each other.
type meeting struct {
	nodes int
	most  time.Duration
}

func (m meeting) run(ctx context.Context, e *env) ([]figure, error) {
	if !e.uses(ours) {
		return nil, nil
	}
	took, err := e.median(func() (time.Duration, error) { return m.once(ctx, e) })
	if err != nil {
		return nil, err
	}
	return []figure{{ours, fmt.Sprintf("%.2f s", took.Seconds()), judge(took <= m.most)}}, nil
}
