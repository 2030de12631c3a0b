package shell

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"minimega/shell/output"
)

// Limits of the socket.
const (
	writeWithin = 10 * time.Second // for a client to take the next writeSize of a reply
	writeSize   = 64 << 10         // bytes
	maxClients  = 256              // at once

	maxSocketPath = 107 // bytes, the system's
)

// ServeSocket serves clients at a unix socket at path, which it makes and
// removes, until ctx ends. It returns when all clients are gone. Only root and
// this process's own user are let in.
func (s *Shell) ServeSocket(ctx context.Context, path string) error {
	l, err := listenSocket(path)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer removeSame(path, stat(path))
	defer l.Close()
	return s.accept(ctx, l)
}

// stat returns what is at path, nil where nothing is.
func stat(path string) os.FileInfo {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	return info
}

// removeSame removes path while it is what it was: another process may have
// been forced into this one's place and have a socket of its own there.
func removeSame(path string, was os.FileInfo) {
	if is := stat(path); is != nil && was != nil && os.SameFile(is, was) {
		_ = os.Remove(path) // the next to claim the directory does it otherwise
	}
}

// listenSocket makes the socket, for this user alone. It gets its name when it
// can be connected to: whoever sees it finds somebody there.
func listenSocket(path string) (*net.UnixListener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("socket %s: must be at most %d bytes, but is %d: use a shorter -base", path, maxSocketPath, len(path))
	}
	if stat(path) != nil {
		return nil, fmt.Errorf("socket %s: %w", path, fs.ErrExist)
	}
	early := filepath.Join(filepath.Dir(path), ".new")
	if err := os.Remove(early); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: early, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(early, 0o600), os.Rename(early, path)); err != nil {
		l.Close()
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	return l, nil
}

// accept serves connections until the listener is closed.
func (s *Shell) accept(ctx context.Context, l *net.UnixListener) error {
	slots := make(chan struct{}, maxClients)
	var clients sync.WaitGroup
	defer clients.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		conn, err := l.AcceptUnix()
		switch {
		case ctx.Err() != nil, errors.Is(err, net.ErrClosed):
			if err == nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ECONNABORTED):
			s.cfg.Log.Warn("socket", "err", err)
			pause(ctx, time.Second/10)
			continue
		case err != nil:
			return fmt.Errorf("socket: %w", err)
		}
		select {
		case slots <- struct{}{}:
		default:
			s.refuse(conn, errClients)
			continue
		}
		clients.Go(func() {
			defer func() { <-slots }()
			s.welcome(ctx, conn)
		})
	}
}

// pause waits for d or ctx's end.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// errClients turns away a client that is one too many.
var errClients = fmt.Errorf("too many clients: there may be %d at once", maxClients)

// refuse closes conn with a reply that says why, and nothing about this node.
// It does not block: a new connection has room for that.
func (s *Shell) refuse(conn *net.UnixConn, why error) {
	defer conn.Close()
	t := &talk{shell: s, conn: conn}
	_ = t.send(reply{Resp: output.Responses{{Error: why.Error()}}}) // it may have gone already
}

// welcome serves conn if its user may use the socket.
func (s *Shell) welcome(ctx context.Context, conn *net.UnixConn) {
	defer conn.Close()
	if err := allowed(conn); err != nil {
		s.cfg.Log.Warn("socket", "err", err)
		s.refuse(conn, err)
		return
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	s.serveClient(ctx, conn)
}

// allowed reports, as an error, a peer that is another user.
func allowed(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	if peer.Uid != 0 && int(peer.Uid) != os.Geteuid() {
		return fmt.Errorf("client of user %d refused: must be root or user %d", peer.Uid, os.Geteuid())
	}
	return nil
}
