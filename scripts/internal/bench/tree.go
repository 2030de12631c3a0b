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

// tree is a directory of many small files that one host fetches.
type tree struct {
	dirs, files int // files in each directory
	size        int64
	over        float64 // rsync's time that is aimed at
	least       float64 // files a second that are aimed at
}

// treeName is the directory's name.
const treeName = "tree"

func (t tree) run(ctx context.Context, e *env) ([]figure, error) {
	t.dirs = e.count(t.dirs)
	var errs []error
	seconds := map[string]sample{}
	for _, tool := range []struct {
		name  string
		fetch func(ctx context.Context, s *stage) (time.Duration, error)
	}{{ours, t.ours}, {"rsync", t.rsync}} {
		if !e.uses(tool.name) {
			continue
		}
		runs, err := repeat(e, func() (took time.Duration, err error) {
			err = e.play(ctx, fan(1, 0, 0, netlab.Random), "", func(ctx context.Context, s *stage) error {
				if err := t.make(filepath.Join(s.seedDirs[0], treeName)); err != nil {
					return err
				}
				if took, err = tool.fetch(ctx, s); err != nil {
					return err
				}
				return t.verify(filepath.Join(s.seedDirs[0], treeName), filepath.Join(s.dirs[0], treeName))
			})
			return took, err
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", tool.name, err))
			continue
		}
		seconds[tool.name] = sampleOf(runs, time.Duration.Seconds)
	}
	return t.figures(seconds), errors.Join(errs...)
}

func (t tree) figures(seconds map[string]sample) []figure {
	var figures []figure
	for _, tool := range []string{ours, "rsync"} {
		took := seconds[tool]
		if len(took) == 0 {
			continue
		}
		rate := float64(t.dirs*t.files) / took.median()
		f := figure{tool: tool, text: fmt.Sprintf("%s, %.0f files/s", took.text("%.2f"), rate)}
		if rsync := seconds["rsync"]; tool == ours && len(rsync) > 0 {
			f.text += fmt.Sprintf(", %.2f × rsync", took.median()/rsync.median())
			f.met = judge(took.median() <= t.over*rsync.median() && rate >= t.least)
		}
		figures = append(figures, f)
	}
	return figures
}

// each calls f with the name of every file, below the directory.
func (t tree) each(f func(name string, number int) error) error {
	for i := range t.dirs * t.files {
		if err := f(fmt.Sprintf("d%02d/f%02d", i/t.files, i%t.files), i); err != nil {
			return err
		}
	}
	return nil
}

// make makes the files, all different.
func (t tree) make(dir string) error {
	return t.each(func(name string, number int) error {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return netlab.MakeFile(path, t.size, netlab.Random, uint64(1+number))
	})
}

// ours fetches the directory and waits until all files are there and no
// transfer is left.
func (t tree) ours(ctx context.Context, s *stage) (time.Duration, error) {
	_, receivers, err := s.mesh(ctx)
	if err != nil {
		return 0, err
	}
	conns, err := connect(ctx, receivers)
	if err != nil {
		return 0, err
	}
	defer hangUp(conns)
	start := time.Now()
	if err := get(ctx, conns, treeName); err != nil {
		return 0, err
	}
	err = t.each(func(name string, _ int) error {
		path := filepath.Join(s.dirs[0], treeName, name)
		return netlab.Until(ctx, path, func() bool { _, err := os.Lstat(path); return err == nil })
	})
	if err != nil {
		return 0, err
	}
	var failed error
	err = netlab.Until(ctx, "the transfer's end", func() bool {
		answers, err := conns[0].Command(ctx, "file status")
		failed = err
		return err != nil || len(answers) == 0 || answers[0].Cell("Filename") == ""
	})
	return time.Since(start), errors.Join(err, failed)
}

// rsync copies the directory with all that it keeps of files.
func (t tree) rsync(ctx context.Context, s *stage) (time.Duration, error) {
	server, url, err := rsyncServer(ctx, s)
	if err != nil {
		return 0, err
	}
	defer server.end()
	start := time.Now()
	out, err := s.receivers[0].Command(ctx, "rsync", "-a", url+treeName, s.dirs[0]+"/").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	return time.Since(start), nil
}

// verify compares all files.
func (t tree) verify(want, got string) error {
	return t.each(func(name string, _ int) error {
		a, err := netlab.Sum(filepath.Join(want, name))
		if err != nil {
			return err
		}
		b, err := netlab.Sum(filepath.Join(got, name))
		if err == nil && a != b {
			err = fmt.Errorf("%s is not the source", filepath.Join(got, name))
		}
		return err
	})
}
