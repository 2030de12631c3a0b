package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"
)

// Names in the files directory and beside archives.
const (
	ownDir      = ".minimega/archives"
	newDir      = "new"
	besideStart = ".minimega-"
)

// A place is where one archive lies, and what is kept about it, which is locked
// as long as the place is open.
type place struct {
	path     string   // of the archive, absolute and clean
	below    string   // the archive's directory below the files directory
	inside   bool     // whether it is there
	files    *os.Root // the files directory; the Unpacker's to close
	dir      *os.Root // the archive's directory
	own      *os.Root // ownDir/<key>
	lock     *os.File // own, locked
	work     *os.Root // where newDir is: own, or dir
	workName string   // newDir, or besideStart and the key
}

// keyOf returns the name of what is kept about the archive at path.
func keyOf(path string) string {
	sum := blake3.Sum256([]byte(path))
	return hex.EncodeToString(sum[:16])
}

// at opens the place of the archive at path, and waits for its lock.
func (u *Unpacker) at(ctx context.Context, file string) (*place, error) {
	p := &place{path: filepath.Clean(file), files: u.root}
	rel, err := filepath.Rel(u.cfg.Dir, p.path)
	p.inside = err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
	if p.inside {
		p.below = filepath.Dir(rel)
		if u.cfg.Reserved(rel) {
			return nil, fs.ErrNotExist
		}
		p.dir, err = u.root.OpenRoot(p.below)
	} else {
		p.dir, err = os.OpenRoot(filepath.Dir(p.path))
	}
	if err != nil {
		return nil, err
	}
	f, err := p.open() // what is no archive leaves no trace
	if err == nil {
		err = errors.Join(f.Close(), p.claim(ctx))
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// claim opens and locks what is kept about the archive. Another process that
// sweeps may remove it in between.
func (p *place) claim(ctx context.Context) error {
	for {
		err := p.tryClaim(ctx)
		if !errors.Is(err, errSwept) {
			return err
		}
		if err := errors.Join(p.lock.Close(), p.own.Close()); err != nil {
			return err
		}
	}
}

var errSwept = errors.New("removed by another process")

func (p *place) tryClaim(ctx context.Context) error {
	key := keyOf(p.path)
	own := path.Join(ownDir, key)
	err := p.files.MkdirAll(own, 0o700)
	if err != nil {
		return err
	}
	if p.own, err = p.files.OpenRoot(own); err != nil {
		return err
	}
	if p.lock, err = p.own.Open("."); err != nil {
		return err
	}
	p.work, p.workName = p.own, newDir
	if !p.inside {
		p.work, p.workName = p.dir, besideStart+key
	}
	if err := lock(ctx, p.lock); err != nil {
		return err
	}
	locked, err := p.lock.Stat()
	if err != nil {
		return err
	}
	if there, err := p.files.Lstat(own); err != nil || !os.SameFile(there, locked) {
		return errSwept
	}
	return nil
}

// lockEvery is how often a lock that another process has is asked for.
const lockEvery = 50 * time.Millisecond

// lock waits until f is ours. Where there are no locks, it is.
func lock(ctx context.Context, f *os.File) error {
	tick := time.NewTicker(lockEvery)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// close gives the lock and the descriptors back.
func (p *place) close() error {
	var errs []error
	if p.lock != nil {
		errs = append(errs, p.lock.Close())
	}
	for _, root := range []*os.Root{p.own, p.dir} {
		if root != nil {
			errs = append(errs, root.Close())
		}
	}
	return errors.Join(errs...)
}

// open opens the archive. One in the files directory may be a link within it.
func (p *place) open() (f *os.File, err error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY
	if p.inside {
		f, err = p.files.OpenFile(filepath.Join(p.below, filepath.Base(p.path)), flags, 0)
	} else {
		f, err = os.OpenFile(p.path, flags, 0)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%w: it is a directory", ErrFormat)
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%w: it is no regular file", ErrFormat)
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

// statOf returns the stat of an open file.
func statOf(f *os.File) (stat, error) {
	info, err := f.Stat()
	if err != nil {
		return stat{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stat{}, fmt.Errorf("%s: no inode", f.Name())
	}
	return stat{Size: st.Size, Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano(), Inode: st.Ino}, nil
}

// racy is for how long after a change another one may have the same times: a
// file system may keep whole seconds.
const racy = 2 * time.Second

// settled returns st, or the zero stat where a change after now could hide
// behind it.
func (st stat) settled(now time.Time) stat {
	if now.UnixNano()-st.Ctime < int64(racy) {
		return stat{}
	}
	return st
}

// contentOf returns the BLAKE3 of f's bytes, in hex.
func contentOf(ctx context.Context, f *os.File) (string, error) {
	sum := blake3.New()
	all := &meter{ctx: ctx, r: io.NewSectionReader(f, 0, 1<<62), max: 1 << 62}
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{all}, make([]byte, 1<<20)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
