package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"minimega/scripts/netlab"
)

// ours is the name of the program in tables.
const ours = "minimega"

// stopTime is how long the nodes have to end by themselves.
const stopTime = 5 * time.Second

// job is a file that receivers fetch.
type job struct {
	seeds     int         // hosts that have it
	up        netlab.Link // of each seed
	receivers int
	link      netlab.Link // of each receiver
	slow      netlab.Link // of one more that fetches too and is not waited for; zero: there is none
	size      int64
	content   netlab.Content
	twice     bool // ours fetches it once more, when all hashes are known
}

// fan is a job of one seed and receivers with equal links.
func fan(receivers int, rate netlab.Rate, size int64, content netlab.Content) job {
	link := netlab.Even(rate)
	return job{seeds: 1, up: link, receivers: receivers, link: link, size: size, content: content}
}

// stage is a job set up for one tool: hosts, and a directory for each that
// only the seeds' file is in.
type stage struct {
	lab       *netlab.Lab
	job       job
	binary    string
	dir       string // for what belongs to no host
	file      string // the file's name, in seedDirs and at last in each of dirs
	seeds     []*netlab.Host
	seedDirs  []string
	receivers []*netlab.Host
	dirs      []string // dirs[i] is receivers[i]'s
	ballast   string   // a file larger than what will be received, "" for none, or no longer
}

// awaited returns the directories that the time runs for.
func (s *stage) awaited() []string { return s.dirs[:s.job.receivers] }

// A start is when a tool began.
type start struct {
	at   time.Time
	sent int64 // bytes that the first seed's interface had sent
}

// begin returns when a tool starts. Just before that it frees more memory than
// the tool is going to fill: a virtual machine takes long over pages that its
// host has not given it yet, or took back, and the tool that comes first would
// pay for those that follow.
func (s *stage) begin(ctx context.Context) (start, error) {
	sent, _, err := s.seeds[0].Carried(ctx, 0)
	if err != nil || s.ballast == "" {
		return start{time.Now(), sent}, err
	}
	err = crumble(s.ballast)
	s.ballast = ""
	return start{time.Now(), sent}, err
}

// since returns what a tool that has just ended has shown.
func (s *stage) since(ctx context.Context, began start) (outcome, error) {
	took := time.Since(began.at)
	sent, _, err := s.seeds[0].Carried(ctx, 0)
	return outcome{took: took, sent: sent - began.sent}, err
}

// outcome is what one run of a tool has shown.
type outcome struct {
	took     time.Duration // until all receivers had the file
	sent     int64         // bytes that left the first seed meanwhile
	again    time.Duration // took of a second fetch; 0: there was none
	seedPeak int64         // bytes of memory of ours at the first seed
	peak     int64         // and at the receiver that took most
}

func (o outcome) seconds() float64 { return o.took.Seconds() }

// fetcher is a tool: fetch returns when all receivers have the file, and leaves
// no process behind.
type fetcher struct {
	tool  string
	fetch func(ctx context.Context, s *stage) (outcome, error)
}

// fetchers returns the tools that move files.
func fetchers() []fetcher {
	return []fetcher{{ours, minimega}, {"aria2", aria2}, {"rsync", rsync}}
}

// measured is what a tool has shown, once for each repetition.
type measured struct {
	tool string
	runs []outcome
}

// rates are the MB a second in which size bytes came.
func (m measured) rates(size int64) sample {
	return sampleOf(m.runs, func(o outcome) float64 { return rate(size, o.seconds()) })
}

// rate returns MB a second.
func rate(size int64, seconds float64) float64 { return float64(size) / 1e6 / seconds }

// compare does the same job with each of the tools. What fails is left out and
// reported.
func (e *env) compare(ctx context.Context, j job, tools []fetcher) ([]measured, error) {
	source, remove, err := e.source("file.img", func(path string) error { return netlab.MakeFile(path, j.size, j.content, 1) })
	if err != nil {
		return nil, err
	}
	defer remove()
	return e.compareFile(ctx, j, source, tools)
}

// compareFile is compare with a file that is there. The tools take turns, so that
// whatever else the machine does meets all of them.
func (e *env) compareFile(ctx context.Context, j job, source string, tools []fetcher) ([]measured, error) {
	runs := map[string][]outcome{}
	failed := map[string]error{}
	for range e.times {
		for _, f := range tools {
			if !e.uses(f.tool) || failed[f.tool] != nil {
				continue
			}
			o, err := e.once(ctx, j, f, source)
			if err != nil {
				failed[f.tool] = fmt.Errorf("%s: %w", f.tool, err)
				continue
			}
			runs[f.tool] = append(runs[f.tool], o)
		}
	}
	var all []measured
	var errs []error
	for _, f := range tools {
		if errs = append(errs, failed[f.tool]); failed[f.tool] == nil && runs[f.tool] != nil {
			fmt.Fprintf(os.Stderr, "bench:   %-8s %s s\n", f.tool, sampleOf(runs[f.tool], outcome.seconds).text("%.2f"))
			all = append(all, measured{f.tool, runs[f.tool]})
		}
	}
	return all, errors.Join(errs...)
}

// source makes a file in a directory of its own.
func (e *env) source(name string, fill func(path string) error) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp(e.dir, "source")
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, name)
	if err := fill(path); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return path, func() { os.RemoveAll(dir) }, nil
}

// once does a job with one tool in a network of its own.
func (e *env) once(ctx context.Context, j job, f fetcher, source string) (o outcome, err error) {
	err = e.play(ctx, j, source, func(ctx context.Context, s *stage) error {
		if o, err = f.fetch(ctx, s); err != nil || f.tool == "iperf3" { // which moved no file
			return err
		}
		return s.verify(source)
	})
	return o, err
}
