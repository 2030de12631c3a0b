package term

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxHistoryFile is how much of a history file is read, in bytes from its end.
const maxHistoryFile = 4 << 20

// LoadHistory returns the lines of a history file, oldest first, at most the
// last 10,000. A file that is not there has none. A file with more is replaced
// by one that holds only those. Other prompts may append to it meanwhile.
func LoadHistory(path string) ([]string, error) {
	f, locked, err := openHistory(path, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer f.Close() // what is written is written by rename
	lines, cut, err := readLines(f)
	if err != nil {
		return nil, fmt.Errorf("history %s: %w", path, err)
	}
	if !cut || !locked {
		return lines, nil
	}
	return lines, rewriteHistory(path, lines)
}

// How long a prompt waits for another that has the history locked. One that was
// stopped just then must not hold up the others.
const (
	lockTries = 400
	lockPause = 5 * time.Millisecond
)

// openHistory opens the history file at path and locks it, so that it is not
// replaced by a shorter one meanwhile. The lock ends when it is closed.
func openHistory(path string, flags int) (f *os.File, locked bool, err error) {
	for {
		f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, false, err
		}
		locked := lock(f)
		at, err := os.Lstat(path)
		is, isErr := f.Stat()
		if err == nil && isErr == nil && os.SameFile(at, is) {
			return f, locked, nil
		}
		f.Close() // it has just been replaced, or taken away
		if gone := err != nil && flags&os.O_CREATE == 0; gone || isErr != nil {
			return nil, false, errors.Join(err, isErr)
		}
	}
}

// lock locks f, or gives up after a while.
func lock(f *os.File) bool {
	for range lockTries {
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			return true
		}
		time.Sleep(lockPause) // there is no lock that waits for a while
	}
	return false
}

// readLines reads the last lines of f; cut tells that there are earlier ones.
func readLines(f *os.File) (lines []string, cut bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if cut = info.Size() > maxHistoryFile; cut {
		if _, err := f.Seek(-maxHistoryFile, io.SeekEnd); err != nil {
			return nil, false, err
		}
	}
	data, err := io.ReadAll(bufio.NewReader(io.LimitReader(f, maxHistoryFile)))
	if err != nil {
		return nil, false, err
	}
	if cut {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	for line := range bytes.Lines(data) {
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			lines = append(lines, text)
		}
	}
	if len(lines) > maxPast {
		lines, cut = lines[len(lines)-maxPast:], true
	}
	return lines, cut, nil
}

// rewriteHistory replaces the file at path by one with these lines.
func rewriteHistory(path string, lines []string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".history-*") // 0600
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("history: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// AppendHistory adds a line to a history file, which only its owner can read.
// It makes the file where it is not there, but not its directory. Several
// prompts may do so at once.
func AppendHistory(path, line string) error {
	line = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, line)
	f, _, err := openHistory(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	_, err = f.WriteString(line + "\n")
	if err = errors.Join(f.Chmod(0o600), err, f.Close()); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// ClearHistory empties a history file. One that is not there is empty.
func ClearHistory(path string) error {
	f, _, err := openHistory(path, os.O_WRONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err = errors.Join(f.Truncate(0), f.Close()); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}
