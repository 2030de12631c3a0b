package term

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// mode switches a terminal between the modes that it was found in and raw.
type mode struct {
	fd    int
	found unix.Termios // as it was; never changed

	mu  sync.Mutex // guards raw
	raw bool
}

// newMode remembers the modes of the terminal at fd.
func newMode(fd int) (*mode, error) {
	found, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("input: must be a terminal: %w", err)
	}
	return &mode{fd: fd, found: *found}, nil
}

// setRaw lets every key through as it is typed, signals included. Output is
// still cooked: a line feed returns the carriage.
func (m *mode) setRaw() error {
	raw := m.found
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.IEXTEN | unix.ISIG
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	m.mu.Lock()
	defer m.mu.Unlock()
	m.raw = true
	return unix.IoctlSetTermios(m.fd, unix.TCSETS, &raw)
}

// restore puts the modes back; what was typed meanwhile stays to be read. On a
// terminal that has hung up there is nothing to restore.
func (m *mode) restore() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.raw {
		return
	}
	m.raw = false
	_ = unix.IoctlSetTermios(m.fd, unix.TCSETS, &m.found)
}

// hush turns the echo off on the terminal at fd and returns what puts it back.
// It does nothing where another program has the terminal.
func hush(fd int) (restore func()) {
	found, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	owner, ownerErr := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || ownerErr != nil || owner != unix.Getpgrp() {
		return func() {}
	}
	quiet := *found
	quiet.Lflag &^= unix.ECHO | unix.ECHONL
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, &quiet)                  // with the echo it is only less neat
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, found) } // a terminal that has hung up
}
