package shell

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// localPath returns an argument that is a path on this machine, of a file that
// can be opened without waiting for another program.
func (c *Call) localPath(key string) (string, error) {
	path := c.Values[key]
	if path == "" { // often a $NAME that is not set
		return "", fmt.Errorf("%s: must name a file, but names none", c.Match.Text)
	}
	return path, notPipe(path)
}

// notPipe refuses a named pipe: to open one waits for its other end, and nothing
// ends that.
func notPipe(path string) error {
	if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		return fmt.Errorf("%s: must be a file, but is a named pipe", path)
	}
	return nil
}

// paths returns paths on this machine that begin with prefix, in order.
// Directories end in a slash. Where there are too many for Tab there are the
// first ones and the last, so that what those begin with all begin with.
func paths(prefix string) []string {
	dir, base := filepath.Split(prefix)
	entries, err := os.ReadDir(filepath.Clean(dir + "."))
	if err != nil {
		return nil // what cannot be read offers nothing
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(base, ".")
		return hidden || !strings.HasPrefix(e.Name(), base)
	})
	if len(entries) > mostOffered {
		entries = append(entries[:mostOffered-1], entries[len(entries)-1])
	}
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = dir + e.Name()
		if isDir(all[i], e) {
			all[i] += "/"
		}
	}
	return all
}

// isDir reports whether the entry at path is a directory, or leads to one.
func isDir(path string, e fs.DirEntry) bool {
	if e.Type() != fs.ModeSymlink {
		return e.IsDir()
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// runnable returns the programs that prefix begins: those on the PATH, or where
// prefix has a slash, paths.
func runnable(prefix string) []string {
	if strings.Contains(prefix, "/") {
		return paths(prefix)
	}
	var all []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // a PATH often names what is not there
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), prefix) && executable(filepath.Join(dir, e.Name())) {
				all = append(all, e.Name())
			}
		}
	}
	return all
}

// executable reports a file that somebody may run.
func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
