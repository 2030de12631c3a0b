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

// minimega fetches with the program itself: one daemon a host, in one mesh
// before the time starts.
func minimega(ctx context.Context, s *stage) (time.Duration, error) {
	setup := netlab.Setup{Binary: s.binary, Dir: s.dir, Key: filepath.Join(s.dir, "mesh.key")}
	nodes := []*netlab.Node{s.seed.AddNode(s.seed.Name(), setup)}
	for _, h := range s.receivers {
		nodes = append(nodes, h.AddNode(h.Name(), setup))
	}
	if err := netlab.StartAll(ctx, nodes); err != nil {
		return 0, err
	}
	if err := netlab.AwaitMesh(ctx, nodes, len(nodes)); err != nil {
		return 0, err
	}
	conns, err := connect(ctx, nodes[1:])
	if err != nil {
		return 0, err
	}
	errs := make(chan error, len(conns))
	start, err := s.begin()
	if err != nil {
		return 0, err
	}
	for _, c := range conns {
		go func() {
			defer c.Close()
			_, err := c.Command(ctx, "file get "+s.file)
			errs <- err
		}()
	}
	var all []error
	for range conns {
		all = append(all, <-errs)
	}
	if err := errors.Join(all...); err != nil {
		return 0, err
	}
	err = awaitFiles(ctx, s.dirs, s.file)
	return time.Since(start), err
}

// connect opens the nodes' command sockets.
func connect(ctx context.Context, nodes []*netlab.Node) ([]*netlab.Conn, error) {
	var conns []*netlab.Conn
	for _, n := range nodes {
		c, err := n.Connect(ctx)
		if err != nil {
			return nil, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// once starts the nodes of a meeting and returns when all see all.
func (m meeting) once(ctx context.Context, e *env) (took time.Duration, err error) {
	lab, err := netlab.New()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	dir, err := os.MkdirTemp(e.dir, "bench")
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
