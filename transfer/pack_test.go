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
		setSpeeds(p, speed, speed)
		took := time.Duration(float64(len(out)) / rate * 1e9)
		since := took
		if enc != wire.Plain {
			packed++
			since += time.Duration(float64(len(data)) / speed * 1e9)
		}
		p.wrote(shown{bytes: len(out), since: since, took: took, busy: others})
	}
	return packed
}

// setSpeeds has p believe in these speeds of compressing, as far as it has tried,
// whatever this machine is busy with.
func setSpeeds(p *packer, zstd, s2 float64) {
	for enc, speed := range map[wire.Encoding]float64{wire.Zstd: zstd, wire.S2: s2} {
		if p.ways[enc].speed > 0 {
			p.ways[enc].speed = speed
		}
	}
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
		if n := sendAll(e.newPacker(wire.Zstd, wire.S2), 1000, c.data, c.speed, c.rate, c.others); n < c.least || n > c.most {
			t.Errorf("%s: %d of 1000 went packed, want %d to %d", c.name, n, c.least, c.most)
		}
	}
}

// What the kernel has taken has not been sent: a link that is tried plain for a
// moment is as slow as it is.
func TestPackingIsNotDeceivedByTheKernelsBuffer(t *testing.T) {
	text := bytes.Repeat([]byte("static inline int main(void);\n"), 2000)
	p := newFabric(t).add("kn1", "").engine.newPacker(wire.Zstd, wire.S2)
	packed, held := 0, 0
	for range 1000 {
		enc, out := p.pack(text, nil)
		if enc != wire.Plain {
			packed++
		}
		held = max(held-4096, 0) + len(out) // while little leaves
		setSpeeds(p, 300e6, 600e6)
		p.wrote(shown{bytes: len(out), since: time.Millisecond, took: 10 * time.Microsecond, held: held})
	}
	if packed < 950 {
		t.Errorf("%d of 1000 went packed", packed)
	}
}

// While the other side still unpacks what came before, it takes nothing of what is tried
// plain; and then it takes what it may.
func TestPackingIsNotDeceivedByAPause(t *testing.T) {
	text := headerText(64 << 10)
	const rate, kernel, pause = 1.2e9, 4 << 20, 3 * time.Millisecond
	p := newFabric(t).add("kn1", "").engine.newPacker(wire.Zstd, wire.S2)
	packed, now, plainAt, held := 0, time.Duration(0), time.Duration(0), 0
	for range 4000 {
		since := 10 * time.Microsecond // to read it
		enc, out := p.pack(text, nil)
		setSpeeds(p, 400e6, 1e9)
		if enc != wire.Plain {
			packed++
			plainAt = 0
			since += time.Duration(float64(len(text)) / 1e9 * 1e9)
		} else if plainAt == 0 {
			plainAt = now
		}
		drains := func(d time.Duration) {
			if now += d; plainAt == 0 || now > plainAt+pause {
				held = max(held-int(rate*d.Seconds()), 0)
			}
		}
		drains(since)
		w := shown{bytes: len(out), full: held > 0}
		for held += len(out); held > kernel; w.took += time.Millisecond / 10 {
			drains(time.Millisecond / 10)
		}
		w.since, w.held = since+w.took, held
		if w.full {
			w.took = w.since
		}
		p.wrote(w)
	}
	if packed > 1200 {
		t.Errorf("%d of 4000 went packed over a link that is faster than that", packed)
	}
}

// Where the kernel has something left to send before some chunks, the link is what
// takes time, however fast it takes the others.
func TestPackingIsNotDeceivedByABurst(t *testing.T) {
	text := headerText(16 << 10)
	for full, want := range map[bool]int{true: 0, false: 2 * tryChunks} {
		p := newFabric(t).add("kn1", "").engine.newPacker(wire.Zstd, wire.S2)
		plain := 0
		for i := range 2 * firstTry {
			enc, out := p.pack(text, nil)
			setSpeeds(p, 300e6, 600e6)
			w := shown{bytes: len(out), since: settleTime, took: time.Duration(len(out) / 10), full: full && i%windowSize == 0} // 10 GB/s
			if enc == wire.Plain {
				plain++
				w.took = 10 * time.Millisecond
			}
			p.wrote(w)
		}
		if plain != want {
			t.Errorf("the kernel had something left before one in %d chunks: %v; %d went plain, want %d", windowSize, full, plain, want)
		}
	}
}

// What others are sent as it came takes no time to compress, so it tells nothing of
// whether to.
func TestWhatIsPassedOnDoesNotSettleWhetherToPack(t *testing.T) {
	text := bytes.Repeat([]byte("static inline int main(void);\n"), 2000)
	p := newFabric(t).add("kn1", "").engine.newPacker(wire.Zstd, wire.S2)
	p.pack(text, nil)
	setSpeeds(p, 300e6, 600e6)
	for range 100 {
		p.wrote(shown{bytes: 1000, since: settleTime, took: 1})
	}
	if enc, _ := p.pack(text, nil); enc == wire.Plain {
		t.Error("a chunk that did not come packed goes plain, since those that did went fast")
	}
}

