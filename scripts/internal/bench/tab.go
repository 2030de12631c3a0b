package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"minimega/scripts/netlab"
)

// tab is Tab behind `file:` in a mesh of many names. Each question is about
// another beginning of a name, so that no answer is known already, and is asked
// at the socket, as a prompt that is attached asks it.
type tab struct {
	nodes, files int           // files of each node
	quiet        time.Duration // until 99 of 100 answers are there, that is aimed at
	trouble      time.Duration // the same with a node stopped, and with the link saturated
}

// Sizes of the questions.
const (
	beginnings = 100 // of names, each of which every node has as many of
	questions  = 100 // in each state
)

// fresh is how long a directory that has changed is read again for each
// question; what is measured are directories that people come back to.
const fresh = 3 * time.Second

// tabRun is how long the answers took in each state, in seconds, and what share
// of the names they lacked.
type tabRun struct {
	took    [3]sample
	lacking [3]float64
}

func (t tab) run(ctx context.Context, e *env) ([]figure, error) {
	if !e.uses(ours) {
		return nil, nil
	}
	t.files = max(beginnings, e.count(t.files)/beginnings*beginnings)
	runs, err := repeat(e, func() (r tabRun, err error) {
		err = e.play(ctx, fan(t.nodes-1, 0, 0, netlab.Random), "", func(ctx context.Context, s *stage) error {
			r, err = t.ask(ctx, s)
			return err
		})
		return r, err
	})
	if err != nil {
		return nil, err
	}
	return []figure{t.figure(runs)}, nil
}

func (t tab) figure(runs []tabRun) figure {
	var text []string
	good := true
	for i, most := range []time.Duration{t.quiet, t.trouble, t.trouble} {
		p99 := sampleOf(runs, func(r tabRun) float64 { return 1000 * r.took[i].quantile(0.99) })
		good = good && p99.median() <= float64(most.Milliseconds())
		words := p99.text("%.0f ms")
		if lacking := sampleOf(runs, func(r tabRun) float64 { return 100 * r.lacking[i] }); lacking.most() > 0 {
			words += " with " + lacking.text("%.1f %%") + " of the names lacking"
			good = false
		}
		text = append(text, words)
	}
	return figure{ours, strings.Join(text, "; "), judge(good)}
}

// ask asks at three hosts, each of which knows nothing yet: in quiet, with the
// last host's node stopped, and with the third's link full.
func (t tab) ask(ctx context.Context, s *stage) (r tabRun, err error) {
	for i, dir := range append(s.seedDirs, s.dirs...) {
		if err := t.make(dir, i); err != nil {
			return r, err
		}
	}
	made := time.Now()
	if err := s.makeBig(); err != nil {
		return r, err
	}
	_, nodes, err := s.mesh(ctx)
	if err != nil {
		return r, err
	}
	if err := netlab.Until(ctx, "the files to be old", func() bool { return time.Since(made) > fresh }); err != nil {
		return r, err
	}
	if err := t.questions(ctx, nodes[0], t.nodes, &r, 0); err != nil {
		return r, err
	}
	stopped := nodes[len(nodes)-1]
	if err := stopped.Signal(syscall.SIGSTOP); err != nil {
		return r, err
	}
	err = t.questions(ctx, nodes[1], t.nodes-1, &r, 1)
	if cerr := stopped.Signal(syscall.SIGCONT); err == nil {
		err = cerr
	}
	if err != nil {
		return r, err
	}
	if err := netlab.AwaitMesh(ctx, nodes, t.nodes); err != nil { // the stopped one may have been given up
		return r, err
	}
	if err := saturate(ctx, nodes[2]); err != nil {
		return r, err
	}
	return r, t.questions(ctx, nodes[2], t.nodes, &r, 2)
}

// make makes a node's files, without content.
func (t tab) make(dir string, node int) error {
	for i := range t.files {
		name := fmt.Sprintf("%02d-image-%02d-%05d.qcow2", i%beginnings, node, i)
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// questions asks a node and notes how long the answers take, and what they lack
// of what the given number of nodes has.
func (t tab) questions(ctx context.Context, n *netlab.Node, holders int, r *tabRun, state int) error {
	c, err := n.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	want, lacking := holders*t.files/beginnings, 0
	seconds := make(sample, 0, questions)
	for i := range questions {
		start := time.Now()
		lines, err := c.Suggest(ctx, fmt.Sprintf("file get file:%02d", i%beginnings))
		if err != nil {
			return err
		}
		seconds = append(seconds, time.Since(start).Seconds())
		lacking += max(0, want-len(lines))
	}
	r.lacking[state] = float64(lacking) / float64(want*questions)
	r.took[state] = sampleOf(seconds, func(v float64) float64 { return v })
	return nil
}
