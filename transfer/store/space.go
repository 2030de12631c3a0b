package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// minMargin is what is kept free of a large disk at least, in bytes.
const minMargin = 64 << 20

// Room tells whether what p lacks still fits, beside what all other partial
// files lack: nil, a *[NoSpaceError], or why that cannot be told.
func (p *Partial) Room() error {
	p.mu.Lock()
	need := p.missing
	p.mu.Unlock()
	if need == 0 {
		return nil
	}
	return p.store.fits(need, p)
}

// fits tells whether need more bytes fit beside what all partial files but one
// lack.
func (s *Store) fits(need int64, but *Partial) error {
	free, total, err := s.space()
	if err != nil {
		return err
	}
	free -= s.promised(but)
	if need += margin(need, total); need > free {
		return &NoSpaceError{Need: need, Free: max(free, 0), Path: s.dir}
	}
	return nil
}

// margin returns what is to stay free when need bytes are written to a file
// system of total bytes: 1 % of them and 64 MiB at least, but never more than
// a twentieth of the file system.
func margin(need, total int64) int64 {
	return min(max(need/100, minMargin), total/20)
}

// space returns how many bytes are free for us, and how many there are.
func (s *Store) space() (free, total int64, err error) {
	dir, err := s.root.Open(".")
	if err != nil {
		return 0, 0, err
	}
	defer dir.Close() // only asked
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", s.dir, err)
	}
	unit := int64(st.Frsize)
	return int64(st.Bavail) * unit, int64(st.Blocks) * unit, nil
}

// promised returns how many bytes all partial files but one still lack.
func (s *Store) promised(but *Partial) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int64
	for p := range s.live {
		if p != but {
			n += p.lacks()
		}
	}
	return n
}

func (p *Partial) lacks() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.missing
}
