package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"minimega/scripts/netlab"
)

// cold is a large file that was never hashed.
type cold struct {
	first time.Duration // until a chunk is at the receiver, that is aimed at
	over  float64       // total / total with all hashes known, that is aimed at
}

// coldRun is what one fetch has shown.
type coldRun struct{ first, total, known time.Duration }

func (c cold) run(ctx context.Context, e *env) ([]figure, error) {
	if !e.uses(ours) {
		return nil, nil
	}
	j := fan(1, 0, e.size(e.cold), netlab.Random)
	source, remove, err := e.source("file.img", func(path string) error { return netlab.MakeFile(path, j.size, j.content, 1) })
	if err != nil {
		return nil, err
	}
	defer remove()
	runs, err := repeat(e, func() (r coldRun, err error) {
		err = e.play(ctx, j, source, func(ctx context.Context, s *stage) error {
			if r, err = c.fetch(ctx, s); err != nil {
				return err
			}
			return s.verify(source)
		})
		return r, err
	})
	if err != nil {
		return nil, err
	}
	first := sampleOf(runs, func(r coldRun) float64 { return r.first.Seconds() })
	over := sampleOf(runs, func(r coldRun) float64 { return r.total.Seconds() / r.known.Seconds() })
	text := fmt.Sprintf("%s; %s", first.text("%.2f s"), over.text("%.2f"))
	if j.size != 10<<30 {
		text += fmt.Sprintf(" (of %d MiB)", j.size>>20)
	}
	return []figure{{ours, text, judge(first.median() <= c.first.Seconds() && over.median() <= c.over)}}, nil
}

// fetch fetches the file, deletes it and fetches it again. The nodes are started
// anew in between: a new process takes a tenth longer by itself, because its
// memory is new too.
func (c cold) fetch(ctx context.Context, s *stage) (r coldRun, err error) {
	seeds, receivers, err := s.mesh(ctx)
	if err != nil {
		return r, err
	}
	if r, err = c.unknown(ctx, s, receivers); err != nil {
		return r, err
	}
	if err = s.renew(ctx, slices.Concat(seeds, receivers)); err != nil {
		return r, err
	}
	conns, err := connect(ctx, receivers)
	if err != nil {
		return r, err
	}
	defer hangUp(conns)
	r.known, err = s.again(ctx, conns)
	return r, err
}

// unknown fetches the file while nobody knows its hashes.
func (c cold) unknown(ctx context.Context, s *stage, receivers []*netlab.Node) (r coldRun, err error) {
	conns, err := connect(ctx, receivers)
	if err != nil {
		return r, err
	}
	defer hangUp(conns)
	began, err := s.begin(ctx)
	if err != nil {
		return r, err
	}
	got := make(chan error, 1)
	go func() { got <- get(ctx, conns, s.file) }()
	err = netlab.Until(ctx, "the first chunk", func() bool { return arriving(s.dirs[0], s.file) })
	r.first = time.Since(began.at)
	if err := errors.Join(err, <-got); err != nil {
		return r, err
	}
	if err := awaitFiles(ctx, s.dirs, s.file); err != nil {
		return r, err
	}
	r.total = time.Since(began.at)
	return r, nil
}

// arriving reports whether a file that is being fetched has data, which is
// written once it is verified, or is there already.
func arriving(dir, name string) bool {
	found, _ := filepath.Glob(filepath.Join(dir, "transfer_*", "data")) // the pattern is right
	for _, path := range append(found, filepath.Join(dir, name)) {
		info, err := os.Stat(path)
		if err == nil && info.Sys().(*syscall.Stat_t).Blocks > 0 {
			return true
		}
	}
	return false
}
