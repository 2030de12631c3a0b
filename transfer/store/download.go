package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"minimega/mesh/wire"
)

const (
	syncBytes  = 64 << 20 // written between two syncs of a Download at most
	syncEvery  = 2 * time.Second
	spaceBytes = 8 << 20 // written between two looks at the free space
)

// ErrTooLong reports bytes behind the end that a [Stamp] tells.
var ErrTooLong = errors.New("more bytes than there should be")

// A Stamp says which content a [Download] holds the beginning of.
type Stamp struct {
	Size     int64  `json:"size"`     // of all of it, bytes; -1: not known
	Tag      string `json:"tag"`      // what proves that it is still this one; "": nothing does, it cannot go on later
	Modified int64  `json:"modified"` // Unix time in ns
}

// A Download is a file that comes from outside the mesh: bytes in their order,
// of which nobody knows hashes. One that another node began may have some that
// lie further ahead, see [Store.TakeOver]. It lies in a transfer directory, like a
// [Partial], with a record of what of it would survive a power loss
// (downloadrecord.go has its bytes). It has two descriptors from Begin on, until
// Publish, Close or Abandon. It is not safe for concurrent use.
type Download struct {
	store  *Store
	name   wire.FileName
	source string // where it comes from, in words of the caller's
	stamp  Stamp

	dir     string   // the transfer directory; "": there is none yet
	lock    *os.File // dir, locked against other processes
	data    *os.File
	held    int64     // bytes from the beginning on
	ahead   []extent  // what else there is, in order
	synced  int64     // of them in the record
	syncAt  time.Time // of the last sync
	roomFor int64     // held up to which there was room at the last look
}

// Holds reports whether name is a regular file of the store.
func (s *Store) Holds(name wire.FileName) bool {
	_, _, err := s.regular(name)
	return err == nil
}