// Whoever passes a chunk on that came packed neither reads nor compresses it.
func TestWhatCamePackedGoesPacked(t *testing.T) {
	e := newFabric(t).add("kn1", "").engine
	text := bytes.Repeat([]byte("static inline int main(void);\n"), 4000)
	c := newContent(wire.Version{1}, "f", wire.Meta{}, manifestOf(text), nil)
	if _, _, _, err := e.newPacker(wire.Zstd).load(c, 0); !errors.Is(err, wire.ErrNotFound) {
		t.Fatalf("without a file: %v", err)
	}
	came, packed := e.newPacker(wire.S2).pack(text[:c.manifest.Len(0)], nil)
	keep(e.recent, recentKey{c.version, 0}, came, packed)
	p := e.newPacker(wire.Zstd, wire.S2)
	p.way = wire.Plain // since the link is fast
	buf, enc, size, err := p.load(c, 0)
	if err != nil || enc != wire.S2 || !bytes.Equal(buf.behind(0, size), packed) {
		t.Fatalf("%d bytes in encoding %d, %v; want the %d that came", size, enc, err, len(packed))
	}
}

// Text goes in the encoding that shrinks more while the link is what takes time,
// and in the one that takes less time where that is the processor.
func TestPackingSparesWhatIsScarce(t *testing.T) {
	for _, c := range []struct {
		name     string
		zstd, s2 float64 // speeds of compressing, bytes a second
		most     wire.Encoding
	}{
		{"much processor", 300e6, 600e6, wire.Zstd},
		{"little processor", 20e6, 45e6, wire.S2},
	} {
		p := newFabric(t).add("kn1", "").engine.newPacker(wire.Zstd, wire.S2)
		went := map[wire.Encoding]int{}
		for range 1000 {
			enc, out := p.pack(headerText(64<<10), nil)
			went[enc]++
			setSpeeds(p, c.zstd, c.s2)
			took := time.Duration(float64(len(out)) / 12e6 * 1e9)
			p.wrote(shown{bytes: len(out), since: took, took: took})
		}
		if went[c.most] < 900 {
			t.Errorf("%s: %v", c.name, went)
		}
	}
}

// Until a connection has shown what it takes, its chunks go in the faster encoding, but for
// the few that tell how much the other shrinks them.
func TestTheFasterEncodingIsUsedUntilTheLinkIsKnown(t *testing.T) {
	p := newFabric(t).add("kn1", "").engine.newPacker(wire.Zstd, wire.S2)
	went := map[wire.Encoding]int{}
	for range 4 * fewSeen {
		enc, out := p.pack(headerText(64<<10), nil)
		went[enc]++
		p.wrote(shown{bytes: len(out), since: time.Microsecond, took: time.Microsecond})
	}
	if went[wire.Zstd] != fewSeen || went[wire.S2] != 3*fewSeen {
		t.Errorf("%d in zstd, %d in S2 of %d", went[wire.Zstd], went[wire.S2], 4*fewSeen)
	}
}

// What no encoding shrinks is hardly ever tried, however fast the link is.
func TestWhatDoesNotShrinkIsHardlyTried(t *testing.T) {
	for _, rate := range []float64{12e6, 1.2e9} {
		p := newFabric(t).add("kn1", "").engine.newPacker(wire.Zstd, wire.S2)
		data := random(1, 64<<10)
		for range 2000 {
			_, out := p.pack(data, nil)
			took := time.Duration(float64(len(out)) / rate * 1e9)
			p.wrote(shown{bytes: len(out), since: took, took: took, full: true})
		}
		if p.packed > 12 {
			t.Errorf("at %.0f MB/s it compresses %d of 2000 chunks", rate/1e6, p.packed)
		}
	}
}

// The first chunk waits for the memory that compressing takes: what follows is far faster.
func TestTheFirstChunkDoesNotTellHowFastCompressingIs(t *testing.T) {
	var w way
	for _, speed := range []float64{10e6, 300e6, 308e6} {
		w.learn(speed, 0.2)
	}
	if w.speed != 301e6 {
		t.Errorf("%.0f MB/s, want 301", w.speed/1e6)
	}
}

// A chunk of any length comes back from either encoding, and no other length is
// taken, nor memory for it.
func TestPackedChunksComeBack(t *testing.T) {
	e := newFabric(t).add("kn1", "").engine
	for _, enc := range []wire.Encoding{wire.Zstd, wire.S2} {
		for _, size := range []int{1, 1000, 64 << 10, 256<<10 - 1, wire.MaxChunkSize} {
			text := headerText(size)
			into := e.buffers.get(size)
			packed := e.encode(enc, text, into.behind(0, 0))
			if cap(packed) != cap(into.behind(0, 0)) {
				t.Errorf("%d bytes in encoding %d: took memory", size, enc)
			}
			data, free, err := e.unpack(wire.Chunk{Encoding: enc, Data: packed}, size)
			if err != nil || !bytes.Equal(data, text) {
				t.Fatalf("%d bytes in encoding %d: %v", size, enc, err)
			}
			free()
			for _, other := range []int{size - 1, size + 1, size + bufferTail} {
				if _, _, err := e.unpack(wire.Chunk{Encoding: enc, Data: packed}, other); err == nil {
					t.Errorf("%d bytes in encoding %d were taken for %d", size, enc, other)
				}
			}
		}
	}
}
