package archive

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"
)

// made tells a directory from another that has its name later.
type made struct {
	Inode uint64 `json:"inode"`
	Birth int64  `json:"birth"` // Unix time in ns; 0 where the file system keeps none
}

// madeOf returns the made of the directory name, not of a link to one. The
// error is fs.ErrNotExist, ErrInTheWay for anything else, or the system's.
func madeOf(root *os.Root, name string) (made, error) {
	info, err := root.Lstat(name)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s: something else is %w", name, ErrInTheWay)
	}
	if err != nil {
		return made{}, err
	}
	f, err := root.OpenFile(name, syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return made{}, err
	}
	defer f.Close() // only asked
	var st unix.Statx_t
	err = unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_BTIME, &st)
	if err != nil {
		return made{}, os.NewSyscallError("statx", err)
	}
	m := made{Inode: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		m.Birth = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return m, nil
}

// digest returns what changes when anything at or below the directory name
// does, its being renamed excepted. It reads no file.
func digest(root *os.Root, name string) (string, error) {
	sum := blake3.New()
	top, err := root.OpenRoot(name)
	if err != nil {
		return "", err
	}
	defer top.Close() // only read
	err = fs.WalkDir(top.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("%s: no inode", name)
		}
		size, ctime := st.Size, st.Ctim.Nano()
		if d.IsDir() { // both may change with its name
			size, ctime = 0, 0
		}
		_, err = fmt.Fprintf(sum, "%q %o %d %d %d %d %d %d\n", name, st.Mode, st.Uid, st.Gid, size, st.Mtim.Nano(), ctime, st.Ino)
		return err
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// remove removes name and what is below it, also what is not writable.
func remove(root *os.Root, name string) error {
	if root.RemoveAll(name) == nil {
		return nil
	}
	open := func(dir string) error { return root.Chmod(dir, 0o700) }
	if err := eachDir(root, name, open); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return root.RemoveAll(name)
}

// eachDir calls f for the directory name and those below it, each before it is
// read. It follows no links.
func eachDir(root *os.Root, name string, f func(dir string) error) error {
	info, err := root.Lstat(name)
	if err != nil || !info.IsDir() {
		return err
	}
	if err := f(name); err != nil {
		return err
	}
	nodes, err := fs.ReadDir(root.FS(), name)
	if err != nil {
		return err
	}
	for _, node := range nodes {
		if !node.IsDir() {
			continue
		}
		if err := eachDir(root, path.Join(name, node.Name()), f); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a directory survive a power loss.
func syncDir(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()                                                     // only read
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // a file system that has no such thing
		return err
	}
	return nil
}

// writeBack makes all of dir's file system survive a power loss: for some
// thousand files a thousand times cheaper than one at a time.
func writeBack(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close() // only asked
	return os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd())))
}

// room returns how many bytes dir's file system has for us: what is free less
// 1 % of it and 64 MiB, a small disk's twentieth where that is less.
func room(dir *os.Root) (int64, error) {
	f, err := dir.Open(".")
	if err != nil {
		return 0, err
	}
	defer f.Close() // only asked
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return 0, os.NewSyscallError("statfs", err)
	}
	free, total := int64(st.Bavail)*int64(st.Frsize), int64(st.Blocks)*int64(st.Frsize)
	return max(0, free-min(max(free/100, 64<<20), total/20)), nil
}

// move renames name from one directory to another. It fails with fs.ErrExist
// where the name is taken.
func move(from, to *os.Root, name string) error {
	err := rename(from, to, name, unix.RENAME_NOREPLACE)
	if !errors.Is(err, syscall.EINVAL) {
		return err
	}
	if _, err := to.Lstat(name); !errors.Is(err, fs.ErrNotExist) { // a file system without the flag
		return fs.ErrExist
	}
	return rename(from, to, name, 0)
}

// swap exchanges what has that name in two directories, in one step.
func swap(a, b *os.Root, name string) error {
	err := rename(a, b, name, unix.RENAME_EXCHANGE)
	if errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("this file system cannot exchange directories: delete %s first", name)
	}
	return err
}

func rename(from, to *os.Root, name string, flags uint) error {
	f, err := from.Open(".")
	if err != nil {
		return err
	}
	defer f.Close() // only named
	t, err := to.Open(".")
	if err != nil {
		return err
	}
	defer t.Close() // only named
	err = unix.Renameat2(int(f.Fd()), name, int(t.Fd()), name, flags)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: name, New: path.Join(to.Name(), name), Err: err}
	}
	return nil
}
