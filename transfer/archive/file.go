package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// file writes a regular file.
func (x *extraction) file(name string, h *tar.Header) error {
	if h.Typeflag == tar.TypeReg && !isSparse(h) {
		if err := x.stream.need(h.Size); err != nil {
			return err
		}
	}
	if err := x.parents(name); err != nil {
		return err
	}
	if err := x.replace(name); err != nil {
		return err
	}
	f, err := x.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return collision(err)
	}
	err = x.content(f, h.Size)
	if err == nil {
		err = f.Chmod(h.FileInfo().Mode().Perm())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return x.setTime(name, h.ModTime)
}

// isSparse reports a pax archive's sparse file, which holds less than its size.
func isSparse(h *tar.Header) bool {
	for _, key := range []string{"GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.size", "GNU.sparse.realsize"} {
		if _, ok := h.PAXRecords[key]; ok {
			return true
		}
	}
	return false
}

// replace removes an earlier file of that name.
func (x *extraction) replace(name string) error {
	if was, ok := x.seen[name]; ok && was.kind == tar.TypeReg {
		if err := x.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// content copies size bytes of the entry to f, which is empty.
func (x *extraction) content(f *os.File, size int64) error {
	for off := int64(0); off < size; {
		b := x.buf[:min(int64(len(x.buf)), size-off)]
		if _, err := io.ReadFull(x.tar, b); err != nil {
			return x.badTar(err)
		}
		if !bytes.Equal(b, x.zeros[:len(b)]) {
			if _, err := f.WriteAt(b, off); err != nil {
				return err
			}
		}
		off += int64(len(b))
	}
	return f.Truncate(size)
}

// setTime sets a file's or directory's modification time where the system can
// hold it.
func (x *extraction) setTime(name string, t time.Time) error {
	if t.Unix() <= 0 || t.Year() > 9999 {
		return nil
	}
	return x.root.Chtimes(name, t, t)
}

// hardLink gives another name to what the archive held before.
func (x *extraction) hardLink(name string, h *tar.Header) error {
	old, _, err := cleanName(h.Linkname)
	if err != nil {
		return fmt.Errorf("a hard link to %s: %w", shown(h.Linkname), err)
	}
	if target, ok := x.links[old]; ok { // a link's second name
		return x.link(name, relative(old, name, target))
	}
	if x.seen[old].kind != tar.TypeReg {
		return fmt.Errorf("%w: a hard link to %s, which is no file before it in the archive", ErrUnsafe, shown(h.Linkname))
	}
	if old == name {
		return nil
	}
	if err := x.parents(name); err != nil {
		return err
	}
	if err := x.replace(name); err != nil {
		return err
	}
	return collision(x.root.Link(old, name))
}
