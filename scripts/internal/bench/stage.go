package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"minimega/scripts/netlab"
)

// play sets a stage for a job, has something done on it and removes all that
// was made, processes included. source is what the seeds have; "" is nothing.
func (e *env) play(ctx context.Context, j job, source string, act func(ctx context.Context, s *stage) error) (err error) {
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	dir, err := os.MkdirTemp(e.dir, "stage")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &stage{lab: lab, job: j, binary: e.binary, dir: dir, file: filepath.Base(source)}
	if err := s.set(ctx, source); err != nil {
		return err
	}
	defer s.stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return act(ctx, s)
}

// stop lets the nodes end by themselves, so that they leave nothing behind; the
// lab's Close sees to those that do not.
func (s *stage) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	_ = netlab.StopAll(ctx, s.lab.Nodes())
}

// set makes the hosts and directories.
func (s *stage) set(ctx context.Context, source string) error {
	sw, err := s.lab.AddSwitch(ctx)
	if err != nil {
		return err
	}
	for i := range s.job.seeds {
		name := "seed"
		if i > 0 {
			name = fmt.Sprintf("seed%d", i+1)
		}
		h, files, err := s.host(ctx, sw, name, s.job.up)
		if err != nil {
			return err
		}
		s.seeds, s.seedDirs = append(s.seeds, h), append(s.seedDirs, files)
		if source == "" {
			continue
		}
		if err := os.Link(source, filepath.Join(files, s.file)); err != nil {
			return err
		}
	}
	for i, name := range netlab.Names("kn", s.fetching()) {
		link := s.job.link
		if i >= s.job.receivers {
			link = s.job.slow
		}
		h, files, err := s.host(ctx, sw, name, link)
		if err != nil {
			return err
		}
		s.receivers, s.dirs = append(s.receivers, h), append(s.dirs, files)
	}
	return s.load()
}

// fetching returns how many hosts fetch.
func (s *stage) fetching() int {
	if s.job.slow == (netlab.Link{}) {
		return s.job.receivers
	}
	return s.job.receivers + 1
}

// host makes a host and its directory.
func (s *stage) host(ctx context.Context, sw *netlab.Switch, name string, link netlab.Link) (*netlab.Host, string, error) {
	h, err := s.lab.AddHost(ctx, name)
	if err != nil {
		return nil, "", err
	}
	if err := h.Join(ctx, sw, link); err != nil {
		return nil, "", err
	}
	files := filepath.Join(s.dir, name, "files")
	return h, files, os.MkdirAll(files, 0o755)
}

// load makes the ballast: twice what will be received and some more, because the
// kernel gives out other free pages as well, as far as there is memory. Holes
// that are received take none.
func (s *stage) load() error {
	if s.job.content == netlab.Sparse || s.job.size == 0 {
		return nil
	}
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return os.NewSyscallError("sysinfo", err)
	}
	size := 2*s.job.size*int64(s.fetching()) + 512<<20
	size = min(size, int64(info.Freeram)*int64(info.Unit)*3/4)
	s.ballast = filepath.Join(s.dir, "ballast")
	return netlab.MakeFile(s.ballast, size, netlab.Zero, 1)
}

// mesh starts the program on every host and returns when all see all: the seeds
// first, then the receivers.
func (s *stage) mesh(ctx context.Context) (seeds, receivers []*netlab.Node, err error) {
	setup := netlab.Setup{Binary: s.binary, Dir: s.dir, Key: filepath.Join(s.dir, "mesh.key")}
	var nodes []*netlab.Node
	for _, h := range slices.Concat(s.seeds, s.receivers) {
		nodes = append(nodes, h.AddNode(h.Name(), setup))
	}
	if err := netlab.StartAll(ctx, nodes); err != nil {
		return nil, nil, err
	}
	return nodes[:len(s.seeds)], nodes[len(s.seeds):], netlab.AwaitMesh(ctx, nodes, len(nodes))
}

// renew ends nodes and starts them again, with what they keep but the files at
// without.
func (s *stage) renew(ctx context.Context, nodes []*netlab.Node, without ...string) error {
	if err := netlab.StopAll(ctx, nodes); err != nil {
		return err
	}
	for _, path := range without {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	if err := netlab.StartAll(ctx, nodes); err != nil {
		return err
	}
	return netlab.AwaitMesh(ctx, nodes, len(nodes))
}

// verify compares what the receivers have with the source.
func (s *stage) verify(source string) error {
	want, err := netlab.Sum(source)
	if err != nil {
		return err
	}
	for _, dir := range s.awaited() {
		got, err := netlab.Sum(filepath.Join(dir, s.file))
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s is not the source", filepath.Join(dir, s.file))
		}
	}
	return nil
}

// awaitFiles waits until a file is in each of the directories.
func awaitFiles(ctx context.Context, dirs []string, name string) error {
	left := dirs
	return netlab.Until(ctx, name, func() bool {
		for len(left) > 0 {
			if _, err := os.Stat(filepath.Join(left[0], name)); err != nil {
				return false
			}
			left = left[1:]
		}
		return true
	})
}
