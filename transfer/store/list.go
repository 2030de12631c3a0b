package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"syscall"

	"minimega/mesh/wire"
)

// List returns what `file list` shows of what was typed: the file of that
// name, a directory's children, or both for everything that the glob pattern
// matches; all regular files below, and no directories, when recursive. ".."
// does not leave the files directory, and what is missing is an empty list.
// A link whose target stays inside is listed as what it leads to, except that
// a recursive listing does not enter it. Entries of one directory are in the
// order of their names.
func (s *Store) List(typed string, recursive bool) ([]Entry, error) {
	found, err := s.Look(typed, recursive)
	return found.Entries, err
}

// A Listing is what [Store.Look] finds.
type Listing struct {
	Entries []Entry
	Unnamed int // files and directories left out because their names are none of a store
}

// Look is [Store.List] and how much could not be listed.
func (s *Store) Look(typed string, recursive bool) (Listing, error) {
	var out Listing
	for _, p := range s.expand(clamp(typed)) {
		e, real, err := s.follow(p)
		switch {
		case err != nil:
			out.omit(p, err)
			s.log.Debug("not listed", "name", p.shown, "err", err)
		case e.Kind == Dir:
			if err := s.children(place{p.shown, real}, recursive, &out); err != nil {
				return Listing{}, fmt.Errorf("list: %w", err)
			}
		default:
			out.Entries = append(out.Entries, e)
		}
	}
	return out, nil
}

// omit counts what is at p, which err kept out, where its name did.
func (l *Listing) omit(p place, err error) {
	if _, ok := fileName(p.shown); !ok && errors.Is(err, wire.ErrBadName) {
		l.Unnamed++
	}
}

// children appends what List says of the directory at p.
func (s *Store) children(p place, recursive bool, out *Listing) error {
	nodes, err := s.readDir(p.real)
	if err != nil {
		return err
	}
	for _, node := range nodes {
		child := p.child(node.Name())
		switch node.Type() {
		case 0, fs.ModeSymlink:
			e, _, err := s.followNode(child, node)
			if err != nil {
				out.omit(child, err)
			} else if e.Kind == File || !recursive {
				out.Entries = append(out.Entries, e)
			}
		case fs.ModeDir:
			if e, _, err := s.followNode(child, node); err != nil {
				out.omit(child, err)
			} else if !recursive {
				out.Entries = append(out.Entries, e)
			} else if err := s.children(child, recursive, out); err != nil {
				s.log.Warn("directory not listed", "name", child.shown, "err", err)
			}
		}
	}
	return nil
}

// Match returns what getting pattern means: a file; a directory with all that
// is below it, each directory before what is in it; or both for everything
// that a glob pattern matches. A name that exists wins over its reading as a
// pattern, component by component. A link that is named or matched itself
// counts as what it leads to; one below a directory is a Link. Nothing found is
// an empty list; the error wraps wire.ErrBadName for what can name nothing, and
// wire.ErrNotRegular where pattern is exactly the name of something that cannot
// be served.
func (s *Store) Match(pattern string) ([]Entry, error) {
	name, err := wire.ParseFileName(pattern)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, p := range s.expand(string(name)) {
		e, real, err := s.follow(p)
		switch {
		case err == nil:
			out = s.appendTree(out, e, place{p.shown, real})
		case p.shown == string(name) && !missing(err):
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}

// appendTree appends e, which is at p, and what is below it.
func (s *Store) appendTree(out []Entry, e Entry, p place) []Entry {
	if p.shown != "" {
		out = append(out, e)
	}
	if e.Kind != Dir {
		return out
	}
	nodes, err := s.readDir(p.real)
	if err != nil {
		s.log.Warn("directory left out", "name", p.shown, "err", err)
		return out
	}
	for _, node := range nodes {
		child := p.child(node.Name())
		switch node.Type() {
		case 0:
			out = s.appendNode(out, child, node)
		case fs.ModeDir:
			if e, _, err := s.followNode(child, node); err == nil {
				out = s.appendTree(out, e, child)
			}
		case fs.ModeSymlink:
			if e, ok := s.link(p.real, child, node); ok {
				out = append(out, e)
			}
		}
	}
	return out
}

// link returns the Entry of a link in the directory dir if it leads, or would
// lead, to something inside.
func (s *Store) link(dir string, p place, node fs.DirEntry) (Entry, bool) {
	name, ok := fileName(p.shown)
	target, err := s.root.Readlink(p.real)
	info, ierr := node.Info()
	if !ok || err != nil || ierr != nil || path.IsAbs(target) {
		return Entry{}, false
	}
	real, there, err := s.resolve(dir, target)
	switch {
	case err == nil && there.Mode()&^fs.ModeDir&fs.ModeType != 0:
		return Entry{}, false
	case err == nil && path.Clean(target) != target:
		if target, err = filepath.Rel(rooted(dir), rooted(real)); err != nil {
			return Entry{}, false
		}
	case err != nil && s.checkTarget(dir, target) != nil:
		return Entry{}, false
	}
	return Entry{Name: name, Kind: Link, Meta: metaOf(info), Target: target}, true
}

// appendNode appends the Entry of a regular file or directory that has been
// looked at already.
func (s *Store) appendNode(out []Entry, p place, node fs.DirEntry) []Entry {
	if e, _, err := s.followNode(p, node); err == nil {
		out = append(out, e)
	}
	return out
}

// followNode is follow for what readDir has just looked at.
func (s *Store) followNode(p place, node fs.DirEntry) (Entry, string, error) {
	info, err := node.Info()
	if err != nil || info.Mode().Type() == fs.ModeSymlink {
		return s.follow(p)
	}
	e, err := entryOf(p, info)
	return e, p.real, err
}

// follow returns what is at p, or what a link there leads to, under the name
// that p shows, and where that is.
func (s *Store) follow(p place) (Entry, string, error) {
	real, info, err := s.resolve("", p.real)
	if err != nil {
		return Entry{}, "", err
	}
	e, err := entryOf(place{p.shown, real}, info)
	return e, real, err
}

// entryOf returns info as a File or Dir at p, whose real has no links.
func entryOf(p place, info fs.FileInfo) (Entry, error) {
	name, ok := fileName(p.shown)
	if !ok {
		return Entry{}, wire.ErrBadName
	}
	switch info.Mode().Type() {
	case 0:
		return Entry{Name: name, Kind: File, Meta: metaOf(info), real: p.real, stat: statOf(info)}, nil
	case fs.ModeDir:
		meta := metaOf(info)
		meta.Size = info.Size() // what ls shows
		return Entry{Name: name, Kind: Dir, Meta: meta}, nil
	}
	return Entry{}, wire.ErrNotRegular
}

// readDir returns what the directory at a path without links holds, in the
// order of names, without what is the store's own. Each has its Info already.
func (s *Store) readDir(dir string) ([]fs.DirEntry, error) {
	f, err := s.root.OpenFile(rooted(dir), syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	nodes, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	return tidy(dir, nodes), nil
}
