package netlab

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// readyTime is how long a daemon may take to answer on its socket.
const readyTime = time.Minute

// Row makes hosts of those names on one switch (in a local lab: on this
// machine), each with a link of its own and one node, not yet started.
func (l *Lab) Row(ctx context.Context, names []string, link Link, setup Setup) ([]*Node, error) {
	var sw *Switch
	if !l.Local() {
		var err error
		if sw, err = l.AddSwitch(ctx); err != nil {
			return nil, err
		}
	}
	nodes := make([]*Node, 0, len(names))
	for _, name := range names {
		h, err := l.AddHost(ctx, name)
		if err != nil {
			return nil, err
		}
		if sw != nil {
			if err := h.Join(ctx, sw, link); err != nil {
				return nil, err
			}
		}
		nodes = append(nodes, h.AddNode(name, setup))
	}
	return nodes, nil
}

// Names returns prefix1 to prefix<n>.
func Names(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s%d", prefix, i+1)
	}
	return names
}

// StartAll starts nodes and returns when all answer on their sockets. The
// first is ready before the others start, so that it alone makes the key.
func StartAll(ctx context.Context, nodes []*Node, flags ...string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for i, n := range nodes {
		if err := n.Launch(flags...); err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		if err := n.Ready(ctx); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if err := n.Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// StopAll asks nodes to end, and returns when all have.
func StopAll(ctx context.Context, nodes []*Node) error {
	errs := make(chan error)
	for _, n := range nodes {
		go func() { errs <- n.Stop(ctx) }()
	}
	var all []error
	for range nodes {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// AwaitMesh waits until each of the nodes says that the mesh has size nodes.
func AwaitMesh(ctx context.Context, nodes []*Node, size int) error {
	want := fmt.Sprint(size)
	for _, n := range nodes {
		if err := n.Await(ctx, "mesh status", "size", want); err != nil {
			return err
		}
	}
	return nil
}

// Await asks until a column of a command's table holds a value.
func (n *Node) Await(ctx context.Context, line, column, want string) error {
	c, err := n.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	tick := time.NewTicker(10 * poll)
	defer tick.Stop()
	for {
		answers, err := c.Command(ctx, line)
		if err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
		if len(answers) > 0 && answers[0].Cell(column) == want {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %s: %s is not %s: %w", n.name, line, column, want, ctx.Err())
		}
	}
}
