package main

import (
	"context"
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
		{"P1", "256 MiB random, 1 to 4 hosts, 400 Mbit/s: time / bound", "≤ 1.10",
			swarm{fan(4, 400e6, 256<<20, netlab.Random), 1.10}.run},
		{"P2", "128 MiB random, 1 to 8 hosts, 200 Mbit/s: time / bound", "≤ 1.12",
			swarm{fan(8, 200e6, 128<<20, netlab.Random), 1.12}.run},
		{"P3", "64 MiB random, 1 to 16 hosts, 100 Mbit/s: time / bound", "≤ 1.15",
			swarm{fan(16, 100e6, 64<<20, netlab.Random), 1.15}.run},
		{"P4", "256 MiB image, one MiB in eight holds data, 1 to 4 hosts, 400 Mbit/s: time / bound", "≤ 0.16",
			swarm{fan(4, 400e6, 256<<20, netlab.Image), 0.16}.run},
		{"P5", "256 MiB of C headers or Go sources, 1 to 4 hosts, 400 Mbit/s: time / bound", "≤ 0.30",
			text{fan(4, 400e6, 256<<20, netlab.Text), 0.30}.run},
		{"P6", "2 GiB random, 1 to 1 host, unshaped: MB/s, never hashed and with all hashes known", "≥ 0.35 × iperf3, ≥ 1.5 × rsync", pair{2 << 30}.run},
		{"P7", "256 MiB random, 4 hosts that have it with 100 Mbit/s up to 1 with 400: time / its bound", "≤ 1.12",
			several{sources: 4, up: 100e6, down: 400e6, size: 256 << 20, most: 1.12}.run},
		{"P8", "128 MiB random, 1 to 5 hosts, 200 Mbit/s but one 20: time of the other four / their bound", "≤ 1.15",
			uneven{receivers: 4, rate: 200e6, slow: 20e6, size: 128 << 20, most: 1.15}.run},
		{"P9", "256 MiB fetched again under a new name after 1 % of its blocks of 64 KiB changed: bytes over the network / size", "≤ 0.05",
			refetch{256 << 20, 64 << 10, 0.01, 0.05}.run},
		{"P10", "10,000 files of 4 KiB in 100 directories, 1 to 1 host, unshaped: seconds", "≤ 1.5 × `rsync -a`, ≥ 2,000 files/s",
			tree{100, 100, 4 << 10, 1.5, 2000}.run},
		{"P11", "10 GiB random, never hashed, 1 to 1 host, unshaped: first chunk; total / total with all hashes known", "≤ 0.3 s; ≤ 1.10", cold{300 * time.Millisecond, 1.10}.run},
		{"P12", "memory at its peak: seed of P3; receiver of 100 GiB of holes", "≤ 150 MiB each", memory{150 << 20, 100 << 30}.run},
		{"P13", "16 nodes started together until each sees 16", "≤ 3 s", meeting{16, 3 * time.Second}.run},
		{"P14", "Tab on file: with 16 nodes of 10,000 files, 99 of 100 within: all there; one stopped; the link saturated", "≤ 50 ms; ≤ 250 ms; ≤ 250 ms",
			tab{16, 10_000, 50 * time.Millisecond, 250 * time.Millisecond}.run},
		{"P15", "1,000 simulated nodes that keep 4 links: until all see all after the last came; what the busiest one sends at rest; until all miss a dead one",
			"≤ 10 s; ≤ 2 KiB/s; ≤ 12 s", crowd{1000, 4, 10 * time.Second, 2 << 10, 12 * time.Second}.run},
		{"P16", "`file get`; `mesh send` while a transfer saturates the link of 20 Mbit/s: 99 of 100 answered within", "≤ 300 ms each", busy{300 * time.Millisecond}.run},
		{"slow", "32 MiB random, 1 to 16 hosts, 15 Mbit/s: time / bound", "", swarm{job: fan(16, 15e6, 32<<20, netlab.Random)}.run},
		{"quick", "512 MiB of C headers or Go sources, 1 to 1 host, unshaped: MB/s; ours of random bytes", "", quick{512 << 20}.run},
		{"fanout", "64 MiB random, 1 to 1, 2, 4, 8, 16 hosts, 100 Mbit/s: seconds", "", fanout{[]int{1, 2, 4, 8, 16}, 100e6, 64 << 20}.run},
	}
}
