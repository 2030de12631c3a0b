package client

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

var (
	// ErrNotRunning reports that no node listens at the socket.
	ErrNotRunning = errors.New("minimega is not running")
	// ErrEnded reports that the node ended before it answered.
	ErrEnded = errors.New("the node has ended")
	// ErrClosed reports that the client was closed, by Close or after an error.
	ErrClosed = errors.New("the client is closed: dial again")
	// ErrBusy reports that the client has not finished its last command.
	ErrBusy = errors.New("the client runs another command: use a client for each goroutine, and leave one loop before the next")
	// ErrProtocol reports a reply that is none.
	ErrProtocol = errors.New("bad reply")
)

// A HostError is what a node answered instead of doing as it was told.
type HostError struct {
	Host string // "" where the node did not say
	Text string
}

// Error implements error, as the program's own client prints it.
func (e *HostError) Error() string {
	if e.Host == "" {
		return e.Text
	}
	return "Error (" + e.Host + "): " + e.Text
}

// gone returns what it means that a read ended with err.
func (c *Client) gone(err error) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed):
		return ErrEnded
	}
	return err
}

// isQuit reports whether line asks the node to end, which it does without an
// answer.
func isQuit(line string) bool {
	fields := strings.Fields(line)
	return len(fields) > 0 && strings.HasPrefix("quit", fields[0])
}
