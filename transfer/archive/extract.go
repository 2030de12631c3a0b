package archive

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// tarBlock is what tar's headers and contents are multiples of, in bytes.
const tarBlock = 512

// copyBuffer is how much of a file is written at once, in bytes; as much of
// zeros becomes a hole.
const copyBuffer = 64 << 10

// extraction is one archive being unpacked.
type extraction struct {
	root   *os.Root
	left   Limits
	stream *meter // of what tar reads
	tar    *tar.Reader
	top    string // the top-level directory; "" before the first entry

	seen  map[string]seen
	dirs  map[string]dir    // what is made of a directory in the end
	links map[string]string // link → its cleaned target
	buf   []byte
	zeros []byte // as long as buf
}

// seen is what a name has been so far.
type seen struct {
	kind    byte // tar.TypeReg, TypeDir or TypeSymlink
	renamed bool // the archive had it in another normal form
}

type dir struct {
	mode  fs.FileMode
	mtime time.Time // zero: any
}

// Extract unpacks the archive r into root, an empty directory, and returns the
// name of the directory that is now in it. It blocks until then, until ctx
// ends, or until an error, after which root may hold a part. Nothing is written
// outside root. Errors wrap one of this package's, or are ctx's or the system's.
func Extract(ctx context.Context, r io.Reader, root *os.Root, limits Limits) (top string, err error) {
	plain, closeDecoder, err := decompress(&meter{ctx: ctx, r: r, max: 1<<63 - 2})
	if err != nil {
		return "", badStream(err)
	}
	defer closeDecoder()
	stream := &meter{ctx: ctx, r: plain, max: limits.Stream}
	x := &extraction{
		root: root, left: limits, stream: stream, tar: tar.NewReader(stream),
		seen: map[string]seen{}, dirs: map[string]dir{}, links: map[string]string{},
		buf: make([]byte, copyBuffer), zeros: make([]byte, copyBuffer),
	}
	if err := x.entries(); err != nil {
		return "", err
	}
	if _, err := io.Copy(io.Discard, stream); err != nil { // checksums come last
		return "", badStream(err)
	}
	return x.top, x.finish()
}

// entries unpacks all but links.
func (x *extraction) entries() error {
	for {
		before := x.stream.n
		h, err := x.tar.Next()
		if err == io.EOF {
			return x.ended(before)
		}
		if err != nil {
			return x.badTar(err)
		}
		if err := x.entry(h); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, x.tar); err != nil {
			return x.badTar(err)
		}
	}
}

// ended tells whether the archive, whose last entry was read up to before, has
// the block of zeros that marks its end.
func (x *extraction) ended(before int64) error {
	before += (tarBlock - before%tarBlock) % tarBlock
	switch {
	case x.stream.n == 0:
		return ErrFormat
	case x.stream.n < before+tarBlock:
		return fmt.Errorf("%w: no end mark", ErrTruncated)
	case x.top == "":
		return fmt.Errorf("%w, but is empty", ErrTop)
	}
	return nil
}

// badTar says what an error of tar's means.
func (x *extraction) badTar(err error) error {
	if errors.Is(err, tar.ErrHeader) && x.stream.n <= 2*tarBlock && x.top == "" {
		return ErrFormat
	}
	return fmt.Errorf("byte %d: %w", x.stream.n, badStream(err))
}

// badStream sorts errors of decoders into those of this package; what ended
// the reading, and its own errors, stay.
func badStream(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, ErrLimit), errors.Is(err, ErrDamaged), errors.Is(err, ErrFormat), isSystem(err):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return ErrTruncated
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// isSystem reports an error of reading the archive's file, not of its bytes.
func isSystem(err error) bool {
	var failed *fs.PathError
	return errors.As(err, &failed)
}

// entry unpacks one entry.
func (x *extraction) entry(h *tar.Header) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return x.left.entry(len(h.Name), 0)
	}
	var size int64
	if h.Typeflag == tar.TypeReg || h.Typeflag == tar.TypeGNUSparse {
		size = h.Size
	}
	if err := x.left.entry(len(h.Name)+len(h.Linkname), size); err != nil {
		return fmt.Errorf("%s: %w", shown(h.Name), err)
	}
	name, err := x.name(h)
	if err != nil || name == "" {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		err = x.directory(name, h)
	case tar.TypeReg, tar.TypeGNUSparse:
		err = x.file(name, h)
	case tar.TypeSymlink:
		err = x.link(name, h.Linkname)
	case tar.TypeLink:
		err = x.hardLink(name, h)
	default:
		err = fmt.Errorf("%w: it is %s", ErrUnsafe, kindName(h.Typeflag))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", shown(h.Name), err)
	}
	return nil
}

// kindName names what is refused.
func kindName(flag byte) string {
	switch flag {
	case tar.TypeChar, tar.TypeBlock:
		return "a device: pack the archive without it"
	case tar.TypeFifo:
		return "a pipe: pack the archive without it"
	}
	return fmt.Sprintf("of the unknown kind %q", flag)
}

// directory makes a directory, or changes what one that is there becomes.
func (x *extraction) directory(name string, h *tar.Header) error {
	if _, ok := x.dirs[name]; !ok {
		if err := x.makeDir(name); err != nil {
			return err
		}
	}
	x.dirs[name] = dir{h.FileInfo().Mode().Perm(), h.ModTime}
	return nil
}

// makeDir makes a directory that is missing, and those above it.
func (x *extraction) makeDir(name string) error {
	if err := x.parents(name); err != nil {
		return err
	}
	if err := x.root.Mkdir(name, 0o700); err != nil {
		return collision(err)
	}
	x.dirs[name] = dir{mode: 0o755}
	x.seen[name] = seen{kind: tar.TypeDir, renamed: x.seen[name].renamed}
	return nil
}

// collision says what an existing name means: the archive had none like it.
func collision(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: this file system takes it for another of the archive's names", ErrUnsafe)
	}
	return err
}

// finish makes the links, and gives directories their modes and times.
func (x *extraction) finish() error {
	for name, target := range x.links {
		if err := x.root.Symlink(target, name); err != nil {
			return fmt.Errorf("%s: %w", shown(name), collision(err))
		}
	}
	for _, name := range deepestFirst(x.dirs) {
		d := x.dirs[name]
		if err := cmp.Or(x.setTime(name, d.mtime), x.root.Chmod(name, d.mode)); err != nil {
			return err
		}
	}
	return nil
}
