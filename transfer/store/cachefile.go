package store

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"minimega/mesh/wire"
	"minimega/transfer/digest"
)

// The cache file is records, one after another; a later one for a name takes
// the place of an earlier one. Integers are big endian.
//
//	offset  size  field
//	0       4     "mmh1"
//	4       4     N, the length of the name
//	8       8     the file's size, in bytes
//	16      8     its device
//	24      8     its inode
//	32      8     its mtime, Unix time in ns
//	40      8     its ctime, Unix time in ns
//	48      4     its chunk size
//	52      32    its version
//	84      N     its path below the files directory, without links
//	84+N    8     the first bytes of the BLAKE3 of all before
//	92+N    32 n  the hashes of its chunks, which the version checks
//
// Records may be written together. The beginning of the first, up to its hashes,
// is written last, so that what was cut short has no beginning. Reading stops at
// the first record that is damaged.
const (
	cacheName   = ownDir + "/hashes"
	cacheMagic  = "mmh1"
	recordFixed = 84
	recordCheck = 8
	maxCache    = 1 << 30 // bytes of cache file; over it, it begins anew
	minCompact  = 1 << 20 // bytes of cache file that are never worth tidying
)

var errDamaged = errors.New("damaged")

// openCache returns the cache of the files directory root, which has no file
// when that cannot be written.
func openCache(s *Store) *hashCache {
	c := &hashCache{
		log:   s.log,
		now:   time.Now,
		slots: make(map[string]slot),
		fresh: make(map[string]*Manifest),
	}
	if err := c.open(s.root); err != nil {
		s.log.Info("no hash cache: files are hashed again at each start", "err", err)
	}
	return c
}

