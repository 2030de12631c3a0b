package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"minimega/scripts/netlab"
)

// How a link is saturated: with a file that takes it a minute and a half.
const (
	busyLink = 20e6
	bigName  = "big"
	bigSize  = 256 << 20
)

// makeBig makes the file at the first seed.
func (s *stage) makeBig() error {
	return netlab.MakeFile(filepath.Join(s.seedDirs[0], bigName), bigSize, netlab.Random, 1)
}

// saturate makes the link of a node's host slow and has the node fetch the
// file; it returns when that has begun.
func saturate(ctx context.Context, n *netlab.Node) error {
	if err := n.Host().Shape(ctx, 0, netlab.Even(busyLink)); err != nil {
		return err
	}
	c, err := n.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := ask(ctx, c, "file get "+bigName); err != nil {
		return err
	}
	return netlab.Until(ctx, "the transfer", func() bool { return arriving(n.Files(), bigName) })
}

// busy is commands on a host whose link is saturated by a transfer.
type busy struct{ most time.Duration }

// busyRun is how long answers took, in seconds.
type busyRun struct{ get, send sample }

func (y busy) run(ctx context.Context, e *env) ([]figure, error) {
	if !e.uses(ours) {
		return nil, nil
	}
	runs, err := repeat(e, func() (r busyRun, err error) {
		err = e.play(ctx, fan(1, 0, 0, netlab.Random), "", func(ctx context.Context, s *stage) error {
			r, err = y.ask(ctx, s)
			return err
		})
		return r, err
	})
	if err != nil {
		return nil, err
	}
	p99 := func(of func(busyRun) sample) sample {
		return sampleOf(runs, func(r busyRun) float64 { return 1000 * of(r).quantile(0.99) })
	}
	get, send := p99(func(r busyRun) sample { return r.get }), p99(func(r busyRun) sample { return r.send })
	most := float64(y.most.Milliseconds())
	return []figure{{
		ours, get.text("%.0f ms") + "; " + send.text("%.0f ms"), judge(get.median() <= most && send.median() <= most),
	}}, nil
}

// ask has a hundred small files fetched and a hundred commands sent, in turn.
func (y busy) ask(ctx context.Context, s *stage) (r busyRun, err error) {
	if err := s.makeBig(); err != nil {
		return r, err
	}
	for i := range questions {
		if err := os.WriteFile(filepath.Join(s.seedDirs[0], small(i)), []byte(small(i)), 0o644); err != nil {
			return r, err
		}
	}
	seeds, receivers, err := s.mesh(ctx)
	if err != nil {
		return r, err
	}
	if err := saturate(ctx, receivers[0]); err != nil {
		return r, err
	}
	c, err := receivers[0].Connect(ctx)
	if err != nil {
		return r, err
	}
	defer c.Close()
	timed := func(line string) (float64, error) {
		start := time.Now()
		err := ask(ctx, c, line)
		return time.Since(start).Seconds(), err
	}
	var get, send sample
	for i := range questions {
		took, err := timed("file get " + small(i))
		if err != nil {
			return r, err
		}
		get = append(get, took)
		if took, err = timed(fmt.Sprintf("mesh send %s version", seeds[0].Name())); err != nil {
			return r, err
		}
		send = append(send, took)
	}
	if _, err := os.Stat(filepath.Join(s.dirs[0], bigName)); err == nil {
		return r, fmt.Errorf("the transfer ended before the last answer, so that the link was free")
	}
	same := func(v float64) float64 { return v }
	return busyRun{sampleOf(get, same), sampleOf(send, same)}, nil
}

// small returns the name of a small file, which it holds too.
func small(i int) string { return fmt.Sprintf("small%03d", i) }
