package main

import (
	"context"
	"fmt"
	"time"

	"minimega/mesh/topology/sim"
)

// crowd is many nodes of the mesh's protocol, simulated in this process: no
// machine is large enough for that many of the program itself.
type crowd struct {
	nodes, degree int
	met           time.Duration // from when the last one came until all see all
	idle          int64         // bytes a second that a node sends at rest
	missed        time.Duration // until all others know of one that fell silent
}

func (c crowd) run(ctx context.Context, e *env) ([]figure, error) {
	if !e.uses(ours) {
		return nil, nil
	}
	f, err := sim.Measure(ctx, max(3, e.count(c.nodes)), c.degree) // each run is the same: one is enough
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("%.2f s; %d B/s; %.1f s", f.Met.Seconds(), f.Idle, f.Missed.Seconds())
	return []figure{{ours, text, judge(f.Met <= c.met && f.Idle <= c.idle && f.Missed <= c.missed)}}, nil
}
