package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Failures of what a user asks for.
var (
	ErrName = errors.New("bad image name")
	ErrSize = errors.New("bad size")

	ErrShrink = errors.New("an image keeps its size or grows, because what is behind a new end is lost")
)

// Images are the disk images of a node.
type Images struct {
	Dir      string // absolute; relative names are below it
	Absolute bool   // snapshots name their backing images by absolute paths

	Within time.Duration // the most that mount, umount or qemu-nbd may take; 0: five minutes
}

// Path returns where an image of that name is. Its error wraps [ErrName].
func (m Images) Path(name string) (string, error) {
	switch {
	case name == "" || strings.ContainsRune(name, 0):
		return "", fmt.Errorf("%w: must be a path, but is %q", ErrName, name)
	case filepath.IsAbs(name):
		return filepath.Clean(name), nil
	case !filepath.IsLocal(name) || filepath.Clean(name) == ".":
		return "", fmt.Errorf("%w: must be below the files directory, or an absolute path, but is %q", ErrName, name)
	}
	return filepath.Join(m.Dir, name), nil
}

// sizes are numbers with a unit that qemu-img knows.
var sizes = regexp.MustCompile(`^\+?[0-9]+(\.[0-9]+)?[bkKMGTPE]?$`)

// checkSize accepts 10G, and +1G where that makes sense.
func checkSize(size string, grow bool) error {
	if !sizes.MatchString(size) || strings.HasPrefix(size, "+") && !grow {
		example := "10G"
		if grow {
			example = "10G or +1G"
		}
		return fmt.Errorf("%w: must be a number of bytes or of K, M, G, T, P or E, such as %s, but is %q", ErrSize, example, size)
	}
	return nil
}

// Create makes an empty image of a format that qemu-img knows. What was there
// is replaced.
func (m Images) Create(ctx context.Context, format, name, size string) error {
	path, err := m.Path(name)
	if err != nil {
		return err
	}
	if err := checkSize(size, false); err != nil {
		return err
	}
	return publish(path, func(temp string) error {
		_, err := qemuImg(ctx, path, "create", "-q", "-f", format, temp, size)
		return err
	})
}

// Snapshot makes dst an image that begins as name is, and has name as its
// backing image. Where dst is "" a name is made up. It returns dst's name.
func (m Images) Snapshot(ctx context.Context, name, dst string) (string, error) {
	if dst == "" {
		dst = "snapshot" + rand.Text()[:8]
	}
	backing, err := m.Path(name)
	if err != nil {
		return "", err
	}
	path, err := m.Path(dst)
	if err != nil {
		return "", err
	}
	if path == backing {
		return "", fmt.Errorf("%w: a snapshot must not be the image that it is of, but both are %q", ErrName, name)
	}
	format, err := format(ctx, backing)
	if err != nil {
		return "", err
	}
	return dst, publish(path, func(temp string) error {
		_, err := qemuImg(ctx, path, "create", "-q", "-f", "qcow2", "-F", format, "-b", m.named(path, backing), temp)
		return err
	})
}

// Rebase makes backing the backing image of name, or makes name stand alone
// where backing is "". name reads the same as before.
func (m Images) Rebase(ctx context.Context, name, backing string) error {
	return m.rebase(ctx, name, backing)
}

// SetBacking is [Images.Rebase] without a look at what the images hold: for a
// backing image that was moved or renamed.
func (m Images) SetBacking(ctx context.Context, name, backing string) error {
	return m.rebase(ctx, name, backing, "-u")
}

func (m Images) rebase(ctx context.Context, name, backing string, flags ...string) error {
	path, err := m.Path(name)
	if err != nil {
		return err
	}
	args := append([]string{"rebase", "-q"}, flags...)
	if backing == "" {
		_, err := qemuImg(ctx, path, append(args, "-b", "", path)...)
		return err
	}
	below, err := m.Path(backing)
	if err != nil {
		return err
	}
	format, err := format(ctx, below)
	if err != nil {
		return err
	}
	_, err = qemuImg(ctx, path, append(args, "-F", format, "-b", m.named(path, below), path)...)
	return err
}

// Commit writes what name changed into its backing image.
func (m Images) Commit(ctx context.Context, name string) error {
	path, err := m.Path(name)
	if err != nil {
		return err
	}
	format, err := format(ctx, path)
	if err != nil {
		return err
	}
	_, err = qemuImg(ctx, path, "commit", "-q", "-f", format, path)
	return err
}

// Resize gives an image a larger size, 10G, or one larger by +1G. The error is
// [ErrShrink] where it would get smaller.
func (m Images) Resize(ctx context.Context, name, size string) error {
	path, err := m.Path(name)
	if err != nil {
		return err
	}
	if err := checkSize(size, true); err != nil {
		return err
	}
	format, err := format(ctx, path)
	if err != nil {
		return err
	}
	_, err = qemuImg(ctx, path, "resize", "-q", "-f", format, path, size)
	var failed *Error
	if errors.As(err, &failed) && strings.Contains(failed.Text, "--shrink") {
		return fmt.Errorf("[image %s] %w, but %s is less: shell qemu-img resize --shrink -f %s %s %s does it", path, ErrShrink, size, format, path, size)
	}
	return err
}

// named returns how the image at path names the one at backing.
func (m Images) named(path, backing string) string {
	below, err := filepath.Rel(filepath.Dir(path), backing)
	switch {
	case m.Absolute, err != nil:
		return backing
	case !strings.HasPrefix(below, "../"):
		return "./" + below
	}
	return below
}

// publish has write make a file, and gives it the name path.
func publish(path string, write func(temp string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".disk-*")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("[image %s] its directory does not exist: shell mkdir -p %s makes it", path, filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("[image %s] %w", path, err)
	}
	temp := f.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp))
		}
	}()
	if err := f.Close(); err != nil {
		return err
	}
	if err := write(temp); err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o644); err != nil {
		return err
	}
	return finish(temp, path)
}

// finish makes temp durable and gives it its name.
func finish(temp, path string) error {
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("[image %s] must be a file, but is a directory: name a file in it", path)
	}
	return os.Rename(temp, path)
}
