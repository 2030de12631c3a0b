package shell

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Failures of claiming a base directory.
var (
	ErrInUse   = errors.New("minimega appears to already be running")
	ErrForeign = errors.New("base directory is not ours")
)

// Files in the base directory, beside the socket.
const (
	lockFile = "minimega.lock"
	pidFile  = "minimega.pid"
)

// ClaimBase makes base this process's own until release is called: it creates
// the directory, for this user alone, takes its lock, writes the process's
// number and removes a socket that a crashed process left behind. The error
// wraps [ErrInUse] where a process that lives has it, unless force is set, and
// [ErrForeign] where somebody else owns it or it is no directory.
func ClaimBase(base string, force bool) (release func() error, err error) {
	if err := ownDir(base); err != nil {
		return nil, err
	}
	lock, err := lockBase(base, force)
	if err != nil {
		return nil, err
	}
	if err := takeOver(base); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return func() error { return releaseBase(base, lock) }, nil
}

// ownDir makes sure that base is a directory that only this user can use.
func ownDir(base string) error {
	if err := os.MkdirAll(base, 0o700); err != nil {
		return fmt.Errorf("base directory: %w", err)
	}
	info, err := os.Lstat(base)
	if err != nil {
		return fmt.Errorf("base directory: %w", err)
	}
	if err := owned(base, info); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 { // our own
		if info, err = os.Stat(base); err != nil {
			return fmt.Errorf("base directory: %w", err)
		}
		if err := owned(base, info); err != nil {
			return err
		}
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s must be a directory: use another -base", ErrForeign, base)
	}
	if info.Mode().Perm() == 0o700 {
		return nil
	}
	if err := os.Chmod(base, 0o700); err != nil {
		return fmt.Errorf("base directory: %w", err)
	}
	return nil
}

// owned reports, as an error, what belongs to another user.
func owned(base string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%w: %s must be owned by user %d, but is by user %d: use another -base", ErrForeign, base, os.Geteuid(), stat.Uid)
	}
	return nil
}

// lockBase takes the lock of base, which the system gives back when the
// process that holds it ends, however it does.
func lockBase(base string, force bool) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(base, lockFile), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("base directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case err == nil || force && errors.Is(err, unix.EWOULDBLOCK):
		return f, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		err = fmt.Errorf("%w in %s%s: stop it, use another -base, or override with -force", ErrInUse, base, ownerPID(base))
	default:
		err = fmt.Errorf("base directory: %w", err)
	}
	return nil, errors.Join(err, f.Close())
}

// ownerPID tells the number of the process that has base, as far as known.
func ownerPID(base string) string {
	text, err := os.ReadFile(filepath.Join(base, pidFile))
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (pid %d)", pid)
}

// takeOver puts this process in the place of the one before.
func takeOver(base string) error {
	if err := os.Remove(SocketPath(base)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("base directory: %w", err)
	}
	pid := filepath.Join(base, pidFile)
	if err := os.Remove(pid); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("base directory: %w", err)
	}
	if err := os.WriteFile(pid, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o600); err != nil {
		return fmt.Errorf("base directory: %w", err)
	}
	return nil
}

// releaseBase gives base back. What another process has made of it since, with
// force, stays.
func releaseBase(base string, lock *os.File) error {
	var err error
	if ownerPID(base) == fmt.Sprintf(" (pid %d)", os.Getpid()) {
		err = os.Remove(filepath.Join(base, pidFile))
	}
	return errors.Join(err, lock.Close())
}
