package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"minimega/mesh/wire"
)

// A Store is one files directory. All of its methods may be called
// concurrently.
type Store struct {
	dir  string // absolute
	root *os.Root
	top  *os.File // root itself, for openBeneath
	log  *slog.Logger
	hash *hashCache

	lists nameLists // for Names

	mu      sync.Mutex
	flights map[wire.FileName]*flight // file → its hashing that is under way
	live    map[*Partial]struct{}     // partial files that are open here
}

// Open returns the store in dir, which it creates where it is missing. It
// reads the index of the hash cache; damage there costs hashing again, and is
// no error.
func Open(dir string, log *slog.Logger) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("files directory: %w", err)
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return nil, fmt.Errorf("files directory: %w", err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("files directory: %w", err)
	}
	top, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("files directory: %w", err), root.Close())
	}
	s := &Store{
		dir:     abs,
		root:    root,
		top:     top,
		log:     log,
		flights: make(map[wire.FileName]*flight),
		live:    make(map[*Partial]struct{}),
	}
	s.hash = openCache(s)
	return s, nil
}

// Dir returns the absolute path of the files directory.
func (s *Store) Dir() string { return s.dir }

// Path returns the absolute path of name, for programs that open it
// themselves. It looks at no file.
func (s *Store) Path(name wire.FileName) string {
	return filepath.Join(s.dir, filepath.FromSlash(string(name)))
}

// Close gives up the directory and the hash cache. Sources, partial files and
// hashings that are under way should have ended before.
func (s *Store) Close() error {
	return errors.Join(s.hash.close(), s.top.Close(), s.root.Close())
}
