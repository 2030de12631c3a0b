package store

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"minimega/mesh/wire"
)

// hashCache remembers the manifests of files that were hashed, in memory their
// versions alone. Nothing depends on it but time: what is damaged, stale or
// cannot be written costs hashing again.
//
// An entry is good as long as the file's stat is what it was when the hashing
// began. A change could hide behind an equal stat only while the file system's
// clock stood still, so what had just been changed then is remembered for that
// long and no longer (as git does with "racily clean" files).
type hashCache struct {
	log *slog.Logger
	now func() time.Time

	writing sync.Mutex // one append at a time; held while writing, never while reading
	f       *os.File   // nil where there can be none

	mu    sync.Mutex
	slots map[string]slot      // path without links → what was hashed there
	fresh map[string]*Manifest // the same for files that had just been changed
	sweep int                  // size of fresh at which expired ones are dropped
}

// slot is one file's entry.
type slot struct {
	stat      fileStat
	chunkSize uint32
	version   wire.Version
	offset    int64 // of the hashes in the cache file
}

// settled reports whether a change after began would have shown in a stat that
// was taken then.
func settled(st fileStat, began time.Time) bool {
	return began.UnixNano() >= st.ctime+int64(standstill(st.ctime))
}

// standstill returns for how long two changes may have the same ctime: a
// kernel's tick (10 ms at most), and a wide margin; up to 2 s on file systems
// whose times are in whole seconds or so.
func standstill(ctime int64) time.Duration {
	if ctime%int64(time.Millisecond) == 0 {
		return 2 * time.Second
	}
	return 100 * time.Millisecond
}

// version returns the version of the content of real whose stat is st.
func (c *hashCache) version(real string, st fileStat) (wire.Version, bool) {
	if m, ok := c.freshFor(real, st); ok {
		return m.Version(), true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if sl, ok := c.slots[real]; ok && sl.stat == st {
		return sl.version, true
	}
	return wire.Version{}, false
}

// manifest returns the manifest of the content of real whose stat is st.
func (c *hashCache) manifest(real string, st fileStat) (*Manifest, bool) {
	if m, ok := c.freshFor(real, st); ok {
		return m, true
	}
	c.mu.Lock()
	sl, ok := c.slots[real]
	c.mu.Unlock()
	if !ok || sl.stat != st {
		return nil, false
	}
	m, err := c.read(sl)
	if err != nil {
		c.log.Debug("hash cache entry dropped", "name", real, "err", err)
		c.drop(real, sl)
		return nil, false
	}
	return m, true
}

// freshFor looks among the files that had just been changed.
func (c *hashCache) freshFor(real string, st fileStat) (*Manifest, bool) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.fresh[real]
	if ok && (m.stat != st || settled(m.stat, now)) {
		delete(c.fresh, real)
		ok = false
	}
	return m, ok
}

// drop forgets an entry that turned out to be damaged.
func (c *hashCache) drop(real string, sl slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slots[real] == sl {
		delete(c.slots, real)
	}
}

// put remembers m for real; only for a moment when it is not settled.
func (c *hashCache) put(real string, m *Manifest, settled bool) {
	if !settled {
		c.putFresh(real, m)
		return
	}
	c.putAll([]cached{{real, m}})
}

// cached is a manifest under the path, without links, that it is of.
type cached struct {
	real string
	m    *Manifest
}

// putAll is put for files that have settled.
func (c *hashCache) putAll(files []cached) {
	if len(files) == 0 {
		return
	}
	slots, err := c.append(files)
	if err != nil {
		if !errors.Is(err, os.ErrClosed) {
			c.log.Debug("hash cache not written", "name", files[0].real, "files", len(files), "err", err)
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range files {
		c.slots[f.real] = slots[i]
	}
}

func (c *hashCache) putFresh(real string, m *Manifest) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh[real] = m
	if len(c.fresh) < c.sweep {
		return
	}
	for name, old := range c.fresh {
		if settled(old.stat, now) {
			delete(c.fresh, name)
		}
	}
	c.sweep = 2*len(c.fresh) + 64
}

// read returns the manifest in the cache file that sl is of.
func (c *hashCache) read(sl slot) (*Manifest, error) {
	m := &Manifest{Size: sl.stat.size, ChunkSize: sl.chunkSize, stat: sl.stat}
	m.Hashes = make([]byte, wire.ChunkCount(m.Size, m.ChunkSize)*wire.HashSize)
	if _, err := c.f.ReadAt(m.Hashes, sl.offset); err != nil {
		return nil, err
	}
	if m.Version() != sl.version {
		return nil, errDamaged
	}
	return m, nil
}
