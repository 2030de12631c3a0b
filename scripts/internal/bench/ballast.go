package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// crumbEvery is how far apart the crumbs of a ballast lie: a machine that is a
// guest gives free memory back to its host in blocks, of 2 MiB and more.
const crumbEvery = 1 << 20

// crumble frees the memory of the file at path but for a page in each MiB. What
// was free for a while the host has taken away, and to write to it takes five
// times as long, so that a tool is slower the later it writes; around crumbs no
// block is free as a whole, and none is taken.
func crumble(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	page := int64(os.Getpagesize())
	for at := int64(0); at < info.Size(); at += crumbEvery {
		if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at+page, crumbEvery-page); err != nil {
			return os.NewSyscallError("fallocate", err)
		}
	}
	return nil
}
