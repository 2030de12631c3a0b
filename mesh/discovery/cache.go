package discovery

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// When the cache is written and told again.
const (
	writeDelay  = 2 * time.Second // after Remember; what comes meanwhile goes along
	retellEvery = time.Minute
	retellMost  = 64                  // peers, those reached last
	forgetAfter = 30 * 24 * time.Hour // since a peer was reached
	seenGrain   = time.Hour           // a newer time alone is not worth a write
)

// cache is the source that knows the peers reached before. Entries of other
// meshes in the file are kept for them.
type cache struct {
	path string
	log  *limitedLog
	wake chan struct{} // holds one token while dirty

	mu      sync.Mutex
	tag     string // of this mesh; "" until run has begun
	peers   []peer // at most maxPeers, the one reached last at the end
	pending []Hint // remembered before run, at most maxPeers
}

func newCache(path string, log *limitedLog) *cache {
	return &cache{path: path, log: log, wake: make(chan struct{}, 1)}
}

// remember notes h, to be written soon.
func (c *cache) remember(h Hint) {
	if c.path == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tag != "" {
		c.rememberLocked(h)
	} else if len(c.pending) < maxPeers {
		c.pending = append(c.pending, h)
	}
}

func (c *cache) rememberLocked(h Hint) {
	p, ok := newPeer(h, time.Now())
	if !ok {
		return
	}
	p.Tag = c.tag
	if i := slices.IndexFunc(c.peers, func(q peer) bool { return q.equal(&p) }); i >= 0 {
		return
	}
	c.peers = slices.DeleteFunc(c.peers, func(q peer) bool { return q.same(&p) })
	c.peers = append(c.peers, p)
	if len(c.peers) > maxPeers {
		c.peers = slices.Delete(c.peers, 0, len(c.peers)-maxPeers)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// equal reports whether q says nothing that p does not.
func (p *peer) equal(q *peer) bool {
	recent := q.Seen < p.Seen+int64(seenGrain/time.Second)
	return recent && p.ID == q.ID && p.Name == q.Name && p.Tag == q.Tag && slices.Equal(p.Addrs, q.Addrs)
}

// run tells the peers in the file, all at first and the latest again each
// minute, and keeps the file up to date.
func (c *cache) run(ctx context.Context, out outlet) {
	c.load(out.self.Tag)
	c.tell(ctx, out, maxPeers)
	out.firstRoundDone(ctx)

	again := time.NewTicker(retellEvery)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			c.tell(ctx, out, retellMost)
		case <-c.wake:
			pause(ctx, writeDelay)
			c.save()
		case <-ctx.Done():
			c.saveIfDirty()
			return
		}
	}
}

// load reads the file; one that cannot be read is as good as none.
func (c *cache) load(tag string) {
	f, err := os.Open(c.path)
	var peers []peer
	switch {
	case err == nil:
		peers = parsePeers(f)
		f.Close()
	case !errors.Is(err, fs.ErrNotExist):
		c.log.warn("peer cache: cannot be read", "err", err)
	}
	now, oldest := time.Now().Unix(), time.Now().Add(-forgetAfter).Unix()
	peers = slices.DeleteFunc(peers, func(p peer) bool { return p.Seen < oldest })
	for i := range peers {
		peers[i].Seen = min(peers[i].Seen, now) // the clock may have been wrong
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.tag, c.peers = tag, peers
	for _, h := range c.pending {
		c.rememberLocked(h)
	}
	c.pending = nil
}

// tell reports at most n peers of this mesh, those reached last first.
func (c *cache) tell(ctx context.Context, out outlet, n int) {
	for _, p := range slices.Backward(c.snapshot()) {
		if p.Tag != out.self.Tag {
			continue
		}
		if n--; n < 0 {
			return
		}
		out.report(ctx, p.hint())
	}
}

func (c *cache) snapshot() []peer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.peers)
}

func (c *cache) saveIfDirty() {
	select {
	case <-c.wake:
		c.save()
	default:
	}
}

// save replaces the file.
func (c *cache) save() {
	b, err := formatPeers(c.snapshot())
	if err == nil {
		err = replaceFile(c.path, b)
	}
	if err != nil {
		c.log.warn("peer cache: cannot be written", "err", err)
	}
}

// replaceFile puts b at path, for its owner only, so that a reader and a crash
// find the old contents or the new. The file beside it that it uses meanwhile
// has a fixed name: a path has one writer.
func replaceFile(path string, b []byte) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
