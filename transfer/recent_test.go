package transfer

import (
	"bytes"
	"testing"

	"minimega/mesh/wire"
)

// keptIn returns what r has under k.
func keptIn(r *recent, k recentKey) (wire.Encoding, []byte) {
	c, ok := r.get(k)
	if !ok {
		return wire.Plain, nil
	}
	defer r.spare.put(c.buf)
	return c.enc, bytes.Clone(c.buf.behind(0, c.size))
}

// keep has r keep a chunk that nobody else has.
func keep(r *recent, k recentKey, enc wire.Encoding, data []byte) {
	buf := r.spare.get(len(data))
	copy(buf.behind(0, len(data)), data)
	r.put(k, enc, buf, len(data))
	r.spare.put(buf)
}

func TestRecentKeepsWhatWasUsedLast(t *testing.T) {
	const each = bufferLead + wire.MinChunkSize + bufferTail
	r := newRecent(2*each, &buffers{})
	one, two, three := recentKey{chunk: 1}, recentKey{chunk: 2}, recentKey{chunk: 3}
	keep(r, one, wire.Plain, []byte("one"))
	keep(r, two, wire.Plain, []byte("two"))
	if _, data := keptIn(r, one); string(data) != "one" {
		t.Fatalf("the first is %q", data)
	}
	keep(r, three, wire.Plain, []byte("three"))
	if _, data := keptIn(r, two); data != nil {
		t.Errorf("what was not used is kept: %q", data)
	}
	for k, want := range map[recentKey]string{one: "one", three: "three"} {
		if _, data := keptIn(r, k); string(data) != want {
			t.Errorf("%q, want %q", data, want)
		}
	}
	if r.size != 2*each || r.order.Len() != len(r.byKey) {
		t.Errorf("%d bytes, %d and %d chunks", r.size, r.order.Len(), len(r.byKey))
	}
}

// What is compressed takes the place of what is not, and never the other way.
func TestRecentPrefersWhatIsCompressed(t *testing.T) {
	r := newRecent(recentMemory, &buffers{})
	k := recentKey{wire.Version{1}, 7}
	keep(r, k, wire.Plain, []byte("plain"))
	keep(r, k, wire.S2, []byte("packed"))
	keep(r, k, wire.Plain, []byte("plain"))
	if enc, data := keptIn(r, k); enc != wire.S2 || string(data) != "packed" {
		t.Errorf("%q in encoding %d", data, enc)
	}
	if r.order.Len() != 1 {
		t.Errorf("%d chunks are kept", r.order.Len())
	}
}

// The buffer of a chunk that is no longer kept goes to nobody else while somebody
// sends it.
func TestRecentChunkLastsWhileItIsUsed(t *testing.T) {
	data := random(1, wire.MinChunkSize)
	const each = bufferLead + wire.MinChunkSize + bufferTail
	r := newRecent(each, &buffers{})
	keep(r, recentKey{chunk: 1}, wire.Plain, data)
	used, ok := r.get(recentKey{chunk: 1})
	if !ok {
		t.Fatal("it was not kept")
	}
	keep(r, recentKey{chunk: 2}, wire.Plain, data)
	if _, ok := r.get(recentKey{chunk: 1}); ok || r.size != each {
		t.Fatalf("it is kept: %t; %d bytes", ok, r.size)
	}
	for range 100 {
		other := r.spare.get(len(data))
		if other == used.buf {
			t.Fatal("it was handed out while it is used")
		}
		clear(other.whole)
	}
	if !bytes.Equal(used.buf.behind(0, used.size), data) {
		t.Error("its bytes have changed")
	}
	if r.spare.put(used.buf); used.buf.others.Load() != 0 {
		t.Errorf("%d have it besides one, after the last", used.buf.others.Load())
	}
}

// Whoever passes a chunk on that came just now does not read it, and packs it if
// that is worth it.
func TestWhatCamePlainIsNotRead(t *testing.T) {
	e := newFabric(t).add("kn1", "").engine
	text := bytes.Repeat([]byte("static inline int main(void);\n"), 4000)
	c := newContent(wire.Version{1}, "f", wire.Meta{}, manifestOf(text), nil) // with nothing to read
	chunk := text[:c.manifest.Len(0)]
	keep(e.recent, recentKey{c.version, 0}, wire.Plain, chunk)
	p := e.newPacker(wire.S2)
	p.way = wire.Plain
	buf, enc, size, err := p.load(c, 0)
	if err != nil || enc != wire.Plain || !bytes.Equal(buf.behind(0, size), chunk) {
		t.Fatalf("%d bytes in encoding %d, %v", size, enc, err)
	}
	e.buffers.put(buf)
	p.way = wire.S2
	if buf, enc, size, err = p.load(c, 0); err != nil || enc != wire.S2 || size >= len(chunk) {
		t.Fatalf("%d bytes in encoding %d, %v", size, enc, err)
	}
	e.buffers.put(buf)
	if enc, _ := keptIn(e.recent, recentKey{c.version, 0}); enc != wire.S2 {
		t.Errorf("it is kept in encoding %d", enc)
	}
}
