package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// imageSize makes chunks of 512 KiB, most of which are a hole in these tests;
// dataSize is what else an image has.
const (
	imageSize = 400 << 20
	dataSize  = 32 << 20
)

// image writes an image that begins with data.
func (n *node) image(name string, data []byte) {
	n.fab.t.Helper()
	n.put(name, data)
	if err := os.Truncate(filepath.Join(n.dir, name), imageSize); err != nil {
		n.fab.t.Fatal(err)
	}
}

// hasImage fails the test unless the node has an image that begins with data.
func (n *node) hasImage(name string, data []byte) {
	n.fab.t.Helper()
	f, err := os.Open(filepath.Join(n.dir, name))
	if err != nil {
		n.fab.t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, len(data))
	if _, err := io.ReadFull(f, got); err != nil || !bytes.Equal(got, data) {
		n.fab.t.Fatalf("%s on %s begins otherwise (%v)", name, n.self.Name, err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != imageSize {
		n.fab.t.Fatal(info.Size(), err)
	}
}

// patient lets a search take its time: how much it finds does not depend on how
// fast the machine is.
func patient(e *Engine) { e.reuseGrace = time.Hour }

// monday starts a seed and receivers that hold an image of the seed's, and
// another image on the seed that differs in a share of its blocks. It returns
// what the second image begins with, and what counts the seed's bytes.
func (f *fabric) monday(receivers int, share float64) (seed *node, others []*node, next []byte, crossed *atomic.Int64) {
	old := random(1, dataSize)
	next = changed(old, share)
	seed = f.add("kn0", "")
	crossed = seed.count()
	seed.image("monday.img", old)
	seed.image("tuesday.img", next)
	for i := range receivers {
		n := f.add(fmt.Sprintf("kn%d", i+1), "", patient)
		n.wait(n.get("monday.img"))
		n.hasImage("monday.img", old)
		others = append(others, n)
	}
	crossed.Store(0)
	return seed, others, next, crossed
}

func TestScatteredChangesCostTheirBlocksInLargeChunksToo(t *testing.T) {
	fab := newFabric(t)
	_, others, next, crossed := fab.monday(2, 0.02)
	for _, n := range others {
		crossed.Store(0)
		j := n.get("tuesday.img")
		n.wait(j)
		n.hasImage("tuesday.img", next)
		share := 100 * float64(crossed.Load()) / float64(len(next))
		t.Logf("%.2f %% of the data crossed", share)
		if share > 3 {
			t.Errorf("%.2f %% of the data crossed the network for 2 %% that changed", share)
		}
		if missed := int64(len(next)) - j.Reused(); missed > int64(len(next))/33 {
			t.Errorf("%d bytes were not reused", missed)
		}
	}
}

func TestASwarmPassesPatchedChunksOn(t *testing.T) {
	fab := newFabric(t)
	_, others, next, crossed := fab.monday(4, 0.03)
	var jobs []*Job
	for _, n := range others {
		jobs = append(jobs, n.get("tuesday.img"))
	}
	for i, n := range others {
		n.wait(jobs[i])
		n.hasImage("tuesday.img", next)
	}
	share := 100 * float64(crossed.Load()) / float64(len(next))
	t.Logf("%.2f %% of the data left the seed", share)
	if share > 4*3.2 {
		t.Errorf("%.2f %% of the data left the seed, for 4 receivers of 3 %%", share)
	}
}

func TestWhatDiffersTooMuchComesWhole(t *testing.T) {
	fab := newFabric(t)
	_, others, next, _ := fab.monday(1, 0.7)
	n := others[0]
	old := random(1, dataSize)
	n.image("monday.img", append(next[:2<<20:2<<20], old[2<<20:]...)) // a little of it is here
	_, err := n.store.Manifest(context.Background(), "monday.img")
	must(t, err)
	n.wait(n.get("tuesday.img"))
	n.hasImage("tuesday.img", next)
}

func TestAPatchThatLiesIsNotKept(t *testing.T) {
	fab := newFabric(t)
	seed, others, next, _ := fab.monday(1, 0.02)
	honest := fab.add("kn9", "")
	honest.image("tuesday.img", next)
	seed.wrap = func(c net.Conn) net.Conn { return &liar{Conn: c} }
	n := others[0]
	n.wait(n.get("tuesday.img"))
	n.hasImage("tuesday.img", next)
}

// liar changes a byte of the blocks of each patch that goes out.
type liar struct{ net.Conn }

func (l *liar) Write(b []byte) (int, error) {
	if len(b) > wire.HeaderSize && wire.Type(b[wire.HeaderSize-1]) == wire.TypePatch {
		b = bytes.Clone(b)
		b[len(b)-1] ^= 1
	}
	return l.Conn.Write(b)
}

func TestAFileThatChangesUnderAPatchCostsTheNetworkOnly(t *testing.T) {
	fab := newFabric(t)
	_, others, next, _ := fab.monday(1, 0.02)
	n := others[0]
	create := n.engine.create
	n.engine.create = func(name wire.FileName, meta wire.Meta, m *store.Manifest) (sink, error) {
		s, err := create(name, meta, m)
		return &shrinks{s, filepath.Join(n.dir, "monday.img")}, err
	}
	n.wait(n.get("tuesday.img"))
	n.hasImage("tuesday.img", next)
}

// shrinks truncates a file when chunks have been taken from it.
type shrinks struct {
	sink
	path string
}

func (s *shrinks) Reuse(ctx context.Context, took func(int)) (*store.Source, error) {
	alike, err := s.sink.Reuse(ctx, took)
	if err == nil {
		err = os.Truncate(s.path, 0)
	}
	return alike, err
}

func TestBlocksAreComparedByTheirHashes(t *testing.T) {
	chunk := random(1, 10*wire.PatchBlock+5)
	other := bytes.Clone(chunk)
	other[2*wire.PatchBlock] ^= 1
	other[len(other)-1] ^= 1
	differ, blocks, err := compare(chunk, blockSums(other))
	if err != nil {
		t.Fatal(err)
	}
	if err := (wire.Patch{Differ: differ}).Apply(other, blocks); err != nil || !bytes.Equal(other, chunk) {
		t.Errorf("the patch of %d bytes makes something else (%v)", len(blocks), err)
	}
	if _, _, err := compare(chunk, blockSums(other)[1:]); err == nil {
		t.Error("hashes of another length are compared")
	}
	if differ, _, err := compare(chunk, blockSums(random(2, len(chunk)))); differ != nil || err != nil {
		t.Error("all of a chunk is a patch", err)
	}
}
