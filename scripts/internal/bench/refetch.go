package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"minimega/scripts/netlab"
)

// refetch is a file of which a host has an older version, of another name.
type refetch struct {
	size    int64
	block   int64   // what changes, changes in whole blocks
	changed float64 // share of the blocks
	most    float64 // of the size, that may cross the network
}

// newer is the name of the changed file.
const newer = "newer.img"

func (r refetch) run(ctx context.Context, e *env) ([]figure, error) {
	r.size = e.size(r.size)
	older, remove, err := e.source("file.img", func(path string) error { return netlab.MakeFile(path, r.size, netlab.Random, 1) })
	if err != nil {
		return nil, err
	}
	defer remove()
	changed, remove, err := e.source(newer, func(path string) error { return r.change(older, path) })
	if err != nil {
		return nil, err
	}
	defer remove()
	var figures []figure
	var errs []error
	for _, tool := range []struct {
		name  string
		fetch func(ctx context.Context, s *stage, older, changed string) (float64, error)
	}{{ours, r.ours}, {"rsync", r.rsync}} {
		if !e.uses(tool.name) {
			continue
		}
		runs, err := repeat(e, func() (share float64, err error) {
			err = e.play(ctx, fan(1, 0, r.size, netlab.Random), older, func(ctx context.Context, s *stage) error {
				share, err = tool.fetch(ctx, s, older, changed)
				s.file = newer
				return errors.Join(err, s.verify(changed))
			})
			return share, err
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", tool.name, err))
			continue
		}
		share := sampleOf(runs, func(v float64) float64 { return v })
		f := figure{tool: tool.name, text: share.text("%.3f")}
		if tool.name == ours {
			f.met = judge(share.median() <= r.most)
		}
		figures = append(figures, f)
	}
	return figures, errors.Join(errs...)
}

// change writes a copy of a file with some of its blocks made anew.
func (r refetch) change(from, to string) (err error) {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	chacha := rand.NewChaCha8([32]byte{1: 1})
	blocks := rand.New(chacha).Perm(int(r.size / r.block))
	for _, b := range blocks[:max(1, int(r.changed*float64(len(blocks))))] {
		chacha.Read(content[int64(b)*r.block:][:r.block])
	}
	return os.WriteFile(to, content, 0o644)
}

// ours fetches the older version, then the changed one, and returns the share
// of its bytes that the receiver's interface carried.
func (r refetch) ours(ctx context.Context, s *stage, _, changed string) (float64, error) {
	_, receivers, err := s.mesh(ctx)
	if err != nil {
		return 0, err
	}
	conns, err := connect(ctx, receivers)
	if err != nil {
		return 0, err
	}
	defer hangUp(conns)
	if _, err := s.begin(ctx); err != nil {
		return 0, err
	}
	if err := fetch(ctx, conns, s.dirs, s.file); err != nil {
		return 0, err
	}
	if err := os.Link(changed, filepath.Join(s.seedDirs[0], newer)); err != nil {
		return 0, err
	}
	return r.share(ctx, s, func() error { return fetch(ctx, conns, s.dirs, newer) })
}

// rsync has the older version under the new name already: it compares files of
// one name.
func (r refetch) rsync(ctx context.Context, s *stage, older, changed string) (float64, error) {
	server, url, err := rsyncServer(ctx, s)
	if err != nil {
		return 0, err
	}
	defer server.end()
	if err := os.Link(changed, filepath.Join(s.seedDirs[0], newer)); err != nil {
		return 0, err
	}
	content, err := os.ReadFile(older)
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(filepath.Join(s.dirs[0], newer), content, 0o644); err != nil {
		return 0, err
	}
	return r.share(ctx, s, func() error {
		out, err := s.receivers[0].Command(ctx, "rsync", "--no-whole-file", "--ignore-times", url+newer, s.dirs[0]+"/").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// share returns what the receiver's interface carries, both ways, while fetch
// runs, as a share of the file's size.
func (r refetch) share(ctx context.Context, s *stage, fetch func() error) (float64, error) {
	sent, received, err := s.receivers[0].Carried(ctx, 0)
	if err != nil {
		return 0, err
	}
	if err := fetch(); err != nil {
		return 0, err
	}
	sent2, received2, err := s.receivers[0].Carried(ctx, 0)
	return float64(sent2-sent+received2-received) / float64(r.size), err
}
