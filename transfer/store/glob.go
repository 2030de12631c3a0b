package store

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// place is something in the files directory, which may be missing.
type place struct {
	shown string // as the person who asked wrote it
	real  string // where it lies: no links before the last component
}

// child returns the place of name in the directory p, whose real has no links.
func (p place) child(name string) place {
	return place{path.Join(p.shown, name), path.Join(p.real, name)}
}

// expand returns what exists under a clean name, or under what it matches when
// it is read as a pattern of path.Match; the first reading wins, component by
// component. A malformed pattern matches nothing.
func (s *Store) expand(pattern string) []place {
	found := []place{{}}
	for _, part := range components(pattern) {
		var next []place
		for _, p := range found {
			next = append(next, s.step(p, part)...)
		}
		found = next
	}
	return found
}

// step returns what part means in the directory at p.
func (s *Store) step(p place, part string) []place {
	real, info, err := s.resolve("", p.real)
	if err != nil || !info.IsDir() {
		return nil
	}
	p.real = real
	child := p.child(part)
	if reserved(child.real) {
		return nil
	}
	if _, err := s.root.Lstat(child.real); err == nil {
		return []place{child}
	}
	if !strings.ContainsAny(part, `*?[\`) {
		return nil
	}
	nodes, err := s.readDir(real)
	if err != nil {
		return nil
	}
	var found []place
	for _, node := range nodes {
		if ok, err := path.Match(part, node.Name()); ok && err == nil {
			found = append(found, p.child(node.Name()))
		}
	}
	return found
}

// tidy sorts what the directory dir holds and drops what is the store's own.
func tidy(dir string, nodes []fs.DirEntry) []fs.DirEntry {
	nodes = slices.DeleteFunc(nodes, func(n fs.DirEntry) bool {
		return reserved(path.Join(dir, n.Name()))
	})
	slices.SortFunc(nodes, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return nodes
}
