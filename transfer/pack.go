package transfer

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/klauspost/compress/zstd"

	"minimega/mesh/wire"
)

const (
	poorRatio  = 0.92 // a chunk that shrinks to more than this is not worth it
	windowSize = 8    // chunks after which the way of sending is settled again
	tryChunks  = 2    // chunks for which the other way is tried
	firstTry   = 64   // chunks until it is tried again, doubled each time up to
	lastTry    = 1024
	firstSkip  = 8 // chunks not packed after one that did not shrink, likewise
)

// A packer decides, for one connection, whether chunks are compressed: they are
// while compressing a byte and sending what remains of it takes less time than
// sending it. What the connection takes in a second is known when chunks go
// plain; while they are packed it drains in the meantime and looks faster than
// it is, so where that makes the difference, plain is tried for a few chunks.
// Connections share the link: one that goes plain alone would have what the others
// leave while they compress, so no more than an equal share of it counts.
// Data that does not shrink is left alone for a while. What is there packed, because
// it came so or another node was sent it, goes so: that costs no time.
type packer struct {
	e       *Engine
	packing bool
	speed   float64 // of compressing, bytes a second; 0: unknown
	ratio   float64 // of what remains
	drain   float64 // of the connection while chunks go plain, bytes a second; 0: unknown
	skip    int     // chunks that are sent plain, because the last did not shrink
	backoff int     // that skip is set to next
	count   int     // chunks in this window
	size    int     // chunks that the window is to have
	fresh   int     // chunks of the window that were compressed for it
	sent    shown   // in the window, all writes together
	held    int     // bytes that the kernel held when the window began
	until   int     // chunks until the other way may be tried
	wait    int     // that until is set to next
}

func (e *Engine) newPacker() *packer {
	return &packer{e: e, packing: true, backoff: firstSkip, size: windowSize, wait: firstTry}
}

// load returns chunk i of c as it is to be sent: the first size bytes of a buffer,
// which the caller puts back, behind any header.
func (p *packer) load(c *content, i int) (buf *buffer, enc wire.Encoding, size int, err error) {
	key := packKey{c.version, i}
	if packed := p.e.packed.get(key); packed != nil {
		buf = p.e.buffers.get(len(packed))
		return buf, wire.Zstd, copy(buf.behind(0, len(packed)), packed), nil
	}
	buf = p.e.buffers.get(c.manifest.Len(i))
	data, err := c.chunk(i, buf.behind(0, 0))
	if err != nil {
		p.e.buffers.put(buf)
		return nil, wire.Plain, 0, err
	}
	small := p.e.buffers.get(len(data))
	enc, out := p.pack(data, small.behind(0, 0))
	if enc == wire.Plain {
		p.e.buffers.put(small)
		return buf, enc, len(data), nil
	}
	p.e.buffers.put(buf)
	p.e.packed.put(key, out)
	return small, enc, copy(small.behind(0, len(out)), out), nil
}

// pack returns data in the encoding that it is to be sent in: data itself, or what
// it is packed, which has been appended to into.
func (p *packer) pack(data, into []byte) (wire.Encoding, []byte) {
	if p.skip > 0 || !p.packing {
		return p.plain(data)
	}
	p.fresh++
	start := time.Now()
	packed := p.e.encoder.EncodeAll(data, into)
	speed := float64(len(data)) / max(time.Since(start).Seconds(), 1e-9)
	ratio := float64(len(packed)) / float64(max(len(data), 1))
	if p.speed == 0 {
		p.speed, p.ratio = speed, ratio
	}
	p.speed += (speed - p.speed) / 8
	p.ratio += (ratio - p.ratio) / 8
	if ratio >= poorRatio {
		p.skip = p.backoff
		p.backoff = min(2*p.backoff, lastTry)
		return wire.Plain, data
	}
	p.backoff = firstSkip
	return wire.Zstd, packed
}

func (p *packer) plain(data []byte) (wire.Encoding, []byte) {
	p.skip = max(p.skip-1, 0)
	return wire.Plain, data
}

// shown is what a write on the connection has shown.
type shown struct {
	bytes  int
	took   time.Duration
	held   int // bytes that the kernel holds after it; 0 where that is not known
	beside int // bytes that other connections began to send meanwhile
	busy   int // how many those are
}

// wrote records a write and settles how the next chunks are sent.
func (p *packer) wrote(w shown) {
	p.count++
	p.until--
	p.sent.bytes += w.bytes
	p.sent.took += w.took
	p.sent.beside += w.beside
	p.sent.busy += w.busy
	p.sent.held = w.held
	if p.count < p.size || p.speed == 0 {
		return
	}
	drain := p.drained()
	if p.fresh == 0 {
		p.drain = drain
	}
	surely := p.pays(drain) // even if it drains as fast as it looks
	p.count, p.fresh, p.sent, p.size, p.held = 0, 0, shown{}, windowSize, w.held
	if !(p.packing && surely) && (p.drain == 0 || p.until <= 0) {
		p.packing, p.size, p.until = !p.packing, tryChunks, p.wait
		p.wait = min(2*p.wait, lastTry)
		return
	}
	p.packing = surely || p.pays(p.drain)
}

// drained returns the rate of the window, in bytes a second: what has left the
// kernel, and no more than an equal share of what all connections sent.
func (p *packer) drained() float64 {
	left := float64(max(p.sent.bytes+p.held-p.sent.held, 0))
	sharing := 1 + float64(p.sent.busy)/float64(p.count)
	share := (left + float64(p.sent.beside)) / sharing
	return min(left, share) / max(p.sent.took.Seconds(), 1e-6)
}

// pays reports whether packing makes a connection of that drain faster.
func (p *packer) pays(drain float64) bool { return drain/p.speed+p.ratio < 1 }

func newEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(wire.MaxChunkSize), zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)))
}

func newDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithDecoderMaxMemory(2*wire.MaxChunkSize), zstd.WithDecodeAllCapLimit(true))
}

var errLength = errors.New("wrong length")

// unpack returns the bytes of a chunk that must be size long; free gives them
// back.
func (e *Engine) unpack(c wire.Chunk, size int) (data []byte, free func(), err error) {
	if c.Encoding == wire.Plain {
		return c.Data, func() {}, nil
	}
	buf := e.buffers.get(size)
	data, err = e.decoder.DecodeAll(c.Data, buf.behind(0, size)[:0:size+bufferTail])
	if err == nil && len(data) != size {
		err = fmt.Errorf("%w: %d bytes, not %d", errLength, len(data), size)
	}
	if err != nil {
		e.buffers.put(buf)
		return nil, nil, err
	}
	return data, func() { e.buffers.put(buf) }, nil
}
