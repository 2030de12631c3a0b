package transfer

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"

	"minimega/mesh/wire"
)

// stalling takes nothing any more after some bytes, until it is closed.
type stalling struct {
	net.Conn
	left int
	gone chan struct{}
	once sync.Once
}

func (c *stalling) Write(b []byte) (int, error) {
	if c.left -= len(b); c.left < 0 {
		<-c.gone
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func (c *stalling) Close() error {
	c.once.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

func TestStalledSourceLosesItsChunksToOthers(t *testing.T) {
	fab := newFabric(t)
	data := random(1, 8<<20)
	a, b, c := fab.add("kn1", ""), fab.add("kn2", ""), fab.add("kn3", "")
	a.put("image", data)
	b.put("image", data)
	a.wrap = func(conn net.Conn) net.Conn {
		return &stalling{Conn: conn, left: 1 << 20, gone: make(chan struct{})}
	}
	start := time.Now()
	c.wait(c.get("image"))
	c.has("image", data)
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestLateJoinerIsServedByReceivers(t *testing.T) {
	fab := newFabric(t)
	data := random(1, 16<<20)
	seed, early, late := fab.add("kn1", ""), fab.add("kn2", ""), fab.add("kn3", "")
	seed.put("image", data)
	seed.wrap, early.wrap = throttle, throttle
	first := early.get("image")
	await(t, func() bool { return first.Progress().BytesDone > 8<<20 })
	second := late.get("image")
	early.wait(first)
	late.wait(second)
	late.has("image", data)
	if early.engine.uploaded.Load() < int64(len(data))/4 {
		t.Errorf("the first receiver gave %d bytes", early.engine.uploaded.Load())
	}
}

func TestManySourcesAreNotAllAskedFrom(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	data := random(1, 2<<20)
	var asked atomic.Int32
	for i := range 60 {
		n := fab.add(fmt.Sprint("kn", i), "")
		n.put("image", data)
		n.wrap = func(conn net.Conn) net.Conn {
			asked.Add(1)
			return throttle(conn)
		}
	}
	c := fab.add("to", "")
	c.wait(c.get("image"))
	c.has("image", data)
	if n := int(asked.Load()); n < 2 || n > usualLinks {
		t.Errorf("%d of 60 sources were asked, want some, and at most %d", n, usualLinks)
	}
}

// Nobody has links to everybody here: some leave, with what they alone have, and some
// come when all others have links enough.
func TestManyWhoComeAndGo(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	data := random(1, 2<<20)
	seed := fab.add("seed", "")
	seed.put("image", data)
	add := func(name string, count int) (nodes []*node) {
		for i := range count {
			n := fab.add(fmt.Sprint(name, i), "")
			n.wrap = throttle
			nodes = append(nodes, n)
		}
		return nodes
	}
	seed.wrap = throttle
	const first, late = 54, 8
	nodes := add("kn", first)
	var jobs []*Job
	for _, n := range nodes {
		jobs = append(jobs, n.get("image"))
	}
	await(t, func() bool { return jobs[0].Progress().BytesDone > int64(len(data))/4 })
	for i := range first {
		if i%6 == 5 {
			nodes[i].cut()
			jobs[i].Cancel()
		}
	}
	for _, n := range add("late", late) {
		nodes, jobs = append(nodes, n), append(jobs, n.get("image"))
	}
	for i, n := range nodes {
		if i >= first || i%6 != 5 {
			n.wait(jobs[i])
			n.has("image", data)
		}
	}
}

func TestGlobBringsWhatMatches(t *testing.T) {
	fab := newFabric(t)
	a, b, c := fab.add("kn1", ""), fab.add("kn2", ""), fab.add("kn3", "")
	a.put("one.img", random(1, 100))
	b.put("two.img", random(2, 200_000))
	b.put("br[1].txt", random(3, 10))
	c.wait(c.get("*.img"))
	c.has("one.img", random(1, 100))
	c.has("two.img", random(2, 200_000))
	c.wait(c.get("br[1].txt"))
	c.has("br[1].txt", random(3, 10))
	if _, err := os.Stat(filepath.Join(c.dir, "br1.txt")); err == nil {
		t.Error("something else came")
	}
}

func TestTwoJobsShareOneFetch(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	data := random(1, 8<<20)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.put("image", data)
	a.wrap = throttle
	first := b.get("image")
	await(t, func() bool { return first.Progress().BytesDone > 0 })
	second := b.get("image")
	await(t, func() bool { return second.Progress().BytesDone > 0 })
	first.Cancel()
	b.wait(second)
	b.has("image", data)
	if sent := a.engine.uploaded.Load(); sent > int64(len(data)) {
		t.Errorf("%d bytes were sent", sent)
	}
}

func TestQueueServesWhoIsWaitedForFirst(t *testing.T) {
	q := newQueue(1, 0)
	job := func() *Job { return &Job{begin: func() {}} }
	busy, patient, urgent := job(), job(), job()
	urgent.urgent.Store(true)
	held, err := q.acquire(t.Context(), busy)
	must(t, err)
	turns := make(chan string, 2)
	for name, j := range map[string]*Job{"patient": patient, "urgent": urgent} {
		go func() {
			if own, err := q.acquire(t.Context(), j); err == nil {
				turns <- name
				own.release()
			}
		}()
	}
	await(t, func() bool { q.mu.Lock(); defer q.mu.Unlock(); return len(q.waiting) == 2 })
	held.release()
	if first := <-turns; first != "urgent" {
		t.Errorf("%s had the first turn", first)
	}
	<-turns
}

// What a peer sends as a compressed chunk costs no more memory than the chunk
// and is never taken for another length.
func FuzzUnpack(f *testing.F) {
	enc, err := newEncoder()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(enc.EncodeAll(make([]byte, 1000), nil), 1000)
	f.Add(enc.EncodeAll(make([]byte, 64<<20), nil), 1<<20)
	f.Add([]byte("no zstd"), 7)
	f.Add(s2.Encode(nil, make([]byte, 1000)), 1000)
	f.Add(s2.Encode(nil, make([]byte, 64<<20)), 1<<20)
	dec, err := newDecoder()
	if err != nil {
		f.Fatal(err)
	}
	e := &Engine{decoder: dec}
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		if size < 1 || size > wire.MaxChunkSize {
			return
		}
		for _, enc := range []wire.Encoding{wire.Zstd, wire.S2} {
			data, free, err := e.unpack(wire.Chunk{Encoding: enc, Data: b}, size)
			if err != nil {
				continue
			}
			if len(data) != size {
				t.Error(fmt.Errorf("%d bytes, not %d", len(data), size))
			}
			free()
		}
	})
}
