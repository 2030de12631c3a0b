package store

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"minimega/mesh/wire"
)

// TestASwappedDirectoryIsNoWayOut changes a directory for a link that leads
// outside, and back, as fast as it can, while files in it are read and written.
func TestASwappedDirectoryIsNoWayOut(t *testing.T) {
	top := t.TempDir()
	dir, outside := filepath.Join(top, "files"), filepath.Join(top, "outside")
	s := open(t, dir)
	put(t, dir, "d/f", []byte("inside!!"))
	put(t, outside, "f", []byte("sentinel"))
	link(t, dir, "../outside", "away")
	before := snapshot(t, outside)
	stop := make(chan struct{})
	var racer sync.WaitGroup
	racer.Go(func() {
		at := func(name string) string { return filepath.Join(dir, name) }
		for {
			select {
			case <-stop:
				return
			default:
			}
			os.Rename(at("d"), at("kept"))
			os.Rename(at("away"), at("d"))
			os.Rename(at("d"), at("away"))
			os.Rename(at("kept"), at("d"))
		}
	})
	data := noise(100, 1)
	m := manifestOf(t, data)
	inside := 0
	for range 300 {
		if f, err := s.Source("d/f"); err == nil {
			b := make([]byte, 8)
			if f.ReadAt(b, 0); bytes.Equal(b, []byte("sentinel")) {
				t.Error("the sentinel was read")
			}
			f.Close()
			inside++
		}
		s.List("/", true)
		s.Match("d")
		s.Delete("d/new")
		p, err := s.Create("d/new", wire.Meta{Mode: 0o644}, m)
		if err != nil {
			continue
		}
		fill(t, p, data)
		if p.Publish() != nil {
			p.Abandon()
		}
	}
	close(stop)
	racer.Wait()
	if got := snapshot(t, outside); got != before {
		t.Errorf("outside: %s, was %s", got, before)
	}
	t.Logf("inside %d times of 300", inside)
}
