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
// Data that does not shrink is left alone for a while.
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
	bytes   int     // sent in the window
	writing time.Duration
	until   int // chunks until the other way may be tried
	wait    int // that until is set to next
}

func (e *Engine) newPacker() *packer {
	return &packer{e: e, packing: true, backoff: firstSkip, size: windowSize, wait: firstTry}
}

// pack returns chunk i in the encoding that it is to be sent in. The result may
// be data itself.
func (p *packer) pack(v wire.Version, i int, data []byte) (wire.Encoding, []byte) {
	if p.skip > 0 || !p.packing {
		return p.plain(data)
	}
	key := packKey{v, i}
	if packed := p.e.packed.get(key); packed != nil {
		return wire.Zstd, packed
	}
	enc, out := p.packOnce(data)
	if enc == wire.Zstd {
		p.e.packed.put(key, out)
	}
	return enc, out
}

// packOnce is pack for what nobody else will want.
func (p *packer) packOnce(data []byte) (wire.Encoding, []byte) {
	if p.skip > 0 || !p.packing {
		return p.plain(data)
	}
	start := time.Now()
	packed := p.e.encoder.EncodeAll(data, make([]byte, 0, len(data)/2))
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

// wrote records that n bytes were written in the given time, and settles how
// the next ones are sent.
func (p *packer) wrote(n int, took time.Duration) {
	p.count++
	p.until--
	p.bytes += n
	p.writing += took
	if p.count < p.size || p.speed == 0 {
		return
	}
	drain := float64(p.bytes) / max(p.writing.Seconds(), 1e-6)
	if !p.packing {
		p.drain = drain
	}
	surely := p.pays(drain) // even if it drains as fast as it looks
	p.count, p.bytes, p.writing, p.size = 0, 0, 0, windowSize
	if !(p.packing && surely) && (p.drain == 0 || p.until <= 0) {
		p.packing, p.size, p.until = !p.packing, tryChunks, p.wait
		p.wait = min(2*p.wait, lastTry)
		return
	}
	p.packing = surely || p.pays(p.drain)
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
