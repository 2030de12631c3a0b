package transfer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// throttled passes about 16 MiB a second in each direction that it writes.
type throttled struct{ net.Conn }

func (c throttled) Write(b []byte) (int, error) {
	total := 0
	for len(b) > 0 {
		n := min(len(b), 32<<10)
		time.Sleep(2 * time.Millisecond)
		m, err := c.Conn.Write(b[:n])
		total += m
		if err != nil {
			return total, err
		}
		b = b[n:]
	}
	return total, nil
}

func throttle(c net.Conn) net.Conn { return throttled{c} }

// corrupting flips a bit in every second chunk frame that it writes.
type corrupting struct {
	net.Conn
	left  int // bytes of the frame being written
	bad   bool
	count *atomic.Int64
}

func (c *corrupting) Write(b []byte) (int, error) {
	out := bytes.Clone(b)
	if c.left == 0 && len(b) > wire.HeaderSize && wire.Type(b[4]) == wire.TypeChunk {
		c.left = int(binary.BigEndian.Uint32(b)) + wire.HeaderSize
		if c.bad = !c.bad; c.bad {
			out[len(out)-1] ^= 1
			c.count.Add(1)
		}
	}
	c.left = max(c.left-len(b), 0)
	return c.Conn.Write(out)
}

func TestLiarIsDropped(t *testing.T) {
	fab := newFabric(t)
	data := random(1, 16<<20)
	var lies atomic.Int64
	var honest []*node
	for i := range 3 {
		honest = append(honest, fab.add(fmt.Sprintf("kn%d", i), ""))
		honest[i].put("image", data)
		honest[i].wrap = throttle
	}
	liar := fab.add("liar", "")
	liar.put("image", data)
	liar.wrap = func(c net.Conn) net.Conn { return &corrupting{Conn: c, count: &lies} }
	b := fab.add("kn9", "")
	b.wait(b.get("image"))
	b.has("image", data)
	b.engine.blames.mu.Lock()
	defer b.engine.blames.mu.Unlock()
	for id, blamed := range b.engine.blames.nodes {
		if id != liar.self.ID && len(blamed.times) > 0 {
			t.Errorf("%s is blamed", blamed.name)
		}
	}
	if len(b.engine.blames.nodes) == 0 {
		t.Error("nobody is blamed")
	}
}

func TestThreeLiesBan(t *testing.T) {
	fab := newFabric(t)
	a := fab.add("kn1", "")
	liar := wire.Member{ID: wire.NodeID{9}, Name: "liar"}
	for range 3 {
		if a.engine.banned(liar.ID) {
			t.Fatal("banned too early")
		}
		a.engine.blame(liar)
	}
	if !a.engine.banned(liar.ID) || len(a.engine.Banned()) != 1 {
		t.Error("not banned after the third")
	}
}

func TestChangedSourceIsToldAndNeverMixed(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.put("image", random(1, 16<<20))
	a.wrap = throttle
	j := b.get("image")
	await(t, func() bool { return j.Progress().BytesDone > 1<<20 })
	a.put("image", random(2, 16<<20))
	<-j.Done()
	if err := j.Err(); !errors.Is(err, wire.ErrChanged) {
		t.Errorf("error is %v, want %v", err, wire.ErrChanged)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "image")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

func TestTransferGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	data := random(1, 24<<20)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.put("image", data)
	a.wrap = throttle
	j := b.get("image")
	await(t, func() bool { return j.Progress().BytesDone > 8<<20 })
	b.stop()
	before := a.engine.uploaded.Load()
	b = fab.add("kn2", b.dir)
	await(t, func() bool { _, err := os.Stat(filepath.Join(b.dir, "image")); return err == nil })
	if err := b.engine.Idle(context.Background()); err != nil {
		t.Error(err)
	}
	b.has("image", data)
	if again := a.engine.uploaded.Load() - before; again > int64(len(data))-6<<20 {
		t.Errorf("%d bytes were sent again", again)
	}
}

// fullSink says that the disk is full once it holds some chunks, until room.
type fullSink struct {
	sink
	mu   sync.Mutex
	left int
	room bool
}

func (s *fullSink) WriteChunk(i int, data []byte) error {
	s.mu.Lock()
	s.left--
	full := s.left < 0 && !s.room
	s.mu.Unlock()
	if full {
		return fmt.Errorf("write: %w", syscall.ENOSPC)
	}
	return s.sink.WriteChunk(i, data)
}

func (s *fullSink) Room() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room {
		return nil
	}
	return syscall.ENOSPC
}

