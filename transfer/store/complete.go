package store

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Names returns the completions of prefix: the children of its directory whose
// names go on from it, as full names in order, directories with a slash at
// the end, and how many there are. Where that is more than limit, which must be
// positive, it returns the first ones and the last, so that what those begin
// with in common is what all begin with.
//
// It reads a directory once, until that changes.
func (s *Store) Names(prefix string, limit int) (names []string, total int) {
	dir, base := path.Split(prefix)
	real, info, err := s.resolve("", clamp(dir))
	if err != nil {
		return nil, 0
	}
	known, ok := s.lists.get(real, statOf(info), time.Now())
	if !ok {
		before := time.Now()
		if known, err = s.readNames(dir, real); err != nil {
			return nil, 0
		}
		known.stat, known.read = statOf(info), before
		s.lists.put(real, known)
	}
	found := within(known.names, base)
	first := found[:min(len(found), limit)]
	if len(found) > limit {
		first = append(slices.Clone(first[:limit-1]), found[len(found)-1])
	}
	names = make([]string, len(first))
	for i, name := range first {
		names[i] = dir + name
	}
	return names, len(found)
}

// within returns the part of sorted names that begins with prefix.
func within(names []string, prefix string) []string {
	from, _ := slices.BinarySearch(names, prefix)
	n, _ := slices.BinarySearchFunc(names[from:], prefix, func(name, prefix string) int {
		if strings.HasPrefix(name, prefix) {
			return -1
		}
		return 1
	})
	return names[from : from+n]
}

// readNames returns what Names may say of a directory, which is at the path
// real without links and was asked for as dir.
func (s *Store) readNames(dir, real string) (nameList, error) {
	nodes, err := s.readTypes(real)
	if err != nil {
		return nameList{}, err
	}
	list := nameList{names: make([]string, 0, len(nodes))}
	for _, node := range nodes {
		name := node.Name()
		if !proper(name) || real == "" && reserved(name) {
			continue
		}
		isDir, ok := node.IsDir(), node.IsDir() || node.Type() == 0
		if node.Type() == fs.ModeSymlink {
			e, _, err := s.follow(place{clamp(dir + name), path.Join(real, name)})
			isDir, ok, list.links = e.Kind == Dir, err == nil, true
		}
		switch {
		case ok && isDir:
			list.names = append(list.names, name+"/")
		case ok:
			list.names = append(list.names, name)
		}
	}
	slices.Sort(list.names)
	return list, nil
}

// proper reports whether a directory's entry can be part of a FileName. Most
// are printable ASCII, which needs no closer look.
func proper(entry string) bool {
	for i := range len(entry) {
		if entry[i] < ' ' || entry[i] > '~' {
			_, ok := fileName(entry)
			return ok
		}
	}
	return true // an entry has at most 255 bytes
}

// readTypes is readDir for those who need only the entries' names and types, in
// no order. A directory that a root has opened looks at each entry, which takes
// far longer than reading the directory: so another handle of it is read.
func (s *Store) readTypes(dir string) ([]fs.DirEntry, error) {
	f, err := s.root.OpenFile(rooted(dir), syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	// Where a file system tells no types they are looked up under this path.
	same := os.NewFile(uintptr(fd), "/proc/self/fd/"+strconv.Itoa(fd))
	defer same.Close() // only read
	return same.ReadDir(-1)
}
