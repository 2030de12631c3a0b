package transfer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// changed returns data with share of its 64 KiB blocks changed, at random.
func changed(data []byte, share float64) []byte {
	const block = 64 << 10
	data = slices.Clone(data)
	blocks := len(data) / block
	r := rand.New(rand.NewPCG(1, 2))
	for _, b := range r.Perm(blocks)[:int(share*float64(blocks)+0.5)] {
		copy(data[b*block:], random(uint64(b), block))
	}
	return data
}

// counted counts the bytes that a node's connections carry both ways.
type counted struct {
	net.Conn
	bytes *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.bytes.Add(int64(n))
	return n, err
}

// count makes n count what crosses the network to and from its server.
func (n *node) count() *atomic.Int64 {
	var bytes atomic.Int64
	n.wrap = func(c net.Conn) net.Conn { return counted{c, &bytes} }
	return &bytes
}

func TestOnePercentThatChangedCostsLittleMore(t *testing.T) {
	const size = 16 << 20
	fab := newFabric(t)
	old := random(1, size)
	next := changed(old, 0.01)
	a := fab.add("kn1", "")
	crossed := a.count()
	var others []*node
	a.put("monday.img", old)
	a.put("tuesday.img", next)
	for i := range 2 {
		n := fab.add(fmt.Sprintf("kn%d", i+2), "", patient)
		n.wait(n.get("monday.img"))
		others = append(others, n)
	}
	for _, n := range others {
		crossed.Store(0)
		j := n.get("tuesday.img")
		n.wait(j)
		n.has("tuesday.img", next)
		n.has("monday.img", old)
		t.Logf("%d bytes of %d crossed, %.2f %%", crossed.Load(), size, 100*float64(crossed.Load())/size)
		if limit := int64(size / 50); crossed.Load() > limit {
			t.Errorf("%d bytes crossed the network, want at most %d", crossed.Load(), limit)
		}
		if reused := j.Reused(); reused < size*98/100 || reused > size*99/100+64<<10 {
			t.Errorf("%d bytes were reused, of %d", reused, size)
		}
	}
}

func TestTheSameContentUnderAnotherNameCostsNothing(t *testing.T) {
	fab := newFabric(t)
	data := random(1, 8<<20)
	a, b := fab.add("kn1", ""), fab.add("kn2", "", patient)
	a.put("one", data)
	a.put("two", data)
	b.wait(b.get("one"))
	sent := a.engine.uploaded.Load()
	b.wait(b.get("two"))
	b.has("two", data)
	if again := a.engine.uploaded.Load() - sent; again > 0 {
		t.Errorf("%d bytes were sent again", again)
	}
}

func TestANewVersionOfTheSameNameReusesTheOld(t *testing.T) {
	fab := newFabric(t)
	old := random(1, 8<<20)
	next := changed(old, 0.05)
	a, b := fab.add("kn1", ""), fab.add("kn2", "", patient)
	a.put("image", old)
	b.wait(b.get("image"))
	a.put("image", next)
	sent := a.engine.uploaded.Load()
	j, err := b.engine.Get(context.Background(), "image", Pick{From: "kn1"})
	must(t, err)
	b.wait(j)
	b.has("image", next)
	if again := a.engine.uploaded.Load() - sent; again > int64(len(next))/10 {
		t.Errorf("%d bytes were sent again", again)
	}
}

func TestAFileThatRottedHereIsFetched(t *testing.T) {
	fab := newFabric(t)
	data := random(1, 8<<20)
	a, b := fab.add("kn1", ""), fab.add("kn2", "", patient)
	a.put("one", data)
	a.put("two", data)
	b.wait(b.get("one"))
	must(t, os.WriteFile(filepath.Join(b.dir, "one"), changed(data, 0.1), 0o644))
	b.wait(b.get("two"))
	b.has("two", data)
}

// deadSink finds its chunks elsewhere, one whenever it is told to.
type deadSink struct {
	sink
	m       *store.Manifest
	next    chan int // chunks to find
	content []byte
	fails   error // what the search ends with
}

