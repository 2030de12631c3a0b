package shell

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"minimega/mesh/wire"
	"minimega/transfer"
)

// tarPrefix begins an argument that names a tar archive, and stands for the
// directory in it.
const tarPrefix = "tar:"

// Archives unpacks tar archives.
type Archives interface {
	// Unpack returns the directory that the archive at a local path stands for,
	// and a warning where it is not what the archive holds. It blocks until the
	// directory is there; watch is told of an unpacking that takes long.
	Unpack(ctx context.Context, path string, watch func(progress func() (done, total int64)) (stop func())) (dir, warning string, err error)
}

var errNoArchives = errors.New("this node unpacks no archives")

// untar brings the archives that name means to this node, unless they are local
// files, and returns the directories that they stand for.
func (x *execution) untar(ctx context.Context, name string) ([]string, error) {
	archives, err := x.archives(ctx, name)
	if err != nil {
		return nil, err
	}
	for i, archive := range archives {
		if archives[i], err = x.unpack(ctx, archive); err != nil {
			return nil, fmt.Errorf("tar %s: %w", filepath.Base(archive), err)
		}
	}
	return archives, nil
}

// archives returns the local paths of what name means: what a URL stands for, a
// file outside the files directory where its absolute path is given, or else what
// file: would fetch.
func (x *execution) archives(ctx context.Context, name string) ([]string, error) {
	if x.shell.cfg.Downloads != nil && isURL(name) {
		return x.expandURL(ctx, "", name)
	}
	if !filepath.IsAbs(name) {
		return x.fetch(ctx, name)
	}
	if below, ok := strings.CutPrefix(filepath.Clean(name), x.shell.cfg.Store.Dir()+"/"); ok {
		return x.fetch(ctx, below)
	}
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		return []string{filepath.Clean(name)}, nil
	}
	paths, err := x.fetch(ctx, name)
	if errors.Is(err, wire.ErrNotFound) {
		return nil, fmt.Errorf("tar %s: %w, neither on this node nor in the mesh", name, wire.ErrNotFound)
	}
	return paths, err
}

// unpack returns the directory of the archive at a local path.
func (x *execution) unpack(ctx context.Context, path string) (string, error) {
	if x.shell.cfg.Archives == nil {
		return "", errNoArchives
	}
	var watch func(func() (int64, int64)) func()
	if x.client.watch != nil {
		watch = func(progress func() (int64, int64)) func() {
			return x.client.watch(func() []transfer.Progress {
				done, total := progress()
				return []transfer.Progress{{Name: filepath.Base(path), BytesDone: done, BytesTotal: total, State: "unpacking"}}
			})
		}
	}
	dir, warning, err := x.shell.cfg.Archives.Unpack(ctx, path, watch)
	switch {
	case ctx.Err() != nil && err != nil:
		if late := timedOut(ctx); late != nil {
			return "", late
		}
		return "", fmt.Errorf("%w: nothing was unpacked", ErrInterrupted)
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: file not found", path)
	case err != nil:
		return "", err
	}
	if warning != "" {
		x.client.warnings([]string{warning})
	}
	return dir, nil
}
