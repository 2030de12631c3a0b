package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"minimega/scripts/netlab"
)

// mkfile writes a file, and the directories above it.
func (r *rig) mkfile(ts *testscript.TestScript, args []string) error {
	if len(args) < 2 || len(args) > 4 {
		return errUsage
	}
	n, err := size(args[1])
	if err != nil {
		return err
	}
	content, seed := netlab.Random, uint64(1)
	if len(args) > 2 {
		content = netlab.Content(args[2])
	}
	if len(args) > 3 {
		if seed, err = strconv.ParseUint(args[3], 10, 64); err != nil {
			return err
		}
	}
	path := ts.MkAbs(args[0])
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return netlab.MakeFile(path, n, content, seed)
}

// same compares the contents of two files.
func (r *rig) same(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	a, err := netlab.Sum(ts.MkAbs(args[0]))
	if err != nil {
		return err
	}
	b, err := netlab.Sum(ts.MkAbs(args[1]))
	if err == nil && a != b {
		err = fmt.Errorf("%s has %s, %s has %s", args[0], a, args[1], b)
	}
	return err
}

// meta compares type, permissions and modification time of two files or
// directories.
func (r *rig) meta(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	a, err := os.Lstat(ts.MkAbs(args[0]))
	if err != nil {
		return err
	}
	b, err := os.Lstat(ts.MkAbs(args[1]))
	if err != nil {
		return err
	}
	if a.Mode() != b.Mode() {
		return fmt.Errorf("modes %v and %v", a.Mode(), b.Mode())
	}
	if !a.ModTime().Equal(b.ModTime()) {
		return fmt.Errorf("modification times %v and %v", a.ModTime(), b.ModTime())
	}
	return nil
}

// rot changes one byte of a file on a tmpfs as a bad disk would: through a
// mapping, which leaves all of its times as they were.
func (r *rig) rot(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	at, err := size(args[1])
	if err != nil {
		return err
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return err
	}
	content, err := syscall.Mmap(int(f.Fd()), 0, int(before.Size()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	content[at] ^= 0xff
	if err := syscall.Munmap(content); err != nil {
		return err
	}
	after, err := f.Stat()
	if err == nil && after.Sys().(*syscall.Stat_t).Ctim != before.Sys().(*syscall.Stat_t).Ctim {
		err = fmt.Errorf("%s is on no tmpfs: its times have changed", args[0])
	}
	return err
}

// bytes compares a file's size, or, with -disk, bounds what it takes on disk.
func (r *rig) bytes(ts *testscript.TestScript, args []string) error {
	disk := len(args) > 0 && args[0] == "-disk"
	if disk {
		args = args[1:]
	}
	if len(args) != 2 {
		return errUsage
	}
	want, err := size(args[1])
	if err != nil {
		return err
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	if err != nil {
		return err
	}
	if got := info.Sys().(*syscall.Stat_t).Blocks * 512; disk && got > want {
		return fmt.Errorf("takes %d bytes on disk, more than %d", got, want)
	}
	if !disk && info.Size() != want {
		return fmt.Errorf("has %d bytes, not %d", info.Size(), want)
	}
	return nil
}
