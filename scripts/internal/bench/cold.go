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

// fetch fetches the file three times, deleting it in between, each time by nodes
// that were started anew. The first time does not count: it is slower, because a
// guest gets the memory for it from its host. For the second one the seed's hashes
// are removed; the third finds those of the second.
func (c cold) fetch(ctx context.Context, s *stage) (r coldRun, err error) {
	seeds, receivers, err := s.mesh(ctx)
	if err != nil {
		return r, err
	}
	if _, err = s.begin(ctx); err != nil {
		return r, err
	}
	nodes := slices.Concat(seeds, receivers)
	err = s.with(ctx, receivers, func(conns []*netlab.Conn) error { return fetch(ctx, conns, s.dirs, s.file) })
	if err != nil {
		return r, err
	}
	if err = s.renew(ctx, nodes, filepath.Join(s.seedDirs[0], ".minimega", "hashes")); err != nil {
		return r, err
	}
	if err = s.with(ctx, receivers, func(conns []*netlab.Conn) error { return r.unknown(ctx, s, conns) }); err != nil {
		return r, err
	}
	if err = s.renew(ctx, nodes); err != nil {
		return r, err
	}
	err = s.with(ctx, receivers, func(conns []*netlab.Conn) (err error) {
		r.known, err = s.again(ctx, conns)
		return err
	})
	return r, err
}

// with lets do talk to the nodes.
func (s *stage) with(ctx context.Context, nodes []*netlab.Node, do func([]*netlab.Conn) error) error {
	conns, err := connect(ctx, nodes)
	if err != nil {
		return err
	}
	defer hangUp(conns)
	return do(conns)
}

// unknown fetches the file again while nobody knows its hashes.
func (r *coldRun) unknown(ctx context.Context, s *stage, conns []*netlab.Conn) error {
	if err := s.forget(ctx, conns); err != nil {
		return err
	}
	start := time.Now()
	got := make(chan error, 1)
	go func() { got <- fetch(ctx, conns, s.dirs, s.file) }()
	err := netlab.Until(ctx, "the first chunk", func() bool { return arriving(s.dirs[0], s.file) || len(got) > 0 })
	r.first = time.Since(start)
	err = errors.Join(err, <-got)
	r.total = time.Since(start)
	return err
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
