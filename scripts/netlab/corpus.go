package netlab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNoCorpus says that a directory holds no such files.
var ErrNoCorpus = errors.New("no file that is wanted")

// MakeCorpus writes a file of size bytes that holds the files below dirs whose
// names end in suffix, one after another in the order of their paths, again
// from the first where they are too few. The same files give the same bytes.
// It returns how many of the bytes are not repeated; where dirs hold no such
// file the error is [ErrNoCorpus].
func MakeCorpus(path string, size int64, suffix string, dirs ...string) (distinct int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := &corpus{out: bufio.NewWriterSize(f, 1<<20), left: size}
	for round := 0; w.left > 0; round++ {
		before := w.left
		for _, dir := range dirs {
			if err := w.add(dir, suffix); err != nil {
				return 0, err
			}
		}
		if w.left == before {
			return 0, fmt.Errorf("%w: *%s below %s", ErrNoCorpus, suffix, strings.Join(dirs, ", "))
		}
		if round == 0 {
			distinct = size - w.left
		}
	}
	return distinct, w.out.Flush()
}

// corpus is a file that is being filled.
type corpus struct {
	out  *bufio.Writer
	left int64
}

// add appends the files below dir, in order. What is not there adds nothing.
func (w *corpus) add(dir, suffix string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case w.left == 0:
			return fs.SkipAll
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case !d.Type().IsRegular() || !strings.HasSuffix(path, suffix):
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		n, err := io.Copy(w.out, io.LimitReader(f, w.left))
		w.left -= n
		return err
	})
}