func (c *hashCache) open(root *os.Root) error {
	if err := root.MkdirAll(ownDir, 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(cacheName, os.O_RDWR|os.O_CREATE|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", cacheName, wire.ErrNotRegular)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	c.f = f
	unlock, err := lockFile(f) // another process may have the same directory
	if err != nil {
		return err
	}
	defer unlock()
	good, live := c.load(info.Size())
	if good < info.Size() {
		c.log.Debug("hash cache cut", "from", info.Size(), "to", good)
		if err := f.Truncate(good); err != nil {
			return err
		}
	}
	if good > minCompact && good > 2*live {
		return c.compact(root)
	}
	return nil
}

func (c *hashCache) close() error {
	if c.f == nil {
		return nil
	}
	return c.f.Close()
}

// load reads the index. It returns how many bytes of the file hold, and how
// many of them still count.
func (c *hashCache) load(size int64) (good, live int64) {
	sizes := make(map[string]int64)
	r := bufio.NewReaderSize(nil, 64<<10)
	at := int64(-1) // where r reads
	for good < size {
		if at != good {
			r.Reset(io.NewSectionReader(c.f, good, size-good))
			at = good
		}
		name, sl, head, err := readRecord(r)
		if err != nil {
			break
		}
		sl.offset = good + head
		body := wire.ChunkCount(sl.stat.size, sl.chunkSize) * wire.HashSize
		if body > size-sl.offset {
			break
		}
		at += head
		if body <= int64(r.Buffered()) {
			n, _ := r.Discard(int(body)) // all of it is buffered
			at += int64(n)
		}
		good = sl.offset + body
		live -= sizes[name]
		delete(sizes, name)
		delete(c.slots, name)
		if sl.chunkSize != wire.ChunkSizeFor(sl.stat.size) { // another release's, to whom the content is another version
			continue
		}
		live += head + body
		sizes[name] = head + body
		c.slots[name] = sl
	}
	return good, live
}

// readRecord reads a record up to its hashes, and returns how long that was.
func readRecord(r io.Reader) (string, slot, int64, error) {
	b := make([]byte, recordFixed, recordFixed+64)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", slot{}, 0, err
	}
	n := binary.BigEndian.Uint32(b[4:])
	if string(b[:4]) != cacheMagic || n > wire.MaxFileName {
		return "", slot{}, 0, errDamaged
	}
	b = append(b, make([]byte, n+recordCheck)...)
	if _, err := io.ReadFull(r, b[recordFixed:]); err != nil {
		return "", slot{}, 0, err
	}
	body := b[:recordFixed+n]
	if sum := digest.Sum(body); string(sum[:recordCheck]) != string(b[len(body):]) {
		return "", slot{}, 0, errDamaged
	}
	sl := slot{
		stat: fileStat{
			size:  int64(binary.BigEndian.Uint64(b[8:])),
			dev:   binary.BigEndian.Uint64(b[16:]),
			ino:   binary.BigEndian.Uint64(b[24:]),
			mtime: int64(binary.BigEndian.Uint64(b[32:])),
			ctime: int64(binary.BigEndian.Uint64(b[40:])),
		},
		chunkSize: binary.BigEndian.Uint32(b[48:]),
		version:   wire.Version(b[52:recordFixed]),
	}
	if _, err := chunkCount(sl.stat.size, sl.chunkSize); err != nil {
		return "", slot{}, 0, err
	}
	return string(body[recordFixed:]), sl, int64(len(b)), nil
}

// appendRecord appends a record up to its hashes.
func appendRecord(b []byte, name string, sl slot) []byte {
	from := len(b)
	b = append(b, cacheMagic...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
	b = binary.BigEndian.AppendUint64(b, uint64(sl.stat.size))
	b = binary.BigEndian.AppendUint64(b, sl.stat.dev)
	b = binary.BigEndian.AppendUint64(b, sl.stat.ino)
	b = binary.BigEndian.AppendUint64(b, uint64(sl.stat.mtime))
	b = binary.BigEndian.AppendUint64(b, uint64(sl.stat.ctime))
	b = binary.BigEndian.AppendUint32(b, sl.chunkSize)
	b = append(b, sl.version[:]...)
	b = append(b, name...)
	sum := digest.Sum(b[from:])
	return append(b, sum[:recordCheck]...)
}

// append writes a record for each of files, and returns what they say.
func (c *hashCache) append(files []cached) ([]slot, error) {
	if c.f == nil {
		return nil, os.ErrClosed
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	unlock, err := lockFile(c.f)
	if err != nil {
		return nil, err
	}
	defer unlock()
	end, err := c.f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if end > maxCache {
		if end, err = 0, c.restart(); err != nil {
			return nil, err
		}
	}
	var b []byte
	slots := make([]slot, 0, len(files))
	first := 0 // where the hashes of the first record begin
	for _, f := range files {
		sl := slot{stat: f.m.stat, chunkSize: f.m.ChunkSize, version: f.m.Version()}
		b = appendRecord(b, f.real, sl)
		if first == 0 {
			first = len(b)
		}
		sl.offset = end + int64(len(b))
		b = append(b, f.m.Hashes...)
		slots = append(slots, sl)
	}
	if err := writeBackwards(c.f, end, b[:first], b[first:]); err != nil {
		return nil, errors.Join(err, c.f.Truncate(end))
	}
	return slots, nil
}

// writeBackwards writes head at off and rest behind it, that first.
func writeBackwards(f io.WriterAt, off int64, head, rest []byte) error {
	if _, err := f.WriteAt(rest, off+int64(len(head))); err != nil {
		return err
	}
	_, err := f.WriteAt(head, off)
	return err
}

// restart empties the cache.
func (c *hashCache) restart() error {
	c.mu.Lock()
	clear(c.slots)
	c.mu.Unlock()
	return c.f.Truncate(0)
}

// compact writes the file anew with what still is as it was.
func (c *hashCache) compact(root *os.Root) error {
	const temp = cacheName + ".new"
	f, err := root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	next := &hashCache{log: c.log, now: c.now, f: f, slots: make(map[string]slot)}
	for name, sl := range c.slots {
		info, err := root.Lstat(name)
		if err != nil || statOf(info) != sl.stat {
			continue
		}
		if m, err := c.read(sl); err == nil {
			next.put(name, m, true)
		}
	}
	if err := root.Rename(temp, cacheName); err != nil {
		return errors.Join(err, f.Close(), root.Remove(temp))
	}
	old := c.f
	c.f, c.slots = f, next.slots
	return old.Close()
}
