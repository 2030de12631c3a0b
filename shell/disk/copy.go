package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// inject copies a file or a directory of this host to its path below root; into
// that, where it is a directory there or ends in a slash.
func inject(ctx context.Context, root *os.Root, p pair) error {
	dst := inside(p.dst)
	if info, err := root.Stat(dst); strings.HasSuffix(p.dst, "/") || err == nil && info.IsDir() {
		dst = filepath.Join(dst, filepath.Base(p.src))
	}
	if err := root.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(p.src, func(path string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		below, err := filepath.Rel(p.src, path)
		if err != nil {
			return err
		}
		return injectOne(root, path, filepath.Join(dst, below), d.Type())
	})
}

// injectOne copies one file, link or directory without what is in it. What had
// its place is replaced, but for directories.
func injectOne(root *os.Root, src, dst string, kind fs.FileMode) error {
	info, err := os.Lstat(src)
	if err != nil {
		return err
	}
	switch {
	case kind.IsDir():
		if err := root.Mkdir(dst, info.Mode().Perm()); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	case kind&fs.ModeSymlink != 0:
		target, err := os.Readlink(src)
		if err != nil {
			return err
		}
		return errors.Join(gone(root, dst), root.Symlink(target, dst))
	case !kind.IsRegular():
		return fmt.Errorf("%s: must be a file, a directory or a link, but is %v", src, kind)
	}
	return injectFile(root, src, dst, info.Mode().Perm())
}

func injectFile(root *os.Root, src, dst string, mode fs.FileMode) (err error) {
	from, err := os.Open(src)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := gone(root, dst); err != nil {
		return err
	}
	to, err := root.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// gone removes the file at dst, where there is one.
func gone(root *os.Root, dst string) error {
	if err := root.Remove(dst); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
