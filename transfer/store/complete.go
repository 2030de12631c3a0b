package store

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Names returns the completions of prefix: the children of its directory whose
// names go on from it, as full names in order, directories with a slash at
// the end; at most limit of them if that is positive.
func (s *Store) Names(prefix string, limit int) []string {
	dir, base := path.Split(prefix)
	real, _, err := s.resolve("", clamp(dir))
	if err != nil {
		return nil
	}
	nodes, err := s.readTypes(real)
	if err != nil {
		return nil
	}
	var names []string
	for _, node := range nodes {
		if !strings.HasPrefix(node.Name(), base) {
			continue
		}
		isDir, ok := s.typeOf(place{clamp(dir + node.Name()), path.Join(real, node.Name())}, node)
		if !ok {
			continue
		}
		name := dir + node.Name()
		if isDir {
			name += "/"
		}
		if names = append(names, name); len(names) == limit {
			break
		}
	}
	return names
}

// typeOf tells whether node at p is a directory, or a link to one; ok is false
// where it is nothing that is listed.
func (s *Store) typeOf(p place, node fs.DirEntry) (isDir, ok bool) {
	switch node.Type() {
	case 0, fs.ModeDir:
		return node.IsDir(), true
	case fs.ModeSymlink:
		e, _, err := s.follow(p)
		return e.Kind == Dir, err == nil
	}
	return false, false
}

// readTypes is readDir for those who need only the entries' names and types. A
// directory that a root has opened looks at each entry, which takes far longer
// than reading the directory: so another handle of it is read.
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
	nodes, err := same.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	return tidy(dir, nodes), nil
}
