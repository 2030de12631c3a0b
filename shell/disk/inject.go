package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Failures of injecting.
var (
	ErrPairs = errors.New("malformed command; expected src:dst pairs")
	ErrInUse = errors.New("must not be in use, but is: stop what uses it first")

	// ErrDetached reports that what was injected is not known to be written.
	ErrDetached = errors.New("the image is written when what keeps it ends: do not use it before `losetup -a` no longer shows it")
)

// An Injection is files to be put into the file system of an image, or to be
// deleted there.
type Injection struct {
	Image   string   // may end in :N, the number of a partition, or :none, where it has no partitions
	Options []string // more words for mount(8)
	Pairs   []string // SRC:DST; a relative SRC is below the files directory
	Delete  []string // paths in the image
}

// part is how the end of an image's name says which partition is meant.
var part = regexp.MustCompile(`^(.+):([0-9]+|none)$`)

// Inject mounts a file system of an image, which needs root, and copies files
// into it or deletes some. Where it fails half of them may have been. No link
// in the image leads out of it.
func (m Images) Inject(ctx context.Context, in Injection) (err error) {
	name, number := in.Image, ""
	if found := part.FindStringSubmatch(name); found != nil {
		name, number = found[1], found[2]
	}
	path, err := m.Path(name)
	if err != nil {
		return err
	}
	pairs, err := m.pairs(in.Pairs)
	if err != nil {
		return err
	}
	release, err := claim(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	use := tools{path, cmp.Or(m.Within, toolWithin)}
	view, detach, err := use.attach(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, detach()) }()
	where, err := locate(ctx, path, view, number)
	if err != nil {
		return err
	}
	return isolated(func() error { return use.change(ctx, view, where, in, pairs) })
}

// change mounts what lies there in view, copies and deletes, and unmounts it.
func (t tools) change(ctx context.Context, view string, where place, in Injection, pairs []pair) (err error) {
	dir, unmount, err := t.mount(ctx, view, where, in.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unmount()) }()
	if err := change(ctx, dir, pairs, in.Delete); err != nil {
		return fmt.Errorf("[image %s] %w", t.image, err)
	}
	return nil
}

// A pair is a file or a directory of this host, and its path in an image.
type pair struct{ src, dst string }

// pairs reads SRC:DST. Its error wraps [ErrPairs] or [ErrName].
func (m Images) pairs(words []string) ([]pair, error) {
	var all []pair
	for _, word := range words {
		src, dst, ok := strings.Cut(word, ":")
		if !ok || src == "" || dst == "" || strings.Contains(dst, ":") {
			return nil, fmt.Errorf("%w, but is %q", ErrPairs, word)
		}
		path, err := m.Path(src)
		if err != nil {
			return nil, err
		}
		all = append(all, pair{path, dst})
	}
	return all, nil
}

// claim makes sure that nothing else writes to an image: two mounts of one file
// system would spoil it.
func claim(ctx context.Context, path string) (release func() error, err error) {
	if _, inUse, err := look(ctx, path); err != nil {
		return nil, err
	} else if inUse {
		return nil, fmt.Errorf("[image %s] %w", path, ErrInUse)
	}
	if device := keptBy(ctx, path); device != "" {
		return nil, fmt.Errorf("[image %s] %w: %s has it", path, ErrInUse, device)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("[image %s] %w", path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("[image %s] %w", path, ErrInUse), f.Close())
	}
	return f.Close, nil
}

// keptBy returns the loop device that has the file at path and keeps it, or "".
// The kernel may let one go a moment after it was unmounted.
func keptBy(ctx context.Context, path string) (device string) {
	again := time.NewTicker(letGo / 50)
	defer again.Stop()
	for range 50 {
		if device = looped(path); device == "" {
			break
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return device
		}
	}
	return device
}

// letGo is how long the kernel may take to let a loop device go.
const letGo = time.Second

// looped returns the loop device that has the file at path, or "".
func looped(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return ""
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.TrimSuffix(string(text), "\n") == real {
			return "/dev/" + strings.Split(file, "/")[3]
		}
	}
	return ""
}