// OpenDownload returns the download of name from source, with what an earlier
// one has left of it. Nothing is made before Begin. Errors wrap wire.ErrBadName
// or [ErrInTheWay].
func (s *Store) OpenDownload(name wire.FileName, source string) (*Download, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := s.notADir(name); err != nil {
		return nil, err
	}
	switch _, err := s.parentOf(string(name)); {
	case errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("%s: a file is %w of its directory", name, ErrInTheWay)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d := &Download{store: s, name: name, source: source, stamp: Stamp{Size: -1}}
	return d, d.takeUp()
}

// Stamp returns what Begin was given, or what an earlier process has left.
func (d *Download) Stamp() Stamp { return d.stamp }

// Held returns how many bytes there are from the beginning on.
func (d *Download) Held() int64 { return d.held }

// Lacks returns where the bytes that are to come next end: -1 where nobody
// knows.
func (d *Download) Lacks() int64 {
	if len(d.ahead) > 0 {
		return d.ahead[0].from
	}
	return d.stamp.Size
}

// Done returns how many bytes there are in all.
func (d *Download) Done() int64 {
	n := d.held
	for _, e := range d.ahead {
		n += e.to - e.from
	}
	return n
}

// advance counts as held what follows at once.
func (d *Download) advance() {
	for len(d.ahead) > 0 && d.ahead[0].from <= d.held {
		d.held = max(d.held, d.ahead[0].to)
		d.ahead = d.ahead[1:]
	}
}

// Dir returns the absolute path of the transfer directory; "" where there is
// none yet.
func (d *Download) Dir() string {
	if d.dir == "" {
		return ""
	}
	return path.Join(d.store.dir, d.dir)
}

// Begin forgets all bytes, and says what those to come are of. The error is a
// *[NoSpaceError] where there is no room for them.
func (d *Download) Begin(stamp Stamp) error {
	d.held, d.ahead, d.synced, d.roomFor, d.stamp = 0, nil, 0, 0, stamp
	if err := d.store.fits(max(stamp.Size, 0), nil); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	if err := d.makeFiles(); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	if err := d.data.Truncate(0); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	d.syncAt = time.Now()
	return d.writeRecord()
}

// makeFiles makes the transfer directory, unless it is there.
func (d *Download) makeFiles() error {
	if d.dir != "" {
		return nil
	}
	p := &Partial{store: d.store}
	if err := p.makeDir(); err != nil {
		return err
	}
	data, err := p.create(dataName)
	if err != nil {
		return errors.Join(err, d.store.root.RemoveAll(p.dir), p.lock.Close())
	}
	d.dir, d.lock, d.data = p.dir, p.lock, data
	return nil
}

// Write adds b to what is held. Its error wraps [ErrTooLong], is a *[NoSpaceError],
// or the system's; what was written by then is held.
func (d *Download) Write(b []byte) (int, error) {
	if end := d.Lacks(); end >= 0 && int64(len(b)) > end-d.held {
		return 0, fmt.Errorf("%s: %w: %d", d.name, ErrTooLong, end)
	}
	if d.held+int64(len(b)) > d.roomFor {
		need := int64(spaceBytes)
		if d.stamp.Size >= 0 {
			need = min(need, d.stamp.Size-d.held)
		}
		if err := d.store.fits(need, nil); err != nil {
			return 0, fmt.Errorf("%s: %w", d.name, err)
		}
		d.roomFor = d.held + int64(len(b)) + spaceBytes
	}
	n, err := d.data.WriteAt(b, d.held)
	d.held += int64(n)
	d.advance()
	if err == nil && (d.held-d.synced >= syncBytes || time.Since(d.syncAt) >= syncEvery) {
		err = d.sync()
	}
	return n, err
}

// sync makes what is held survive a power loss, where it could go on later.
func (d *Download) sync() error {
	d.syncAt = time.Now()
	if d.stamp.Tag == "" {
		d.synced = d.held
		return nil
	}
	if err := datasync(d.data); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	d.synced = d.held
	return d.writeRecord()
}

// Publish gives the file its name, as Partial's does, and ends d. m is what its
// content was hashed to, nil where it was not. The error is [ErrIncomplete] while
// bytes are missing; d has not ended then.
func (d *Download) Publish(meta wire.Meta, m *Manifest) error {
	if d.dir == "" || d.stamp.Size >= 0 && d.held != d.stamp.Size {
		return fmt.Errorf("%s: %w: %d of %d bytes", d.name, ErrIncomplete, d.held, d.stamp.Size)
	}
	if err := errors.Join(d.data.Truncate(d.held), setMeta(d.data, meta)); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	if err := d.store.checkSame(path.Join(d.dir, dataName), d.data, d.held); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	if err := d.data.Sync(); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	real, made, err := d.store.makeParents(d.name)
	if err != nil {
		return err
	}
	if err := d.store.move(path.Join(d.dir, dataName), real, d.name); err != nil {
		return err
	}
	err = d.store.syncDirs(path.Dir(real), made)
	if m != nil {
		d.store.remember(real, d.data, m)
	}
	return errors.Join(err, d.Abandon())
}

// Close keeps what is held for another OpenDownload, where it could go on;
// otherwise it is Abandon. Ending twice is no error.
func (d *Download) Close() error {
	if d.dir == "" {
		return nil
	}
	if d.stamp.Tag == "" || d.held == 0 {
		return d.Abandon()
	}
	err := d.sync()
	d.dir = ""
	return errors.Join(err, d.data.Close(), d.lock.Close())
}

// Abandon removes the transfer directory, and ends d.
func (d *Download) Abandon() error {
	if d.dir == "" {
		return nil
	}
	err := errors.Join(d.store.root.RemoveAll(d.dir), d.data.Close(), d.lock.Close())
	d.dir = ""
	return err
}

// checkSame checks that name is still the file that is open, of size bytes.
func (s *Store) checkSame(name string, open *os.File, size int64) error {
	there, err := s.root.Lstat(name)
	if err != nil {
		return err
	}
	info, err := open.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(there, info) || info.Size() != size {
		return fmt.Errorf("the data in %s was changed by someone else", path.Join(s.dir, path.Dir(name)))
	}
	return nil
}
