package store

import (
	"errors"
	"path/filepath"
	"testing"

	"minimega/mesh/wire"
)

// draftOf returns a draft of data's length, and what it turns out to be.
func draftOf(t testing.TB, data []byte) (draft, m *Manifest) {
	t.Helper()
	m = manifestOf(t, data)
	draft, err := NewDraft(m.Size, m.ChunkSize)
	if err != nil {
		t.Fatal(err)
	}
	return draft, m
}

// name makes the first n hashes of a draft known.
func (m *Manifest) name(of *Manifest, n int) { copy(m.Hashes, of.Hashes[:n*wire.HashSize]) }

// bring writes chunks of data.
func bring(t testing.TB, p *Partial, m *Manifest, data []byte, chunks ...int) {
	t.Helper()
	for _, i := range chunks {
		if err := p.WriteChunk(i, chunk(m, data, i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADraftTakesFromTheOneBeforeItWhatBothNameAlike(t *testing.T) {
	s := open(t, t.TempDir())
	const size = 4 * wire.MinChunkSize
	old, next := noise(size, 1), noise(size, 1)
	copy(next[wire.MinChunkSize:], noise(wire.MinChunkSize, 2)) // chunk 1 is another
	clear(next[2*wire.MinChunkSize : 3*wire.MinChunkSize])      // chunk 2 is of zeros now
	d, m := draftOf(t, old)
	p := create(t, s, "x", d)
	d.name(m, m.Count())
	bring(t, p, m, old, 0, 1, 2)

	d2, m2 := draftOf(t, next)
	q, err := p.Redraft(wire.Meta{Mode: 0o640}, d2)
	if err != nil {
		t.Fatal(err)
	}
	if q.Count() != 0 {
		t.Fatalf("%d chunks before a hash is known", q.Count())
	}
	d2.name(m2, m2.Count())
	for i, want := range []bool{true, false, false, false} { // 2 holds bytes, where zeros are to be
		if q.Hold(i) != want || q.Has(i) != want {
			t.Errorf("chunk %d: %v", i, q.Has(i))
		}
	}
	bring(t, q, m2, next, 1, 2, 3)
	if err := q.Settle(); err != nil {
		t.Fatal(err)
	}
	if err := q.Publish(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, filepath.Join(s.Dir(), "x"), next)
}

func TestWhatADraftHadNoUseForYetGoesToTheNext(t *testing.T) {
	s := open(t, t.TempDir())
	data := noise(3*wire.MinChunkSize, 3)
	d, m := draftOf(t, data)
	p := create(t, s, "x", d)
	d.name(m, m.Count())
	bring(t, p, m, data, 0, 2)
	for range 2 {
		d, _ = draftOf(t, data)
		next, err := p.Redraft(wire.Meta{}, d)
		if err != nil {
			t.Fatal(err)
		}
		p = next
		d.name(m, 1)
		if !p.Hold(0) {
			t.Fatal("chunk 0 is gone")
		}
	}
	d.name(m, m.Count())
	if p.Hold(1) || !p.Hold(2) {
		t.Errorf("of the rest: %v %v", p.Has(1), p.Has(2))
	}
	if err := p.Abandon(); err != nil {
		t.Fatal(err)
	}
	empty(t, s)
}

func TestADraftOfAnotherLengthIsLeftAsItIs(t *testing.T) {
	s := open(t, t.TempDir())
	d, _ := draftOf(t, noise(wire.MinChunkSize, 1))
	p := create(t, s, "x", d)
	other, _ := draftOf(t, noise(2*wire.MinChunkSize, 1))
	if _, err := p.Redraft(wire.Meta{}, other); !errors.Is(err, ErrBadManifest) {
		t.Errorf("redraft: %v", err)
	}
	if _, err := s.TakeOver(p, "http://h/x", Stamp{Size: 5, Tag: `"1"`}); !errors.Is(err, ErrBadManifest) {
		t.Errorf("take over: %v", err)
	}
	if _, err := s.TakeOver(p, "http://h/x", Stamp{Size: wire.MinChunkSize}); !errors.Is(err, ErrBadManifest) {
		t.Errorf("take over without a tag: %v", err)
	}
	if err := p.Abandon(); err != nil {
		t.Fatal(err)
	}
	empty(t, s)
}

func TestBytesOfADraftNeverStandWhereItsVersionHasZeros(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	old := noise(3*wire.MinChunkSize, 1)
	next := append([]byte(nil), old...)
	clear(next[wire.MinChunkSize : 2*wire.MinChunkSize])
	d, m := draftOf(t, old)
	p := create(t, s, "x", d)
	d.name(m, m.Count())
	bring(t, p, m, old, 0, 1, 2)
	m2 := manifestOf(t, next)
	if err := p.Become(m2); err != nil {
		t.Fatal(err)
	}
	if !p.Has(0) || p.Has(1) || !p.Has(2) {
		t.Fatalf("held: %v %v %v", p.Has(0), p.Has(1), p.Has(2))
	}
	bring(t, p, m2, next, 1)
	if err := p.Publish(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, filepath.Join(dir, "x"), next)
}

func TestADownloadGoesOnFromTheChunksOfADraft(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	data := noise(6*wire.MinChunkSize+100, 4)
	d, m := draftOf(t, data)
	p := create(t, s, "x", d)
	d.name(m, m.Count())
	bring(t, p, m, data, 0, 1, 3, 4, 6)
	f, err := s.TakeOver(p, "http://h/x", Stamp{Size: m.Size, Tag: `"1"`})
	if err != nil {
		t.Fatal(err)
	}
	const c = wire.MinChunkSize
	if f.Held() != 2*c || f.Lacks() != 3*c || f.Done() != 4*c+100 {
		t.Fatalf("held %d, lacks to %d, %d in all", f.Held(), f.Lacks(), f.Done())
	}
	if _, err := f.Write(data[2*c : 3*c+1]); !errors.Is(err, ErrTooLong) {
		t.Errorf("over what is there: %v", err)
	}
	mustWrite(t, f, string(data[2*c:3*c]))
	if f.Held() != 5*c || f.Lacks() != 6*c {
		t.Fatalf("then held %d, lacks to %d", f.Held(), f.Lacks())
	}
	if err := f.Close(); err != nil { // a restart: what lies ahead is not in the record
		t.Fatal(err)
	}
	if left, err := s.Leftovers(); err != nil || len(left) != 0 {
		t.Errorf("taken for a transfer: %v, %v", left, err)
	}
	if f, err = s.OpenDownload("x", "http://h/x"); err != nil || f.Held() != 5*c || f.Lacks() != m.Size {
		t.Fatalf("after a restart: %d to %d, %v", f.Held(), f.Lacks(), err)
	}
	mustWrite(t, f, string(data[5*c:]))
	if err := f.Publish(wire.Meta{Mode: 0o644}, m); err != nil {
		t.Fatal(err)
	}
	mustRead(t, filepath.Join(dir, "x"), data)
	if v, _, known := s.CachedVersion("x"); !known || v != m.Version() {
		t.Error("its version is not remembered")
	}
	if names := transfers(t, dir); len(names) != 0 {
		t.Errorf("left: %q", names)
	}
}

func TestADownloadHasFewParts(t *testing.T) {
	var all []extent
	for i := range int64(3 * maxAhead) {
		all = append(all, extent{10 * i, 10*i + 1 + i%2})
	}
	few := largest(all, maxAhead)
	if len(few) != maxAhead || few[0] != (extent{10, 12}) || few[1] != (extent{30, 32}) {
		t.Errorf("%d: %v", len(few), few[:2])
	}
}