func (s *deadSink) Reuse(ctx context.Context, took func(int)) (*store.Source, error) {
	for {
		select {
		case i, ok := <-s.next:
			if !ok {
				return nil, s.fails
			}
			from := i * int(s.m.ChunkSize)
			if err := s.sink.WriteChunk(i, s.content[from:from+s.m.Len(i)]); err != nil {
				return nil, err
			}
			took(i)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// stuck adds a node whose fetches search their chunks through a deadSink.
func (f *fabric) stuck(name string, content []byte, next chan int, fails error) *node {
	return f.add(name, "", func(e *Engine) {
		create := e.create
		e.create = func(name wire.FileName, meta wire.Meta, m *store.Manifest) (sink, error) {
			s, err := create(name, meta, m)
			return &deadSink{s, m, next, content, fails}, err
		}
	})
}

// putHashed puts a file there whose version is known: others do not get it as a
// draft.
func (n *node) putHashed(t *testing.T, name string, data []byte) {
	n.put(name, data)
	n.awaitHashed(t, name)
}

// awaitHashed hashes a file when it is old enough for its version to be kept.
func (n *node) awaitHashed(t *testing.T, name string) {
	awaitOld(t, filepath.Join(n.dir, name))
	await(t, func() bool {
		_, err := n.engine.cfg.Store.ManifestAhead(t.Context(), wire.FileName(name), nil)
		v, _, _ := n.engine.cfg.Store.CachedVersion(wire.FileName(name))
		return err == nil && !v.IsZero()
	})
}

// awaitOld waits until a change of the file would show in its time, as the
// store's hash cache wants it.
func awaitOld(t *testing.T, file string) {
	info, err := os.Stat(file)
	must(t, err)
	changed := info.Sys().(*syscall.Stat_t).Ctim
	young := 200 * time.Millisecond
	if changed.Nsec%int64(time.Millisecond) == 0 {
		young = 2500 * time.Millisecond
	}
	await(t, func() bool { return time.Since(time.Unix(changed.Unix())) > young })
}

// searching returns a file, who has it, and a node that finds the chunks of it
// that next tells.
func searching(t *testing.T) (data []byte, a, b *node, next chan int) {
	fab := newFabric(t)
	data, next = random(1, 4<<20), make(chan int)
	a = fab.add("kn1", "")
	a.putHashed(t, "image", data)
	return data, a, fab.stuck("kn2", data, next, nil), next
}

func TestNothingIsAskedForWhileChunksAreFoundHere(t *testing.T) {
	t.Parallel()
	data, a, b, next := searching(t)
	j := b.get("image")
	for i := range 64 {
		if i != 5 {
			next <- i
		}
	}
	if sent := a.engine.uploaded.Load(); sent > 0 {
		t.Errorf("%d bytes came meanwhile", sent)
	}
	close(next)
	b.wait(j)
	b.has("image", data)
	if sent := a.engine.uploaded.Load(); sent != 64<<10 {
		t.Errorf("%d bytes came, want one chunk", sent)
	}
}

func TestASlowSearchDoesNotHoldUpTheNetwork(t *testing.T) {
	t.Parallel()
	data, _, b, next := searching(t)
	j := b.get("image")
	next <- 7
	b.wait(j) // the search has not ended by itself
	b.has("image", data)
	if j.Reused() != 64<<10 {
		t.Errorf("%d bytes were reused", j.Reused())
	}
}

func TestASearchThatFailsCostsTheNetworkOnly(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	data := random(1, 4<<20)
	a := fab.add("kn1", "")
	a.putHashed(t, "image", data)
	for i, err := range []error{errors.New("bad disk"), syscall.ENOSPC} {
		next := make(chan int)
		close(next)
		b := fab.stuck(fmt.Sprintf("kn%d", i+2), data, next, err)
		b.engine.spaceRetry = 10 * time.Millisecond
		b.wait(b.get("image"))
		b.has("image", data)
	}
}

func TestAJobThatIsCanceledEndsTheSearch(t *testing.T) {
	t.Parallel()
	_, _, b, next := searching(t)
	j := b.get("image")
	next <- 0
	j.Cancel()
	<-j.Done()
	if !errors.Is(j.Err(), ErrCanceled) {
		t.Error(j.Err())
	}
}
