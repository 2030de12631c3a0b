package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// openBeneath opens a clean name below the files directory for reading, with one
// call of the system where os.Root needs three for each directory on the way. It
// fails where anything on the way is a link, and on systems older than Linux
// 5.6: the caller then takes the name apart.
func (s *Store) openBeneath(name string) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	}
	fd, err := unix.Openat2(int(s.top.Fd()), name, &how)
	if err != nil {
		return nil, os.NewSyscallError("openat2", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// createIn makes the file base, which has no slash, in dir.
func createIn(dir *os.File, base string) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: base, Err: err}
	}
	return os.NewFile(uintptr(fd), base), nil
}

// renameIn moves the entry from of one directory to the entry to of another.
func renameIn(old *os.File, from string, dir *os.File, to string) error {
	return os.NewSyscallError("rename", unix.Renameat(int(old.Fd()), from, int(dir.Fd()), to))
}

// statIn looks at the entry base of dir, which is not followed.
func statIn(dir *os.File, base string) (fileStat, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fileStat{}, os.NewSyscallError("fstatat", err)
	}
	return fileStat{dev: uint64(st.Dev), ino: st.Ino, size: st.Size, mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano()}, nil
}
