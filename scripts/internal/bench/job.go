package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"minimega/scripts/netlab"
)

// ours is the name of the program in tables.
const ours = "minimega"

// job is a file that receivers fetch from a seed.
type job struct {
	receivers int
	link      netlab.Link // of each host
	size      int64
	content   netlab.Content
}

// stage is a job set up for one tool: hosts, and a directory for each that
// only the seed's file is in.
type stage struct {
	lab       *netlab.Lab
	binary    string
	dir       string // for what belongs to no host
	file      string // the file's name, in seedDir and at last in each of dirs
	size      int64
	seed      *netlab.Host
	seedDir   string
	receivers []*netlab.Host
	dirs      []string // dirs[i] is receivers[i]'s
	ballast   string   // a file as large as what will be received
}

// begin returns when a tool starts. Just before that it frees as much memory as
// the tool is going to fill: a virtual machine takes long over pages that its
// host has not given it yet, or took back, and the tool that comes first would
// pay for those that follow.
func (s *stage) begin() (time.Time, error) {
	err := os.Remove(s.ballast)
	return time.Now(), err
}

// fetcher is a tool: fetch returns how long it took until all receivers had
// the file, and leaves no process behind.
type fetcher struct {
	tool  string
	fetch func(ctx context.Context, s *stage) (time.Duration, error)
}

// fetchers returns the tools that move files.
func fetchers() []fetcher {
	return []fetcher{{ours, minimega}, {"aria2", aria2}, {"rsync", rsync}}
}

// timing is how long a tool took.
type timing struct {
	tool string
	took time.Duration
}

// compare does the same job with each of the tools. What fails is left out and
// reported.
func (e *env) compare(ctx context.Context, j job, tools []fetcher) ([]timing, error) {
	dir, err := os.MkdirTemp(e.dir, "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "file.img")
	if err := netlab.MakeFile(source, j.size, j.content, 1); err != nil {
		return nil, err
	}
	var times []timing
	var errs []error
	for _, f := range tools {
		if !e.uses(f.tool) {
			continue
		}
		took, err := e.median(func() (time.Duration, error) { return e.once(ctx, j, f, source) })
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.tool, err))
			continue
		}
		fmt.Fprintf(os.Stderr, "bench:   %-8s %.2f s\n", f.tool, took.Seconds())
		times = append(times, timing{f.tool, took})
	}
	return times, errors.Join(errs...)
}

// median measures e.times times.
func (e *env) median(once func() (time.Duration, error)) (time.Duration, error) {
	all := make([]time.Duration, 0, e.times)
	for range max(1, e.times) {
		took, err := once()
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// once does a job with one tool in a network of its own.
func (e *env) once(ctx context.Context, j job, f fetcher, source string) (took time.Duration, err error) {
	lab, err := netlab.New()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	dir, err := os.MkdirTemp(filepath.Dir(source), f.tool)
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	s, err := setStage(ctx, lab, j, dir, source)
	if err != nil {
		return 0, err
	}
	s.binary = e.binary
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if took, err = f.fetch(ctx, s); err != nil {
		return 0, err
	}
	if f.tool == "iperf3" {
		return took, nil // moved no file
	}
	return took, s.verify(source)
}

// setStage makes a job's hosts and directories.
func setStage(ctx context.Context, lab *netlab.Lab, j job, dir, source string) (*stage, error) {
	s := &stage{lab: lab, dir: dir, file: filepath.Base(source), size: j.size}
	sw, err := lab.AddSwitch(ctx)
	if err != nil {
		return nil, err
	}
	for i, name := range append([]string{"seed"}, netlab.Names("kn", j.receivers)...) {
		h, err := lab.AddHost(ctx, name)
		if err != nil {
			return nil, err
		}
		if err := h.Join(ctx, sw, j.link); err != nil {
			return nil, err
		}
		files := filepath.Join(dir, name, "files")
		if err := os.MkdirAll(files, 0o755); err != nil {
			return nil, err
		}
		if i == 0 {
			s.seed, s.seedDir = h, files
			continue
		}
		s.receivers, s.dirs = append(s.receivers, h), append(s.dirs, files)
	}
	s.ballast = filepath.Join(dir, "ballast")
	if err := netlab.MakeFile(s.ballast, j.size*int64(j.receivers), netlab.Zero, 1); err != nil {
		return nil, err
	}
	return s, os.Link(source, filepath.Join(s.seedDir, s.file))
}

// verify compares what the receivers have with the source.
func (s *stage) verify(source string) error {
	want, err := netlab.Sum(source)
	if err != nil {
		return err
	}
	for _, dir := range s.dirs {
		got, err := netlab.Sum(filepath.Join(dir, s.file))
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s is not the source", filepath.Join(dir, s.file))
		}
	}
	return nil
}

// await looks every two milliseconds until done says so.
func await(ctx context.Context, what string, done func() bool) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
	return nil
}

// awaitFiles waits until a file is in each of the directories.
func awaitFiles(ctx context.Context, dirs []string, name string) error {
	left := slices.Clone(dirs)
	return await(ctx, name, func() bool {
		left = slices.DeleteFunc(left, func(dir string) bool {
			_, err := os.Stat(filepath.Join(dir, name))
			return err == nil
		})
		return len(left) == 0
	})
}
