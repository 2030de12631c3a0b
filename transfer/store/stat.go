package store

import (
	"io/fs"
	"syscall"

	"minimega/mesh/wire"
)

// fileStat is what tells that a file is still the same, unwritten file. The
// zero fileStat is that of no file. Linux changes ctime at every write, and no
// call can set it.
type fileStat struct {
	dev, ino     uint64
	size         int64 // bytes
	mtime, ctime int64 // Unix time in ns
}

// statOf returns the fileStat of what os has looked at.
func statOf(info fs.FileInfo) fileStat {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileStat{}
	}
	return fileStat{
		dev:   uint64(st.Dev),
		ino:   st.Ino,
		size:  st.Size,
		mtime: st.Mtim.Nano(),
		ctime: st.Ctim.Nano(),
	}
}

// metaOf returns what is kept of a file besides its bytes. The set-user-ID,
// set-group-ID and sticky bits are not.
func metaOf(info fs.FileInfo) wire.Meta {
	m := wire.Meta{Mode: uint32(info.Mode().Perm()), ModTime: info.ModTime().UnixNano()}
	if info.Mode().IsRegular() {
		m.Size = info.Size()
	}
	return m
}
