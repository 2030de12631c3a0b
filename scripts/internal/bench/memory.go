package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"minimega/scripts/netlab"
)

// memory is what nodes take at most.
type memory struct {
	most  int64 // bytes that are aimed at
	holes int64 // size of a file without data
}

func (m memory) run(ctx context.Context, e *env) ([]figure, error) {
	if !e.uses(ours) {
		return nil, nil
	}
	crowd, err := e.compare(ctx, fan(16, 100e6, e.size(64<<20), netlab.Random), fetchers()[:1])
	if err != nil {
		return nil, err
	}
	runs, err := repeat(e, func() (outcome, error) { return m.sparse(ctx, e) })
	if err != nil {
		return nil, err
	}
	seed := sampleOf(crowd[0].runs, func(o outcome) float64 { return float64(o.seedPeak) / (1 << 20) })
	receiver := sampleOf(runs, func(o outcome) float64 { return float64(o.peak) / (1 << 20) })
	most := float64(m.most) / (1 << 20)
	return []figure{{
		ours, fmt.Sprintf("%s; %s MiB", seed.text("%.0f"), receiver.text("%.0f")),
		judge(seed.median() <= most && receiver.median() <= most),
	}}, nil
}

// sparse has one host fetch a file that is one hole.
func (m memory) sparse(ctx context.Context, e *env) (o outcome, err error) {
	j := fan(1, 0, e.size(m.holes), netlab.Sparse)
	source, remove, err := e.source("file.img", func(path string) error { return netlab.MakeFile(path, j.size, j.content, 1) })
	if err != nil {
		return o, err
	}
	defer remove()
	err = e.play(ctx, j, source, func(ctx context.Context, s *stage) error {
		o, err = minimega(ctx, s)
		return errors.Join(err, hollow(filepath.Join(s.dirs[0], s.file), j.size))
	})
	return o, err
}

// hollow reports, as an error, a file that is not one hole of that size.
func hollow(path string, size int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if blocks := info.Sys().(*syscall.Stat_t).Blocks; info.Size() != size || blocks > 0 {
		return fmt.Errorf("%s: must be %d bytes without data, but is %d with %d", path, size, info.Size(), blocks*512)
	}
	return nil
}
