package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"minimega/scripts/netlab"
)

// swarm is one file that hosts fetch at once from one.
type swarm struct {
	job  job
	most float64 // time / bound that is aimed at; 0: none is
}

func (w swarm) run(ctx context.Context, e *env) ([]figure, error) {
	w.job.size = e.size(w.job.size)
	all, err := e.compare(ctx, w.job, fetchers())
	return w.figures(all), err
}

// figures are times in bounds, and how often the seed sent the file.
func (w swarm) figures(all []measured) []figure {
	bound := w.job.bound()
	var figures []figure
	for _, m := range all {
		took := sampleOf(m.runs, outcome.seconds).over(bound)
		sent := sampleOf(m.runs, func(o outcome) float64 { return float64(o.sent) }).over(float64(w.job.size))
		f := figure{tool: m.tool, text: took.text("%.2f") + ", seed sent " + sent.text("%.2f") + " × the file"}
		if m.tool == ours && w.most > 0 {
			f.met = judge(took.median() <= w.most)
		}
		figures = append(figures, f)
	}
	return figures
}

// bound returns the seconds below which no receiver can have all of the file.
func (j job) bound() float64 { return float64(j.size) / j.link.Down.Bytes() }

// text is a swarm whose file is text that people wrote.
type text swarm

func (t text) run(ctx context.Context, e *env) ([]figure, error) {
	t.job.size = e.size(t.job.size)
	source, remove, err := e.source("file.img", func(path string) error { return corpus(ctx, path, t.job.size) })
	if err != nil {
		return nil, err
	}
	defer remove()
	all, err := e.compareFile(ctx, t.job, source, fetchers())
	return swarm(t).figures(all), err
}

// leastCorpus is how much of a corpus must be there before it is repeated.
const leastCorpus = 32 << 20

// corpus writes size bytes of C headers or, where this machine has too few, of
// Go's own sources.
func corpus(ctx context.Context, path string, size int64) error {
	distinct, err := netlab.MakeCorpus(path, size, ".h", "/usr/include", "/usr/lib/gcc")
	if err == nil && distinct >= min(size, leastCorpus) || err != nil && !errors.Is(err, netlab.ErrNoCorpus) {
		return err
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	_, err = netlab.MakeCorpus(path, size, ".go", filepath.Join(strings.TrimSpace(string(root)), "src"))
	return err
}

// several is one file that one host fetches from several with slower links.
type several struct {
	sources  int
	up, down netlab.Rate
	size     int64
	most     float64 // time / bound that is aimed at
}

func (v several) run(ctx context.Context, e *env) ([]figure, error) {
	j := job{
		seeds: v.sources, up: netlab.Even(v.up), receivers: 1, link: netlab.Even(v.down),
		size: e.size(v.size), content: netlab.Random,
	}
	return inBounds(ctx, e, j, v.most)
}

// uneven is a swarm with one more host whose link is slow.
type uneven struct {
	receivers  int // with the full rate
	rate, slow netlab.Rate
	size       int64
	most       float64 // time of those / bound that is aimed at
}

func (u uneven) run(ctx context.Context, e *env) ([]figure, error) {
	j := fan(u.receivers, u.rate, e.size(u.size), netlab.Random)
	j.slow = netlab.Even(u.slow)
	return inBounds(ctx, e, j, u.most)
}

// inBounds compares the tools that take a file from all who have it.
func inBounds(ctx context.Context, e *env, j job, most float64) ([]figure, error) {
	all, err := e.compare(ctx, j, []fetcher{{ours, minimega}, {"aria2", aria2}})
	var figures []figure
	for _, m := range all {
		took := sampleOf(m.runs, outcome.seconds).over(j.bound())
		f := figure{tool: m.tool, text: took.text("%.2f")}
		if m.tool == ours {
			f.met = judge(took.median() <= most)
		}
		figures = append(figures, f)
	}
	return figures, err
}
