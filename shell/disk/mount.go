package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxDevices is how many network block devices are tried.
const maxDevices = 64

// sector is what partition tables count in, in bytes.
const sector = 512

// attach returns a file or a device that has the bytes that a machine sees of
// the image. Call detach when it is not mounted any more.
func (t tools) attach(ctx context.Context) (view string, detach func() error, err error) {
	format, err := format(ctx, t.image)
	if err != nil {
		return "", nil, err
	}
	if format == "raw" {
		return t.image, func() error { return nil }, nil
	}
	for i := range maxDevices {
		device := fmt.Sprintf("/dev/nbd%d", i)
		if _, err := os.Stat(device); err != nil {
			break
		}
		if _, err := os.Stat(fmt.Sprintf("/sys/block/nbd%d/pid", i)); err == nil {
			continue // somebody has it
		}
		if err := t.run(ctx, "qemu-nbd", "--connect="+device, "--format="+format, t.image); err != nil {
			return "", nil, err
		}
		return device, func() error { return t.run(ctx, "qemu-nbd", "--disconnect", device) }, nil
	}
	return "", nil, fmt.Errorf("[image %s] must be raw where no /dev/nbd is free, but is %s: shell modprobe nbd makes some", t.image, format)
}

// place is where a file system lies, in bytes. The zero place is all.
type place struct{ offset, size int64 }

// locate returns where the partition of that number lies: the only one where
// number is "", and all where it is none or there are none.
func locate(ctx context.Context, path, view, number string) (place, error) {
	if number == "none" {
		return place{}, nil
	}
	parts, err := partitions(ctx, view)
	if err != nil {
		return place{}, fmt.Errorf("[image %s] %w", path, err)
	}
	switch found, ok := parts[number]; {
	case ok:
		return found, nil
	case number != "":
		return place{}, fmt.Errorf("[image %s] must have a partition %s, but has %d: :none takes all of it", path, number, len(parts))
	case len(parts) > 1:
		return place{}, fmt.Errorf("[image %s] please specify a partition; multiple found: as in IMAGE:1", path)
	}
	for _, only := range parts {
		return only, nil
	}
	return place{}, nil
}

// partitions returns what the partition table says, by number; none where there
// is no table.
func partitions(ctx context.Context, view string) (map[string]place, error) {
	text, err := exec.CommandContext(ctx, "partx", "--raw", "--noheadings", "--output", "NR,START,SECTORS", view).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: disk inject needs it: install util-linux", err)
	}
	all := map[string]place{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) != 3 {
			continue
		}
		start, err1 := strconv.ParseInt(words[1], 10, 64)
		count, err2 := strconv.ParseInt(words[2], 10, 64)
		if err1 == nil && err2 == nil {
			all[words[0]] = place{start * sector, count * sector}
		}
	}
	return all, nil
}

// mount mounts the file system of view at a new directory. Call unmount when
// all has been done there.
func (t tools) mount(ctx context.Context, view string, at place, options []string) (dir string, unmount func() error, err error) {
	if dir, err = os.MkdirTemp("", "minimega_inject_"); err != nil {
		return "", nil, err
	}
	flags := "loop,nosuid,nodev,noexec"
	if at != (place{}) {
		flags += fmt.Sprintf(",offset=%d,sizelimit=%d", at.offset, at.size)
	}
	words := append([]string{"-o", flags}, options...)
	if err := t.run(ctx, "mount", append(words, "--", view, dir)...); err != nil {
		return "", nil, errors.Join(err, t.abandon(ctx, dir))
	}
	return dir, func() error { return t.unmount(ctx, dir) }, nil
}

// abandon removes dir where mounting there failed. A mount that was killed may
// have come so far that there is something to detach.
func (t tools) abandon(ctx context.Context, dir string) error {
	if err := os.Remove(dir); !errors.Is(err, syscall.EBUSY) {
		return err
	}
	return errors.Join(t.run(ctx, "umount", "--lazy", dir), os.Remove(dir))
}

// unmount takes away the file system at dir, and dir. One that is busy, or does
// not take its bytes in time, is detached, which is an error all the same: the
// kernel goes on with it, and the image is in use until then.
func (t tools) unmount(ctx context.Context, dir string) error {
	err := t.run(ctx, "umount", dir)
	if err == nil {
		return os.Remove(dir)
	}
	if lazy := t.run(ctx, "umount", "--lazy", dir); lazy != nil {
		return errors.Join(err, lazy)
	}
	return errors.Join(fmt.Errorf("%w: %w", err, ErrDetached), os.Remove(dir))
}

// change copies pairs into the file system at dir, and deletes paths there.
func change(ctx context.Context, dir string, pairs []pair, deleted []string) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, p := range pairs {
		if err := inject(ctx, root, p); err != nil {
			return err
		}
	}
	for _, path := range deleted {
		if err := root.RemoveAll(inside(path)); err != nil {
			return err
		}
	}
	return nil
}

// inside returns a path of an image as one below its root.
func inside(path string) string { return filepath.Join(".", filepath.Clean("/"+path)) }
