package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"minimega/mesh/wire"
)

// ErrInTheWay reports that something else has the name that is wanted: a
// directory that of a file, or the other way round.
var ErrInTheWay = errors.New("in the way")

// Delete removes what `file delete` means by what was typed: a file, a
// directory with all that is below it, or everything that a glob pattern
// matches. Links are removed, never what they lead to. Nothing found is no
// error; the files directory itself is emptied but kept.
func (s *Store) Delete(typed string) error {
	doomed := s.expand(clamp(typed))
	if clamp(typed) == "" {
		nodes, err := s.readDir("")
		if err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		doomed = doomed[:0]
		for _, node := range nodes {
			doomed = append(doomed, place{}.child(node.Name()))
		}
	}
	var errs []error
	for _, p := range doomed {
		if err := s.root.RemoveAll(p.real); err != nil {
			errs = append(errs, fmt.Errorf("delete: %w", err))
		}
	}
	return errors.Join(errs...)
}

// MakeDir creates the directory e and those above it where they are missing,
// with e's permissions and those that the owner needs to fill it: FinishDir
// comes after that. The error wraps ErrInTheWay where e is a file.
func (s *Store) MakeDir(e Entry) error {
	if e.Name == "" {
		return nil
	}
	real, _, err := s.makeParents(e.Name)
	if err != nil {
		return err
	}
	switch _, info, err := s.resolve("", real); {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%s: a file is %w", e.Name, ErrInTheWay)
	}
	if err := s.root.Mkdir(real, fs.FileMode(e.Meta.Mode).Perm()|0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	return nil
}

// FinishDir gives the directory e its permissions and modification time.
func (s *Store) FinishDir(e Entry) error {
	real, info, err := s.resolve("", string(e.Name))
	if err != nil {
		return fmt.Errorf("finish directory: %w", err)
	}
	if !info.IsDir() || real == "" {
		return fmt.Errorf("finish directory %s: not a directory below the files directory", e.Name)
	}
	f, err := s.root.OpenFile(real, syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("finish directory: %w", err)
	}
	defer f.Close() // only described
	return setMeta(f, e.Meta)
}

// MakeLink creates the link e, and replaces another link of its name. The
// target must be clean and relative, and must not leave the files directory.
// A link's time is not kept. The error wraps wire.ErrBadName for another
// target, and ErrInTheWay where a file or a directory has the name.
func (s *Store) MakeLink(e Entry) error {
	real, _, err := s.makeParents(e.Name)
	if err != nil {
		return err
	}
	dir := clamp(path.Dir(real))
	if err := s.checkTarget(dir, e.Target); err != nil {
		return fmt.Errorf("link %s to %q: %w", e.Name, e.Target, err)
	}
	info, err := s.root.Lstat(real)
	if err == nil && info.Mode().Type() != fs.ModeSymlink {
		return fmt.Errorf("%s: %w of the link to %q", e.Name, ErrInTheWay, e.Target)
	}
	if old, rerr := s.root.Readlink(real); err == nil && rerr == nil && old == e.Target {
		return nil
	}
	return s.swapLink(e.Target, real)
}

// swapLink puts a link to target at real in one step.
func (s *Store) swapLink(target, real string) error {
	if err := s.root.MkdirAll(ownDir, 0o700); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	temp := path.Join(ownDir, "link-"+randomDigits())
	if err := s.root.Symlink(target, temp); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	if err := s.root.Rename(temp, real); err != nil {
		return errors.Join(fmt.Errorf("link: %w", err), s.root.Remove(temp))
	}
	return nil
}

// checkTarget tells whether a link in dir (a path without links) may lead to
// target. That is judged on the way that the system will take through the
// links that are there; what is not there yet can be no way out, because ".."
// may stand at the beginning only.
func (s *Store) checkTarget(dir, target string) error {
	below := target
	for strings.HasPrefix(below, "../") {
		below = below[len("../"):]
	}
	if path.IsAbs(target) || target == "" {
		return errOutside
	}
	if path.Clean(target) != target {
		return fmt.Errorf("%w: must be a clean path", wire.ErrBadName)
	}
	if _, ok := fileName(below); !ok && below != ".." && below != "." {
		return wire.ErrBadName
	}
	if _, _, err := s.resolve(dir, target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// makeParents creates the directories above name. It returns name without
// links before its last component, and whether any directory was missing.
func (s *Store) makeParents(name wire.FileName) (real string, made bool, err error) {
	if err := checkName(name); err != nil {
		return "", false, err
	}
	if dir := path.Dir(string(name)); dir != "." {
		if made, err = s.makeAll(dir); err != nil {
			return "", false, err
		}
	}
	if real, err = s.parentOf(string(name)); err != nil {
		return "", false, fmt.Errorf("%s: %w", name, err)
	}
	return real, made, nil
}

// checkName tells whether name can be given to something new.
func checkName(name wire.FileName) error {
	if parsed, ok := fileName(string(name)); !ok || parsed == "" {
		return fmt.Errorf("%w: %q: must be a clean name below the files directory", wire.ErrBadName, name)
	}
	if reserved(string(name)) {
		return fmt.Errorf("%s: %w", name, errOwn)
	}
	return nil
}

// makeAll makes the directory dir and those above it, and tells whether any of
// them was missing.
func (s *Store) makeAll(dir string) (bool, error) {
	_, info, err := s.resolve("", dir)
	switch {
	case err == nil && info.IsDir():
		return false, nil
	case err == nil, errors.Is(err, syscall.ENOTDIR):
		return false, fmt.Errorf("%s: a file is %w", dir, ErrInTheWay)
	case !errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("%s: %w", dir, err)
	}
	if err := s.root.MkdirAll(dir, 0o755); err != nil {
		return false, fmt.Errorf("make directory: %w", err)
	}
	return true, nil
}

// setMeta gives f the permission bits and the modification time of meta; its
// access time becomes the same.
func setMeta(f *os.File, meta wire.Meta) error {
	if err := f.Chmod(fs.FileMode(meta.Mode).Perm()); err != nil {
		return err
	}
	return setTime(f, meta)
}
