package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"minimega/scripts/netlab"
)

// env is what all rows share.
type env struct {
	binary string
	dir    string // on a tmpfs; this process's own, which is removed at the end
	tools  []string
	times  int   // repetitions of each figure, at least 1
	shrink int64 // sizes and counts are divided by it
	cold   int64 // size of the file of P11, in bytes
	points *chart
}

// size returns a size as this run has it, in whole 64 KiB.
func (e *env) size(n int64) int64 { return max(1<<20, n/e.shrink) &^ (1<<16 - 1) }

// count returns a number of files as this run has it.
func (e *env) count(n int) int { return max(1, n/int(e.shrink)) }

// uses reports whether a tool is to be measured.
func (e *env) uses(tool string) bool { return slices.Contains(e.tools, tool) }

// atLeast returns e with no fewer repetitions than n, for figures that are as
// restless as the machine.
func (e *env) atLeast(n int) *env {
	more := *e
	more.times = max(e.times, n)
	return &more
}

// repeat measures e.times times.
func repeat[T any](e *env, once func() (T, error)) ([]T, error) {
	all := make([]T, 0, e.times)
	for range e.times {
		one, err := once()
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// prepare says what is missing before anything is measured, and makes the
// directory that all files are made in.
func (e *env) prepare(tmpfs string) error {
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	if err := errors.Join(lab.Close(), netlab.Sweep()); err != nil {
		return err
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(tmpfs, &fs); err != nil {
		return err
	}
	const magic = 0x01021994
	if fs.Type != magic {
		return fmt.Errorf("-dir %s: must be on a tmpfs, so that disks are not what is measured", tmpfs)
	}
	if err := sweep(tmpfs); err != nil {
		return err
	}
	e.dir, err = os.MkdirTemp(tmpfs, fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	return err
}

// dirPrefix begins the name of every directory that a benchmark makes; its
// process ID follows.
const dirPrefix = "minimega-bench-"

// sweep removes what benchmarks left that were killed.
func sweep(tmpfs string) error {
	left, err := filepath.Glob(filepath.Join(tmpfs, dirPrefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range left {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		pid, err := strconv.Atoi(number)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}
