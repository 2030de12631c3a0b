package term

import (
	"errors"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// How input is read.
const (
	readSize   = 4096                  // bytes at once
	escapeTime = 50 * time.Millisecond // that the rest of a sequence may take
)

// fill waits for input or for something posted and reads what there is. It
// reports false when the rest of a sequence did not come in time.
func (p *parser) fill() bool {
	p.mu.Lock()
	timeout := -1
	if len(p.queue) > 0 {
		timeout = int(escapeTime / time.Millisecond)
	}
	p.mu.Unlock()
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}, {Fd: int32(p.wake[0]), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, timeout)
	if n == 0 && err == nil {
		return false
	}
	var buf [readSize]byte
	if fds[1].Revents != 0 {
		_, _ = unix.Read(p.wake[0], buf[:])
	}
	if fds[0].Revents != 0 {
		p.read(buf[:])
	}
	return true
}

// ahead reads what was typed before the terminal became raw, when Ctrl-D was
// the end of a file to it: that is a NUL now, which is Ctrl-Space otherwise.
func (p *parser) ahead() {
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 0); n == 0 || err != nil {
		return
	}
	p.mu.Lock()
	before := len(p.queue)
	p.mu.Unlock()
	p.read(make([]byte, readSize))
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := before; i < len(p.queue); i++ {
		if p.queue[i] == 0 {
			p.queue[i] = 0x04
		}
	}
}

// read reads what the terminal has. An error is the end of the input.
func (p *parser) read(buf []byte) {
	n, err := unix.Read(p.fd, buf)
	if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n <= 0 || err != nil {
		p.closed = true
		return
	}
	p.queue = append(p.queue, buf[:n]...)
}

// pastedLine takes a whole line off the queue where there is one of nothing but
// text.
func (p *parser) pastedLine() (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.posted) > 0 {
		return "", false
	}
	var line strings.Builder
	for rest := p.queue; len(rest) > 0; {
		t := scan(rest, false)
		switch {
		case t.key == keyEnter:
			p.queue = rest[t.size:]
			return line.String(), true
		case t.size == 0 || t.key != "":
			return "", false
		}
		line.WriteString(t.text)
		rest = rest[t.size:]
	}
	return "", false
}

// drop forgets what was typed ahead.
func (p *parser) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = nil
}
