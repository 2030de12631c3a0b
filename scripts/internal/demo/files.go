package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"minimega/scripts/netlab"
)

// stock fills a files directory.
func stock(ctx context.Context, dir string) error {
	for _, sub := range []string{"base", "tools/bin", "tools/empty"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	for i, f := range []struct {
		name    string
		size    int64
		content netlab.Content
		mode    fs.FileMode
	}{
		{"bigfile", 256 << 20, netlab.Random, 0o644},
		{"tools/bin/run", 3 << 20, netlab.Text, 0o755},
		{"tools/notes.txt", 4000, netlab.Text, 0o640},
	} {
		path := filepath.Join(dir, f.name)
		if err := netlab.MakeFile(path, f.size, f.content, uint64(i)); err != nil {
			return err
		}
		if err := os.Chmod(path, f.mode); err != nil {
			return err
		}
	}
	return disk(ctx, dir)
}

// disk makes foo.qcow2 on top of base/os.qcow2, which holds 24 MiB.
func disk(ctx context.Context, dir string) error {
	raw := filepath.Join(filepath.Dir(dir), "os.raw")
	if err := netlab.MakeFile(raw, 192<<20, netlab.Image, 7); err != nil {
		return err
	}
	defer os.Remove(raw)
	if _, err := exec.LookPath("qemu-img"); err != nil {
		say("qemu-img is not installed: foo.qcow2 is a raw image")
		return os.Rename(raw, filepath.Join(dir, "foo.qcow2"))
	}
	for _, args := range [][]string{
		{"convert", "-f", "raw", "-O", "qcow2", raw, "base/os.qcow2"},
		{"create", "-q", "-f", "qcow2", "-b", "base/os.qcow2", "-F", "qcow2", "foo.qcow2"},
	} {
		cmd := exec.CommandContext(ctx, "qemu-img", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("qemu-img %s: %w: %s", args[0], err, out)
		}
	}
	return nil
}

// compare looks for everything that is below want in got too, with the same
// contents and permissions, and returns how many there were.
func compare(want, got string) (n int, err error) {
	err = filepath.WalkDir(want, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(want, path)
		switch {
		case err != nil || rel == ".":
			return err
		case rel == ".minimega": // what the node itself keeps
			return fs.SkipDir
		}
		n++
		return match(path, filepath.Join(got, rel))
	})
	return n, err
}

// match compares two files or directories.
func match(a, b string) error {
	x, err := os.Lstat(a)
	if err != nil {
		return err
	}
	y, err := os.Lstat(b)
	if err != nil {
		return err
	}
	if x.Mode() != y.Mode() {
		return fmt.Errorf("%s: must have mode %v, but has %v", b, x.Mode(), y.Mode())
	}
	if x.IsDir() {
		return nil
	}
	first, err := netlab.Sum(a)
	if err != nil {
		return err
	}
	second, err := netlab.Sum(b)
	if err == nil && first != second {
		err = fmt.Errorf("%s: must be %s, but is %s", b, first, second)
	}
	return err
}
