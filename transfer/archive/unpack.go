package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// unpacking is one archive that is found, or made, unpacked.
type unpacking struct {
	*Unpacker
	*place
	archive *os.File
	rec     record // what is known from before
	read    func(n int64)
}

// result is a directory that an archive stands for.
type result struct {
	dir     string // its absolute path
	warning string // "" while it is what the archive holds
}

// do returns the directory of the archive at file, unpacked now where it is not
// there yet. started is called before anything takes long, with the archive's
// size, and read with how much of it was read.
func (u *Unpacker) do(ctx context.Context, file string, started, read func(n int64)) (r result, err error) {
	p, err := u.at(ctx, file)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	f, err := p.open()
	if err != nil {
		return result{}, err
	}
	defer f.Close() // only read
	x := &unpacking{Unpacker: u, place: p, archive: f, rec: readRecord(p.own), read: read}
	st, err := statOf(f)
	if err != nil {
		return result{}, err
	}
	if st == x.rec.Archive {
		if r, ok := x.known(); ok {
			return r, nil
		}
	}
	started(st.Size)
	if same, err := x.sameContent(ctx, st); same || err != nil {
		if r, ok := x.known(); ok || err != nil {
			return r, err
		}
	}
	return x.make(ctx, st)
}

// known returns what the record says the archive stands for, if it is there.
func (x *unpacking) known() (result, bool) {
	if x.rec.Top == "" {
		return result{}, false
	}
	is, err := madeOf(x.dir, x.rec.Top)
	if err == nil && is == x.rec.Made {
		return x.result(x.rec.Top), true
	}
	if info, err := x.dir.Stat(x.rec.Top); err == nil && info.IsDir() {
		return x.foreign(x.rec.Top), true
	}
	return result{}, false
}

func (x *unpacking) result(top string) result {
	return result{dir: filepath.Join(filepath.Dir(x.path), top)}
}

// foreign is the result where a directory of that name was not unpacked from the
// archive.
func (x *unpacking) foreign(top string) result {
	r := x.result(top)
	r.warning = fmt.Sprintf("%s was not unpacked from %s: it is used as it is; move or delete it to have the archive unpacked",
		r.dir, filepath.Base(x.path))
	return r
}

// sameContent reports whether the archive, whose stat is st, holds the bytes
// that were unpacked before; the record then has st.
func (x *unpacking) sameContent(ctx context.Context, st stat) (bool, error) {
	if x.rec.Content == "" || x.rec.Top == "" {
		return false, nil
	}
	now := time.Now()
	content, err := contentOf(ctx, x.archive)
	if err != nil || content != x.rec.Content {
		return false, err
	}
	if after, err := statOf(x.archive); err != nil || after != st {
		return false, errors.Join(err, ErrChanged)
	}
	x.rec.Archive = st.settled(now)
	return true, x.rec.write(x.own)
}

// make unpacks the archive, whose stat is st, and puts the result in its place.
func (x *unpacking) make(ctx context.Context, st stat) (r result, err error) {
	if x.rec.Path == "" { // so that a crash's leavings are found
		x.rec.Path = x.path
		if err := x.rec.write(x.own); err != nil {
			return result{}, err
		}
	}
	if err := remove(x.work, x.workName); err != nil {
		return result{}, err
	}
	if err := x.work.Mkdir(x.workName, 0o700); err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, remove(x.work, x.workName)) }()
	fresh, err := x.work.OpenRoot(x.workName)
	if err != nil {
		return result{}, err
	}
	defer fresh.Close() // all is written back
	rec, err := x.unpack(ctx, fresh, st)
	if err != nil {
		return result{}, err
	}
	return x.put(fresh, rec)
}

// unpack unpacks the archive into fresh, and returns what is to be kept of it.
func (x *unpacking) unpack(ctx context.Context, fresh *os.Root, st stat) (record, error) {
	space, err := room(fresh)
	if err != nil {
		return record{}, err
	}
	top, err := Extract(ctx, counted{x.archive, x.read}, fresh, LimitsFor(st.Size, space))
	if err != nil {
		return record{}, err
	}
	if x.inside && x.cfg.Reserved(path.Join(x.below, top)) {
		return record{}, fmt.Errorf("%s: %w: the name is minimega's own", top, ErrUnsafe)
	}
	now := time.Now()
	content, err := contentOf(ctx, x.archive)
	if err != nil {
		return record{}, err
	}
	if after, err := statOf(x.archive); err != nil || after != st {
		return record{}, errors.Join(err, ErrChanged)
	}
	rec := record{Path: x.path, Archive: st.settled(now), Content: content, Top: top}
	if rec.Made, err = madeOf(fresh, top); err != nil {
		return record{}, err
	}
	if rec.Tree, err = digest(fresh, top); err != nil {
		return record{}, err
	}
	return rec, writeBack(fresh)
}

// counted tells read how much it reads.
type counted struct {
	r    io.Reader
	read func(n int64)
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read(int64(n))
	return n, err
}

// put gives what is in fresh its name, unless that is somebody else's.
func (x *unpacking) put(fresh *os.Root, rec record) (result, error) {
	there, err := madeOf(x.dir, rec.Top)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return x.first(fresh, rec)
	case err == nil && there == x.rec.Made && rec.Top == x.rec.Top:
		return x.replace(fresh, rec)
	}
	if info, err := x.dir.Stat(rec.Top); err != nil || !info.IsDir() {
		return result{}, fmt.Errorf("%s: something that is no directory is %w", rec.Top, ErrInTheWay)
	}
	rec.Made, rec.Tree = made{}, ""
	return x.foreign(rec.Top), rec.write(x.own)
}

// first names a directory where there is none.
func (x *unpacking) first(fresh *os.Root, rec record) (result, error) {
	if err := rec.write(x.own); err != nil {
		return result{}, err
	}
	err := move(fresh, x.dir, rec.Top)
	switch {
	case errors.Is(err, fs.ErrExist):
		return result{}, fmt.Errorf("%s: %w", rec.Top, ErrInTheWay)
	case err != nil:
		return result{}, err
	}
	return x.result(rec.Top), syncDir(x.dir)
}

// replace puts a directory in the place of one that was unpacked before and
// that nobody has touched.
func (x *unpacking) replace(fresh *os.Root, rec record) (result, error) {
	touched := fmt.Errorf("%s: %w", rec.Top, ErrTouched)
	if old, err := digest(x.dir, rec.Top); err != nil || old != x.rec.Tree {
		return result{}, errors.Join(err, touched)
	}
	if err := rec.write(x.own); err != nil {
		return result{}, err
	}
	if err := swap(fresh, x.dir, rec.Top); err != nil {
		return result{}, errors.Join(err, x.rec.write(x.own))
	}
	// Whoever was at work in it until now keeps what he did.
	if old, err := digest(fresh, rec.Top); err != nil || old != x.rec.Tree {
		return result{}, errors.Join(err, touched, swap(fresh, x.dir, rec.Top), x.rec.write(x.own))
	}
	return x.result(rec.Top), syncDir(x.dir)
}
