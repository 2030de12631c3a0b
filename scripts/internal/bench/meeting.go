package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"minimega/scripts/netlab"
)

// meeting is n nodes that are started at once and look for each other.
type meeting struct {
	nodes int
	most  time.Duration
}

func (m meeting) run(ctx context.Context, e *env) ([]figure, error) {
	if !e.uses(ours) {
		return nil, nil
	}
	runs, err := repeat(e, func() (time.Duration, error) { return m.once(ctx, e) })
	if err != nil {
		return nil, err
	}
	took := sampleOf(runs, time.Duration.Seconds)
	return []figure{{ours, took.text("%.2f s"), judge(took.median() <= m.most.Seconds())}}, nil
}

// once starts the nodes of a meeting and returns when all see all.
func (m meeting) once(ctx context.Context, e *env) (took time.Duration, err error) {
	lab, err := netlab.New()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	dir, err := os.MkdirTemp(e.dir, "meeting")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	setup := netlab.Setup{Binary: e.binary, Dir: dir, Key: filepath.Join(dir, "mesh.key")}
	nodes, err := lab.Row(ctx, netlab.Names("kn", m.nodes), netlab.Link{}, setup)
	if err != nil {
		return 0, err
	}
	if err := makeKey(ctx, nodes[0]); err != nil {
		return 0, err
	}
	defer (&stage{lab: lab}).stop()
	start := time.Now()
	for _, n := range nodes {
		if err := n.Launch(); err != nil {
			return 0, err
		}
	}
	return m.gather(ctx, nodes, start)
}

// makeKey lets a node make the mesh's key, and ends it again.
func makeKey(ctx context.Context, n *netlab.Node) error {
	if err := n.Start(ctx); err != nil {
		return err
	}
	return n.Stop(ctx)
}

// gather returns the time from start until the last node saw all.
func (m meeting) gather(ctx context.Context, nodes []*netlab.Node, start time.Time) (time.Duration, error) {
	errs := make(chan error)
	for _, n := range nodes {
		go func() {
			err := n.Ready(ctx)
			if err == nil {
				err = n.Await(ctx, "mesh status", "size", strconv.Itoa(m.nodes))
			}
			errs <- err
		}()
	}
	var all []error
	for range nodes {
		all = append(all, <-errs)
	}
	if err := errors.Join(all...); err != nil {
		return 0, fmt.Errorf("%d nodes: %w", m.nodes, err)
	}
	return time.Since(start), nil
}
