package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"minimega/scripts/netlab"
)

func TestCrumblingLeavesOnePageInEachMiB(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "crumble")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "ballast")
	const size = 8<<20 + 512<<10
	if err := netlab.MakeFile(path, size, netlab.Zero, 1); err != nil {
		t.Fatal(err)
	}
	if err := crumble(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	kept := info.Sys().(*syscall.Stat_t).Blocks * 512
	if want := 9 * int64(os.Getpagesize()); info.Size() != size || kept != want {
		t.Errorf("%d bytes, of which %d take memory; want %d, %d", info.Size(), kept, size, want)
	}
}
