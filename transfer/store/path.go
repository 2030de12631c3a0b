package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"minimega/mesh/wire"
)

// What is the store's own in the files directory, and no part of its content.
const (
	ownDir         = ".minimega"
	transferPrefix = "transfer_" // and digits
)

const maxLinks = 40 // followed in one name, as in Linux

// Reasons for which a name leads nowhere that can be served.
var (
	errOutside = fmt.Errorf("%w: leads outside the files directory (as every absolute link does)", wire.ErrNotRegular)
	errOwn     = fmt.Errorf("%w: is minimega's own", wire.ErrBadName)
)

// reserved reports whether the clean path name is the store's own, or in it.
func reserved(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return first == ownDir || isTransfer(first)
}

// isTransfer reports whether name is that of a transfer directory.
func isTransfer(name string) bool {
	digits, found := strings.CutPrefix(name, transferPrefix)
	return found && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// clamp cleans what a person typed: "..", as in a root directory, leads
// nowhere, and the result is "" for the files directory itself.
func clamp(name string) string { return path.Clean("/" + name)[1:] }

// rooted returns name as os.Root takes it.
func rooted(name string) string {
	if name == "" {
		return "."
	}
	return name
}

// fileName returns raw as a FileName where it can be one as it is. Names that
// cannot (control characters, another normal form) are no part of a store.
func fileName(raw string) (wire.FileName, bool) {
	name, err := wire.ParseFileName(raw)
	return name, err == nil && string(name) == raw
}

// resolve follows every link in name, which begins at the directory from (a
// path without links), and returns the path without links that it leads to.
// Errors: [errOutside], [errOwn], or the system's.
func (s *Store) resolve(from, name string) (string, fs.FileInfo, error) {
	at, rest := from, components(name)
	info, err := s.root.Lstat(rooted(at))
	for links := 0; len(rest) > 0 && err == nil; {
		part := rest[0]
		rest = rest[1:]
		if part == ".." {
			if at == "" {
				return "", nil, errOutside
			}
			at = clamp(path.Dir(at))
			info, err = s.root.Lstat(rooted(at))
			continue
		}
		next := path.Join(at, part)
		if reserved(next) {
			return "", nil, errOwn
		}
		info, err = s.root.Lstat(next)
		switch {
		case err != nil:
		case info.Mode().Type() == fs.ModeSymlink:
			rest, err = s.splice(next, rest)
			if links++; links > maxLinks {
				err = syscall.ELOOP
			}
			if err == nil && len(rest) == 0 { // a link to its own directory
				info, err = s.root.Lstat(rooted(at))
			}
		case len(rest) > 0 && !info.IsDir():
			err = syscall.ENOTDIR
		default:
			at = next
		}
	}
	return at, info, err
}

// splice returns what is left to walk when link stands before rest.
func (s *Store) splice(link string, rest []string) ([]string, error) {
	target, err := s.root.Readlink(link)
	if err != nil {
		return nil, err
	}
	if path.IsAbs(target) {
		return nil, errOutside
	}
	return append(components(target), rest...), nil
}

// components splits name at its slashes as the system does: ".." stays.
func components(name string) []string {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	return parts
}

// missing reports whether err means that there is nothing of that name.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, errOwn)
}

// regular resolves name to a regular file. Errors wrap wire.ErrNotFound,
// wire.ErrNotRegular, or are the system's.
func (s *Store) regular(name wire.FileName) (string, fs.FileInfo, error) {
	real, info, err := s.resolve("", string(name))
	switch {
	case missing(err):
		return "", nil, fmt.Errorf("%s: %w", name, wire.ErrNotFound)
	case err != nil:
		return "", nil, fmt.Errorf("%s: %w", name, err)
	case !info.Mode().IsRegular():
		return "", nil, fmt.Errorf("%s: %w", name, wire.ErrNotRegular)
	}
	return real, info, nil
}

// parentOf resolves the directory that name is in, and returns name without
// links before its last component.
func (s *Store) parentOf(name string) (string, error) {
	dir, base := path.Split(name)
	real, info, err := s.resolve("", dir)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", syscall.ENOTDIR
	}
	full := path.Join(real, base)
	if reserved(full) {
		return "", errOwn
	}
	return full, nil
}