func TestFullDiskPausesOnlyWhatNeedsIt(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	var full *fullSink
	data, other := random(1, 8<<20), random(2, 4<<20)
	a := fab.add("kn1", "")
	b := fab.add("kn2", "", func(e *Engine) {
		e.spaceRetry = 10 * time.Millisecond
		e.create = func(name wire.FileName, meta wire.Meta, m *store.Manifest) (sink, error) {
			s, err := e.createPartial(name, meta, m)
			if name == "image" {
				full = &fullSink{sink: s, left: 20}
				return full, err
			}
			return s, err
		}
	})
	a.put("image", data)
	a.put("other", other)
	j := b.get("image")
	await(t, func() bool { return j.Progress().State != "" })
	if rows := b.engine.Status(); len(rows) != 1 || rows[0].State == "" {
		t.Errorf("status is %+v, want one that is paused", rows)
	}
	b.wait(b.get("other"))
	b.has("other", other)
	full.mu.Lock()
	full.room = true
	full.mu.Unlock()
	b.wait(j)
	b.has("image", data)
}

func TestStreamHandsOverPartsInOrder(t *testing.T) {
	fab := newFabric(t)
	data := random(1, 45<<20+7)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.put("image", data)
	for _, n := range []*node{a, b} {
		var got []byte
		parts := 0
		must(t, n.engine.Stream(context.Background(), "image", func(p []byte) error {
			got = append(got, p...)
			parts++
			return nil
		}))
		if !bytes.Equal(got, data) || parts != 5 {
			t.Errorf("%s: %d bytes in %d parts", n.self.Name, len(got), parts)
		}
	}
	if entries, err := os.ReadDir(b.dir); err != nil || len(entries) > 1 {
		t.Errorf("something is kept: %v %v", entries, err)
	}
}

func TestDeleteCancelsTheTransfer(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.put("image", random(1, 16<<20))
	a.wrap = throttle
	j := b.get("image")
	await(t, func() bool { return j.Progress().BytesDone > 1<<20 })
	must(t, b.engine.Delete("image"))
	<-j.Done()
	if !errors.Is(j.Err(), ErrCanceled) {
		t.Errorf("error is %v", j.Err())
	}
	left, err := filepath.Glob(filepath.Join(b.dir, "transfer_*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

// qcow2 is the beginning of an image over backing, padded to size.
func qcow2(backing string, size int) []byte {
	b := make([]byte, size)
	copy(b, "QFI\xfb")
	binary.BigEndian.PutUint32(b[4:], 3)
	binary.BigEndian.PutUint64(b[8:], 512)
	binary.BigEndian.PutUint32(b[16:], uint32(len(backing)))
	binary.BigEndian.PutUint32(b[20:], 16)
	binary.BigEndian.PutUint32(b[100:], 104)
	copy(b[512:], backing)
	copy(b[1024:], random(9, size-1024))
	return b
}

func TestBackingChainComesAlong(t *testing.T) {
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	top, middle, base := qcow2("sub/middle.qc2", 300_000), qcow2("../base.img", 2000), random(1, 200_000)
	a.put("top.qc2", top)
	a.put("sub/middle.qc2", middle)
	a.put("base.img", base)
	a.put("out.qc2", qcow2("/etc/passwd", 300_000))
	b.wait(b.get("top.qc2"))
	b.has("top.qc2", top)
	b.has("sub/middle.qc2", middle)
	b.has("base.img", base)
	j := b.get("out.qc2")
	<-j.Done()
	if want := "backing image /etc/passwd: outside the files directory"; j.Err() == nil || j.Err().Error() != want {
		t.Errorf("error is %v, want %s", j.Err(), want)
	}
}

// onError calls do for each error that is logged.
type onError struct {
	slog.Handler
	do func()
}

func (h onError) Handle(context.Context, slog.Record) error {
	h.do()
	return nil
}

func (h onError) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func TestIdleEngineHasNoJobThatIsNotDone(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	fab.add("kn1", "").put("out.qc2", qcow2("/etc/passwd", 300_000))
	b := fab.add("kn2", "", func(e *Engine) {
		e.log = slog.New(onError{slog.DiscardHandler, func() {
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if e.Idle(ended) == nil {
				t.Error("idle before the job is done")
			}
		}})
	})
	j := b.get("out.qc2")
	must(t, b.engine.Idle(t.Context()))
	select {
	case <-j.Done():
	default:
		t.Error("idle, but the job is not done")
	}
}

func TestStatusCountsParts(t *testing.T) {
	t.Parallel()
	if n := wire.PartCount(1 << 30); n != 103 {
		t.Errorf("1 GiB has %d parts, want 103", n)
	}
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.put("image", random(1, 25<<20))
	a.wrap = throttle
	j := b.get("image")
	await(t, func() bool {
		rows := b.engine.Status()
		return len(rows) == 1 && rows[0].Parts >= 1 && rows[0].Total == 3 && !rows[0].Queued && rows[0].Dir != ""
	})
	b.wait(j)
	if rows := b.engine.Status(); len(rows) != 0 {
		t.Errorf("status is %+v", rows)
	}
}

func TestMuteNodeDelaysButDoesNotBlock(t *testing.T) {
	fab := newFabric(t)
	a, b, c := fab.add("kn1", ""), fab.add("kn2", ""), fab.add("kn3", "")
	a.put("foo", random(1, 100))
	c.mute = true
	start := time.Now()
	b.wait(b.get("foo"))
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
}
