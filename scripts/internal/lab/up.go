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

// stopTime is how long the nodes have to end by themselves.
const stopTime = 5 * time.Second

// up keeps n nodes running until ctx ends.
func up(ctx context.Context, binary string, n int, args []string) (err error) {
	s, err := parseSettings(args)
	if err != nil {
		return err
	}
	state, release, err := claim()
	if err != nil {
		return err
	}
	defer release()
	net, err := network()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	if s.dir == "" {
		s.dir = filepath.Join(filepath.Dir(state), "nodes")
		defer os.RemoveAll(s.dir)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if net.Local() && s.link != (netlab.Link{}) {
		return fmt.Errorf("-rate: %w", netlab.ErrUnprivileged)
	}
	setup := netlab.Setup{Binary: binary, Dir: s.dir, Key: filepath.Join(s.dir, "mesh.key"), Flags: s.flags}
	nodes, err := net.Row(ctx, netlab.Names("kn", n), s.link, setup)
	if err != nil {
		return err
	}
	if err := netlab.StartAll(ctx, nodes); err != nil {
		return err
	}
	if err := save(state, binary, nodes); err != nil {
		return err
	}
	announce(nodes, net.Local())
	watch(ctx, nodes)
	return stopAll(nodes)
}

// network returns an empty lab, of namespaces where they can be made.
func network() (*netlab.Lab, error) {
	net, err := netlab.New()
	if errors.Is(err, netlab.ErrUnprivileged) {
		fmt.Fprintf(os.Stderr, "lab: %v: all nodes are on this host\n", err)
		return netlab.NewLocal(), nil
	}
	if err != nil {
		return nil, err
	}
	return net, netlab.Sweep()
}

// announce says what there is and how to use it.
func announce(nodes []*netlab.Node, local bool) {
	for _, n := range nodes {
		where := "this host"
		if !local {
			where = n.Host().Addr(0).String()
		}
		fmt.Printf("%-6s %-14s files in %s\n", n.Name(), where, n.Files())
	}
	fmt.Printf("\nscripts/lab sh %s opens a prompt; Ctrl-C or scripts/lab down ends the lab\n", nodes[0].Name())
}

// watch returns when ctx ends or every node has ended, and says which end.
func watch(ctx context.Context, nodes []*netlab.Node) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan string)
	for _, n := range nodes {
		go func() { // ends with its node or with ctx
			status, err := n.Wait(ctx)
			if err == nil {
				ended <- fmt.Sprintf("%s ended with status %d: %s says why", n.Name(), status, n.Log())
			} else {
				ended <- ""
			}
		}()
	}
	for range nodes {
		if message := <-ended; message != "" {
			fmt.Fprintln(os.Stderr, "lab:", message)
		}
	}
}

// stopAll asks every node to end; the lab's Close sees to those that do not.
func stopAll(nodes []*netlab.Node) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	return netlab.StopAll(ctx, nodes)
}
