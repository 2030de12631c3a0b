package main

import (
	"context"
	"errors"
	"time"

	"minimega/scripts/netlab"
)

// minimega fetches with the program itself: one daemon a host, in one mesh
// before the time starts.
func minimega(ctx context.Context, s *stage) (outcome, error) {
	seeds, receivers, err := s.mesh(ctx)
	if err != nil {
		return outcome{}, err
	}
	conns, err := connect(ctx, receivers)
	if err != nil {
		return outcome{}, err
	}
	defer hangUp(conns)
	began, err := s.begin(ctx)
	if err != nil {
		return outcome{}, err
	}
	if err := fetch(ctx, conns, s.awaited(), s.file); err != nil {
		return outcome{}, err
	}
	o, err := s.since(ctx, began)
	if err != nil {
		return outcome{}, err
	}
	if s.job.twice {
		if o.again, err = s.again(ctx, conns); err != nil {
			return outcome{}, err
		}
	}
	return o, o.peaks(seeds[0], receivers)
}

// again has the receivers delete the file and fetch it once more.
func (s *stage) again(ctx context.Context, conns []*netlab.Conn) (time.Duration, error) {
	if err := s.forget(ctx, conns); err != nil {
		return 0, err
	}
	start := time.Now()
	err := fetch(ctx, conns, s.awaited(), s.file)
	return time.Since(start), err
}

// forget has the receivers delete the file.
func (s *stage) forget(ctx context.Context, conns []*netlab.Conn) error {
	return each(conns, func(c *netlab.Conn) error { return ask(ctx, c, "file delete "+s.file) })
}

// peaks notes how much memory the nodes took at most.
func (o *outcome) peaks(seed *netlab.Node, receivers []*netlab.Node) (err error) {
	if _, o.seedPeak, err = seed.Memory(); err != nil {
		return err
	}
	for _, n := range receivers {
		_, peak, err := n.Memory()
		if err != nil {
			return err
		}
		o.peak = max(o.peak, peak)
	}
	return nil
}

// fetch has the nodes fetch a file, and waits until it is in the directories.
func fetch(ctx context.Context, conns []*netlab.Conn, dirs []string, name string) error {
	if err := get(ctx, conns, name); err != nil {
		return err
	}
	return awaitFiles(ctx, dirs, name)
}

// get has all nodes fetch a file, which goes on in the background.
func get(ctx context.Context, conns []*netlab.Conn, name string) error {
	return each(conns, func(c *netlab.Conn) error { return ask(ctx, c, "file get "+name) })
}

// ask runs one line.
func ask(ctx context.Context, c *netlab.Conn, line string) error {
	_, err := c.Command(ctx, line)
	return err
}

// each does something on all connections at once.
func each(conns []*netlab.Conn, do func(*netlab.Conn) error) error {
	errs := make(chan error)
	for _, c := range conns {
		go func() { errs <- do(c) }()
	}
	var all []error
	for range conns {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// connect opens the nodes' command sockets.
func connect(ctx context.Context, nodes []*netlab.Node) ([]*netlab.Conn, error) {
	var conns []*netlab.Conn
	for _, n := range nodes {
		c, err := n.Connect(ctx)
		if err != nil {
			hangUp(conns)
			return nil, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// hangUp closes connections.
func hangUp(conns []*netlab.Conn) {
	for _, c := range conns {
		c.Close()
	}
}
