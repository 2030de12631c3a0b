package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"minimega/scripts/netlab"
)

// startTime is how long a peer's program may take to be ready.
const startTime = 15 * time.Second

// service is a program that runs on a host while a file is fetched.
type service struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{} // closed when the program has ended
}

// serve starts a program on a host.
func serve(ctx context.Context, h *netlab.Host, name string, args ...string) (*service, error) {
	s := &service{cmd: h.Command(ctx, name, args...), done: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // end waits for it
		defer close(s.done)
		_ = s.cmd.Wait()
	}()
	return s, nil
}

// ready waits until up says so. The error holds what the program wrote when it
// ended instead.
func (s *service) ready(ctx context.Context, up func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	ended := false
	err := await(ctx, s.cmd.String(), func() bool {
		select {
		case <-s.done:
			ended = true
		default:
		}
		return ended || up()
	})
	if ended {
		return fmt.Errorf("%s ended: %s", s.cmd, s.out.Bytes())
	}
	return err
}

// end kills the program and waits for it.
func (s *service) end() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.done
}

// together runs a command on each receiver at once and waits for all.
func together(s *stage, command func(i int) *exec.Cmd) error {
	errs := make(chan error)
	for i := range s.receivers {
		go func() {
			out, err := command(i).CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%s: %w: %s", s.receivers[i].Name(), err, out)
			}
			errs <- err
		}()
	}
	var all []error
	for range s.receivers {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// rsync fetches from an rsync daemon: each receiver takes the whole file from
// the seed.
func rsync(ctx context.Context, s *stage) (time.Duration, error) {
	config := filepath.Join(s.dir, "rsyncd.conf")
	text := fmt.Sprintf("use chroot = no\nreverse lookup = no\nuid = 0\ngid = 0\nlog file = %s.log\n[files]\npath = %s\nread only = yes\n", config, s.seedDir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return 0, err
	}
	server, err := serve(ctx, s.seed, "rsync", "--daemon", "--no-detach", "--port=8730", "--config="+config)
	if err != nil {
		return 0, err
	}
	defer server.end()
	url := fmt.Sprintf("rsync://%s:8730/files/", s.seed.Addr(0))
	err = server.ready(ctx, func() bool {
		return s.seed.Command(ctx, "rsync", url).Run() == nil
	})
	if err != nil {
		return 0, err
	}
	start, err := s.begin()
	if err != nil {
		return 0, err
	}
	err = together(s, func(i int) *exec.Cmd {
		return s.receivers[i].Command(ctx, "rsync", "--whole-file", url+s.file, s.dirs[i]+"/")
	})
	return time.Since(start), err
}

// iperf3 measures the raw link for four seconds and returns how long the
// job's bytes would take.
func iperf3(ctx context.Context, s *stage) (time.Duration, error) {
	server, err := serve(ctx, s.receivers[0], "iperf3", "--server")
	if err != nil {
		return 0, err
	}
	defer server.end()
	address := s.receivers[0].Addr(0).String()
	var out []byte
	err = server.ready(ctx, func() bool {
		out, err = s.seed.Command(ctx, "iperf3", "--client", address, "--time", "4", "--json").Output()
		return err == nil
	})
	if err != nil {
		return 0, err
	}
	var report struct {
		End struct {
			Received struct {
				Rate float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return 0, err
	}
	if report.End.Received.Rate <= 0 {
		return 0, errors.New("iperf3 measured nothing")
	}
	return time.Duration(float64(s.size) * 8 / report.End.Received.Rate * float64(time.Second)), nil
}

// aria2 fetches by BitTorrent: the seed and every receiver in one swarm, with
// a tracker on the seed's host.
func aria2(ctx context.Context, s *stage) (time.Duration, error) {
	tracker := newTracker()
	listener, err := s.seed.Listen(net.JoinHostPort(s.seed.Addr(0).String(), "6969"))
	if err != nil {
		return 0, err
	}
	stop := tracker.serve(listener)
	defer stop()
	torrent := filepath.Join(s.dir, "file.torrent")
	announce := fmt.Sprintf("http://%s/announce", listener.Addr())
	if err := writeTorrent(torrent, filepath.Join(s.seedDir, s.file), announce); err != nil {
		return 0, err
	}
	hook := filepath.Join(s.dir, "complete")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\n: >\"$3.done\"\n"), 0o700); err != nil {
		return 0, err
	}
	seed, err := serve(ctx, s.seed, "aria2c", append(aria2Flags(s.seedDir), "--bt-seed-unverified=true", torrent)...)
	if err != nil {
		return 0, err
	}
	defer seed.end()
	if err := seed.ready(ctx, func() bool { return tracker.count() == 1 }); err != nil {
		return 0, err
	}
	start, err := s.begin()
	if err != nil {
		return 0, err
	}
	for i, h := range s.receivers {
		peer, err := serve(ctx, h, "aria2c", append(aria2Flags(s.dirs[i]), "--on-bt-download-complete="+hook, torrent)...)
		if err != nil {
			return 0, err
		}
		defer peer.end()
	}
	err = awaitFiles(ctx, s.dirs, s.file+".done")
	return time.Since(start), err
}

// aria2Flags keeps aria2 to the tracker, without limits of its own, and lets
// it seed what it has.
func aria2Flags(dir string) []string {
	return []string{
		"--no-conf", "--quiet", "--dir=" + dir, "--listen-port=6881", "--disable-ipv6",
		"--enable-dht=false", "--bt-enable-lpd=false", "--enable-peer-exchange=true",
		"--seed-ratio=0.0", "--file-allocation=none", "--allow-overwrite=true",
		"--bt-request-peer-speed-limit=1000M", "--bt-max-peers=0", "--bt-tracker-interval=2",
	}
}
