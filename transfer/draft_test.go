package transfer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// slowHash lets an engine's hashing of large files get ahead by a few chunks at
// a time. Its methods are the test's.
type slowHash struct {
	steps chan int // each lets that many more chunks be told
	lie   func(m *store.Manifest) *store.Manifest
	fail  error // instead of the end
}

func newSlowHash() *slowHash { return &slowHash{steps: make(chan int)} }

// on makes e hash as h says.
func (h *slowHash) on(e *Engine) {
	e.hash = func(ctx context.Context, name wire.FileName, hashed func(int, []byte)) (*store.Manifest, error) {
		m, err := e.cfg.Store.ManifestAhead(ctx, name, nil)
		if err != nil {
			return nil, err
		}
		for told := 0; told < m.Count(); {
			select {
			case n, more := <-h.steps:
				if n = min(n, m.Count()-told); !more {
					n = m.Count() - told
				}
				hashed(told, m.Hashes[told*wire.HashSize:(told+n)*wire.HashSize])
				told += n
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if h.fail != nil {
			return nil, h.fail
		}
		if h.lie != nil {
			m = h.lie(m)
		}
		return m, nil
	}
}

// rest lets all hashing go on to its end.
func (h *slowHash) rest() { close(h.steps) }

// begun is a draft of which a receiver has all that is hashed so far.
type begun struct {
	fab  *fabric
	data []byte
	a, b *node // who hashes it, and who fetches it
	j    *Job
}

// begin hashes so many chunks of a draft, which another node fetches.
func (h *slowHash) begin(t *testing.T, chunks int, more ...func(*Engine)) begun {
	t.Helper()
	fab := newFabric(t)
	d := begun{fab: fab, data: random(1, 8<<20), a: fab.add("kn1", "", append([]func(*Engine){h.on}, more...)...), b: fab.add("kn2", "")}
	d.a.put("image", d.data)
	d.j = d.b.get("image")
	h.steps <- chunks
	await(t, func() bool { return d.j.Progress().BytesDone == int64(chunks)*wire.MinChunkSize })
	return d
}

func absent(t *testing.T, n *node, name string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(n.dir, name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(n.dir, "transfer_*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestFileMovesBeforeItIsHashed(t *testing.T) {
	fab := newFabric(t)
	h := newSlowHash()
	data := append(random(1, 8<<20), make([]byte, 4<<20)...)
	data = append(data, random(2, 4<<20)...)
	a, b := fab.add("kn1", "", h.on), fab.add("kn2", "")
	a.put("image", data)
	j := b.get("image")
	h.steps <- 10
	await(t, func() bool { return j.Progress().BytesDone == 10*wire.MinChunkSize })
	h.steps <- 150 // some zeros among them
	await(t, func() bool { return j.Progress().BytesDone == 160*wire.MinChunkSize })
	if _, err := os.Stat(filepath.Join(b.dir, "image")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("published: %v", err)
	}
	h.rest()
	b.wait(j)
	b.has("image", data)
	if sent := a.engine.uploaded.Load(); sent > 12<<20 {
		t.Errorf("%d bytes were sent", sent)
	}
}

func TestDraftSpreadsInASwarm(t *testing.T) {
	fab := newFabric(t)
	h := newSlowHash()
	data := random(1, 24<<20)
	seed := fab.add("kn0", "", h.on)
	seed.put("image", data)
	var nodes []*node
	var jobs []*Job
	for _, name := range []string{"kn1", "kn2", "kn3"} {
		nodes = append(nodes, fab.add(name, ""))
	}
	for i, n := range nodes {
		jobs = append(jobs, n.get("image"))
		h.steps <- 40
		for _, j := range jobs[:i+1] {
			await(t, func() bool { return j.Progress().BytesDone == int64(40*(i+1)*wire.MinChunkSize) })
		}
	}
	for range 8 {
		h.steps <- 20
	}
	h.rest()
	for i, n := range nodes {
		n.wait(jobs[i])
		n.has("image", data)
	}
	copies := float64(seed.engine.uploaded.Load()) / float64(len(data))
	t.Logf("seed uploads %.2f", copies)
	if copies > 2 {
		t.Errorf("the seed sent the file %.2f times, want at most 2", copies)
	}
}

func TestFileThatChangesWhileItIsHashedIsNotPublished(t *testing.T) {
	t.Parallel()
	h := newSlowHash()
	h.fail = wire.ErrChanged
	d := h.begin(t, 20)
	h.rest()
	<-d.j.Done()
	if err := d.j.Err(); !errors.Is(err, wire.ErrChanged) {
		t.Errorf("error is %v, want %v", err, wire.ErrChanged)
	}
	absent(t, d.b, "image")
}

func TestFileReplacedWhileItIsHashedIsNotPublished(t *testing.T) {
	t.Parallel()
	h := newSlowHash()
	d := h.begin(t, 20)
	d.a.put("other", random(2, 8<<20))
	must(t, os.Rename(filepath.Join(d.a.dir, "other"), filepath.Join(d.a.dir, "image")))
	h.rest()
	<-d.j.Done()
	if err := d.j.Err(); !errors.Is(err, wire.ErrChanged) {
		t.Errorf("error is %v, want %v", err, wire.ErrChanged)
	}
	absent(t, d.b, "image")
}

func TestLieAboutTheVersionIsNotPublished(t *testing.T) {
	h := newSlowHash()
	d := h.begin(t, 20, func(e *Engine) {
		hash := e.hash
		e.hash = func(ctx context.Context, name wire.FileName, hashed func(int, []byte)) (*store.Manifest, error) {
			return hash(ctx, name, func(first int, sums []byte) {
				if sums = append([]byte(nil), sums...); first > 0 {
					sums[len(sums)-1] ^= 1
				}
				hashed(first, sums)
			})
		}
	})
	h.rest()
	<-d.j.Done()
	if err := d.j.Err(); !errors.Is(err, errLiar) {
		t.Errorf("error is %v, want %v", err, errLiar)
	}
	absent(t, d.b, "image")
}

func TestDraftGoesOnWhenItsOriginIsBack(t *testing.T) {
	t.Parallel()
	h := newSlowHash()
	d := h.begin(t, 20)
	d.a.cut()
	await(t, func() bool { return d.j.Progress().State != "" })
	h.rest()
	d.a.heal()
	d.b.wait(d.j)
	d.b.has("image", d.data)
	if sent := d.a.engine.uploaded.Load(); sent > int64(len(d.data)) {
		t.Errorf("%d bytes were sent", sent)
	}
}

func TestDraftIsBegunAgainWhenItsOriginForgotIt(t *testing.T) {
	t.Parallel()
	d := newSlowHash().begin(t, 20)
	d.a.stop()
	await(t, func() bool { return d.j.Progress().State != "" })
	d.fab.add("kn1", d.a.dir)
	d.b.wait(d.j)
	d.b.has("image", d.data)
}

func TestTwoHoldersAreComparedBeforeAnythingMoves(t *testing.T) {
	fab := newFabric(t)
	a, b, c := fab.add("kn1", ""), fab.add("kn2", ""), fab.add("kn3", "")
	a.put("image", random(1, 8<<20))
	b.put("image", random(2, 8<<20))
	_, err := c.engine.Get(context.Background(), "image", Pick{})
	var conflict *ConflictError
	if !errors.As(err, &conflict) {
		t.Errorf("error is %v, want a conflict", err)
	}
}

func TestDraftIsTakenUpAfterARestart(t *testing.T) {
	t.Parallel()
	const before = 60 * wire.MinChunkSize
	h := newSlowHash()
	d := h.begin(t, 60)
	d.b.stop()
	h.rest()
	d.a.awaitHashed(t, "image")
	await(t, func() bool { return d.a.engine.hashing("image") == nil })
	sent := d.a.engine.uploaded.Load()
	again := d.fab.add("kn2", d.b.dir)
	await(t, func() bool { _, err := os.Stat(filepath.Join(again.dir, "image")); return err == nil })
	again.has("image", d.data)
	if more := d.a.engine.uploaded.Load() - sent; more != int64(len(d.data)-before) {
		t.Errorf("%d bytes were sent after the restart, want %d", more, len(d.data)-before)
	}
}

func TestDraftThatIsGivenUpLeavesNothing(t *testing.T) {
	d := newSlowHash().begin(t, 20)
	d.j.Cancel()
	<-d.j.Done()
	absent(t, d.b, "image")
}

func TestManyAskForOneDraft(t *testing.T) {
	fab := newFabric(t)
	data := random(1, 16<<20)
	a := fab.add("kn0", "")
	a.put("image", data)
	var all sync.WaitGroup
	for _, name := range []string{"kn1", "kn2", "kn3"} {
		n := fab.add(name, "")
		all.Go(func() {
			n.wait(n.get("image"))
			n.has("image", data)
		})
	}
	all.Wait()
}
