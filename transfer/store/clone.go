package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// scratchName is the name, for a moment, of a file in a transfer directory.
const scratchName = "scratch"

// errUnlike says that a donor's bytes are not those of the chunk.
var errUnlike = errors.New("bytes are not what was hashed")

// errKeep says that the partial file could not be written.
var errKeep = errors.New("cannot be kept")

// A copier brings chunks of donors into a partial file, verified. It is for one
// goroutine.
type copier struct {
	p       *Partial
	buf     []byte
	scratch *os.File // one chunk, in no directory; nil until something is to be cloned
}

// copy makes chunk j of d chunk i of the partial file, and reports whether it
// is new there. Whoever writes to the donor meanwhile, only verified bytes get
// there: they are verified in memory, or in a clone that nobody else can write.
// Errors: errUnlike, one that wraps errKeep, or why the donor cannot be read.
func (c *copier) copy(d *donor, src *Source, j, i int) (fresh bool, err error) {
	m := c.p.m
	c.buf = sized(c.buf, m.Len(i))
	if !d.plain && m.Len(i) == int(m.ChunkSize) { // shared blocks are whole blocks
		err := c.clone(src, j, i)
		if err == nil {
			return c.p.keep(i), nil
		}
		if errors.Is(err, errUnlike) {
			return false, err
		}
		d.plain = true
	}
	if _, err := src.ReadAt(c.buf, m.offset(j)); err != nil {
		return false, err
	}
	if !m.Verify(i, c.buf) {
		return false, errUnlike
	}
	if _, err := c.p.data.WriteAt(c.buf, m.offset(i)); err != nil {
		return false, fmt.Errorf("%s: %w: %w", c.p.name, errKeep, err)
	}
	return c.p.keep(i), nil
}

// clone makes chunk j of src chunk i by sharing its blocks: with the scratch
// file, which is read and verified, and then with that.
func (c *copier) clone(src *Source, j, i int) error {
	if err := c.openScratch(); err != nil {
		return err
	}
	length := int64(c.p.m.ChunkSize)
	if err := cloneRange(c.scratch, 0, src.f.File, c.p.m.offset(j), length); err != nil {
		return err
	}
	if _, err := c.scratch.ReadAt(c.buf, 0); err != nil {
		return err
	}
	if !c.p.m.Verify(i, c.buf) {
		return errUnlike
	}
	return cloneRange(c.p.data.File, c.p.m.offset(i), c.scratch, 0, length)
}

// openScratch makes the scratch file, which has no name from then on.
func (c *copier) openScratch() error {
	if c.scratch != nil {
		return nil
	}
	name := path.Join(c.p.dir, scratchName)
	if err := c.p.store.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // what a crash left would be in the way
	}
	f, err := c.p.create(scratchName)
	if err != nil {
		return err
	}
	if err := c.p.store.root.Remove(name); err != nil {
		return errors.Join(err, f.Close())
	}
	c.scratch = f
	return nil
}

// close gives the scratch file up.
func (c *copier) close() error {
	if c.scratch == nil {
		return nil
	}
	return c.scratch.Close()
}

// cloneRange makes length bytes of dst those of src, by sharing their blocks.
// Both descriptors stay what they are meanwhile, whoever closes the files.
func cloneRange(dst *os.File, to int64, src *os.File, from, length int64) error {
	in, err := src.SyscallConn()
	if err != nil {
		return err
	}
	out, err := dst.SyscallConn()
	if err != nil {
		return err
	}
	var cloned, held error
	err = out.Control(func(outFd uintptr) {
		held = in.Control(func(inFd uintptr) {
			cloned = unix.IoctlFileCloneRange(int(outFd), &unix.FileCloneRange{
				Src_fd: int64(inFd), Src_offset: uint64(from), Src_length: uint64(length), Dest_offset: uint64(to),
			})
		})
	})
	return errors.Join(err, held, os.NewSyscallError("ficlonerange", cloned))
}
