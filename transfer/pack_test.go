package transfer

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// sendAll plays chunks to a connection that takes rate bytes a second while as
// many others send as much, and returns how many went packed.
func sendAll(p *packer, chunks int, data []byte, speed, rate float64, others int) (packed int) {
	for range chunks {
		enc, out := p.pack(data, nil)
		if p.speed > 0 {
			p.speed = speed // whatever this machine is busy with
		}
		if enc == wire.Zstd {
			packed++
		}
		took := float64(len(out)) / rate
		p.wrote(shown{bytes: len(out), took: time.Duration(took * 1e9), busy: others})
	}
	return packed
}

func TestPackingFollowsTheLinkAndTheData(t *testing.T) {
	text := bytes.Repeat([]byte("static inline int main(void);\n"), 2000)
	for _, c := range []struct {
		name        string
		data        []byte
		speed       float64 // of compressing, bytes a second
		rate        float64 // bytes a second
		others      int     // connections that encode while this one sends
		least, most int     // of 1000 chunks that go packed
	}{
		{"text on a slow link is packed", text, 300e6, 10e6, 0, 1000, 1000},
		{"text on a fast link is not", text, 300e6, 2e9, 0, 0, 200},
		{"text on a link faster than this processor is not", text, 40e6, 50e6, 0, 0, 200},
		{"unless four share that link", text, 40e6, 50e6, 3, 1000, 1000},
		{"random bytes never are", random(1, 64<<10), 300e6, 10e6, 0, 0, 0},
	} {
		e := newFabric(t).add("kn1", "").engine
		if n := sendAll(e.newPacker(), 1000, c.data, c.speed, c.rate, c.others); n < c.least || n > c.most {
			t.Errorf("%s: %d of 1000 went packed, want %d to %d", c.name, n, c.least, c.most)
		}
	}
}

// What the kernel has taken has not been sent: a link that is tried plain for a
// moment is as slow as it is.
func TestPackingIsNotDeceivedByTheKernelsBuffer(t *testing.T) {
	text := bytes.Repeat([]byte("static inline int main(void);\n"), 2000)
	p := newFabric(t).add("kn1", "").engine.newPacker()
	packed, held := 0, 0
	for range 1000 {
		enc, out := p.pack(text, nil)
		if enc == wire.Zstd {
			packed++
		}
		held = max(held-4096, 0) + len(out) // while little leaves
		p.speed = 300e6
		p.wrote(shown{bytes: len(out), took: 10 * time.Microsecond, held: held})
	}
	if packed < 950 {
		t.Errorf("%d of 1000 went packed", packed)
	}
}

// Whoever passes a chunk on that came packed neither reads nor compresses it.
func TestWhatCamePackedGoesPacked(t *testing.T) {
	e := newFabric(t).add("kn1", "").engine
	text := bytes.Repeat([]byte("static inline int main(void);\n"), 4000)
	c := newContent(wire.Version{1}, "f", wire.Meta{}, manifestOf(text), nil)
	if _, _, _, err := e.newPacker().load(c, 0); !errors.Is(err, wire.ErrNotFound) {
		t.Fatalf("without a file: %v", err)
	}
	_, packed := e.newPacker().pack(text[:c.manifest.Len(0)], nil)
	e.packed.put(packKey{c.version, 0}, packed)
	p := e.newPacker()
	p.packing = false // since the link is fast
	buf, enc, size, err := p.load(c, 0)
	if err != nil || enc != wire.Zstd || !bytes.Equal(buf.behind(0, size), packed) {
		t.Fatalf("%d bytes in encoding %d, %v; want the %d that came", size, enc, err, len(packed))
	}
}
