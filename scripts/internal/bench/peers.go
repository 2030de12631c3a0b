package main

import (
	"bytes"
	"cmp"
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
const startTime = 30 * time.Second

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
	err := netlab.Until(ctx, s.cmd.String(), func() bool {
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
// the first seed.
func rsync(ctx context.Context, s *stage) (outcome, error) {
	server, url, err := rsyncServer(ctx, s)
	if err != nil {
		return outcome{}, err
	}
	defer server.end()
	began, err := s.begin(ctx)
	if err != nil {
		return outcome{}, err
	}
	err = together(s, func(i int) *exec.Cmd {
		return s.receivers[i].Command(ctx, "rsync", "--whole-file", url+s.file, s.dirs[i]+"/")
	})
	if err != nil {
		return outcome{}, err
	}
	return s.since(ctx, began)
}

// rsyncServer starts an rsync daemon on the first seed and returns the address
// of its files.
func rsyncServer(ctx context.Context, s *stage) (server *service, url string, err error) {
	config := filepath.Join(s.dir, "rsyncd.conf")
	text := fmt.Sprintf("use chroot = no\nreverse lookup = no\nuid = 0\ngid = 0\nlog file = %s.log\n[files]\npath = %s\nread only = yes\n", config, s.seedDirs[0])
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, "", err
	}
	if server, err = serve(ctx, s.seeds[0], "rsync", "--daemon", "--no-detach", "--port=8730", "--config="+config); err != nil {
		return nil, "", err
	}
	url = fmt.Sprintf("rsync://%s:8730/files/", s.seeds[0].Addr(0))
	err = server.ready(ctx, func() bool {
		return s.seeds[0].Command(ctx, "rsync", url).Run() == nil
	})
	if err != nil {
		server.end()
		return nil, "", err
	}
	return server, url, nil
}

// iperf3 measures the raw link for four seconds and returns how long the
// job's bytes would take.
func iperf3(ctx context.Context, s *stage) (outcome, error) {
	server, err := serve(ctx, s.receivers[0], "iperf3", "--server")
	if err != nil {
		return outcome{}, err
	}
	defer server.end()
	var bits float64 // a second
	err = server.ready(ctx, func() bool {
		bits, err = iperf3Client(ctx, s.seeds[0], s.receivers[0].Addr(0).String())
		return err == nil
	})
	if err != nil {
		return outcome{}, err
	}
	return outcome{took: time.Duration(float64(s.job.size) * 8 / bits * float64(time.Second))}, nil
}

// iperf3Client sends to a server for four seconds and returns the bits a second
// that came there. It fails while the server is not ready.
func iperf3Client(ctx context.Context, from *netlab.Host, to string) (float64, error) {
	out, err := from.Command(ctx, "iperf3", "--client", to, "--time", "4", "--json").Output()
	if err != nil {
		return 0, err
	}
	var report struct {
		Error string
		End   struct {
			Received struct {
				Rate float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return 0, err
	}
	if report.Error != "" || report.End.Received.Rate <= 0 { // also with status 0
		return 0, fmt.Errorf("iperf3: %s", cmp.Or(report.Error, "measured nothing"))
	}
	return report.End.Received.Rate, nil
}

// aria2 fetches by BitTorrent: the seeds and every receiver in one swarm, with
// a tracker on the first seed's host.
func aria2(ctx context.Context, s *stage) (outcome, error) {
	tracker := newTracker()
	listener, err := s.seeds[0].Listen(net.JoinHostPort(s.seeds[0].Addr(0).String(), "6969"))
	if err != nil {
		return outcome{}, err
	}
	stop := tracker.serve(listener)
	defer stop()
	torrent := filepath.Join(s.dir, "file.torrent")
	announce := fmt.Sprintf("http://%s/announce", listener.Addr())
	if err := writeTorrent(torrent, filepath.Join(s.seedDirs[0], s.file), announce); err != nil {
		return outcome{}, err
	}
	hook := filepath.Join(s.dir, "complete")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\n: >\"$3.done\"\n"), 0o700); err != nil {
		return outcome{}, err
	}
	for i, h := range s.seeds {
		seed, err := serve(ctx, h, "aria2c", append(aria2Flags(s.seedDirs[i]), "--bt-seed-unverified=true", torrent)...)
		if err != nil {
			return outcome{}, err
		}
		defer seed.end()
		if err := seed.ready(ctx, func() bool { return tracker.count() == i+1 }); err != nil {
			return outcome{}, err
		}
	}
	began, err := s.begin(ctx)
	if err != nil {
		return outcome{}, err
	}
	for i, h := range s.receivers {
		peer, err := serve(ctx, h, "aria2c", append(aria2Flags(s.dirs[i]), "--on-bt-download-complete="+hook, torrent)...)
		if err != nil {
			return outcome{}, err
		}
		defer peer.end()
	}
	if err := awaitFiles(ctx, s.awaited(), s.file+".done"); err != nil {
		return outcome{}, err
	}
	return s.since(ctx, began)
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
