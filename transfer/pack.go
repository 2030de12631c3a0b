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
	windowSize = 8    // chunks over which a way of sending is measured
	tryChunks  = 2    // chunks for which the other way is tried
	firstTry   = 64   // chunks until it is tried again; doubled each time it loses
	lastTry    = 1024
	preferRaw  = 1.05 // how much faster packing must be to be preferred
)

// A packer decides, for one connection, whether chunks are compressed. It
// measures how many bytes of content pass in a second either way, tries the
// other way now and then, and leaves data alone that does not shrink.
type packer struct {
	e       *Engine
	packing bool
	raw     int // chunks that are sent as they are whatever was measured
	backoff int // of raw, for data that does not shrink
	speed   [2]float64
	start   time.Time // of the window
	bytes   int       // of content in the window
	count   int       // chunks in the window
	size    int       // chunks that the window is to have
	until   int       // chunks until the other way is tried
	wait    int       // what until is set to next
	last    time.Time // end of the last chunk
	content int       // bytes of the chunk being sent
}

func (e *Engine) newPacker() *packer {
	return &packer{e: e, packing: true, backoff: 8, size: windowSize, until: windowSize, wait: firstTry}
}

// pack returns chunk i in the encoding that it is to be sent in. The result may
// be data itself.
func (p *packer) pack(v wire.Version, i int, data []byte) (wire.Encoding, []byte) {
	p.content = len(data)
	if p.raw > 0 {
		p.raw--
		return wire.Plain, data
	}
	if !p.packing {
		return wire.Plain, data
	}
	key := packKey{v, i}
	packed := p.e.packed.get(key)
	if packed == nil {
		packed = p.e.encoder.EncodeAll(data, make([]byte, 0, len(data)/2))
		if float64(len(packed)) < poorRatio*float64(len(data)) {
			p.e.packed.put(key, packed)
		}
	}
	if float64(len(packed)) >= poorRatio*float64(len(data)) {
		p.raw = p.backoff
		p.backoff = min(2*p.backoff, lastTry)
		return wire.Plain, data
	}
	p.backoff = 8
	return wire.Zstd, packed
}

// drained records that a chunk was written in the given time, and settles how
// the next ones are sent.
func (p *packer) drained(took time.Duration) {
	now := time.Now()
	if begun := now.Add(-took); p.count == 0 || begun.Sub(p.last) > 20*time.Millisecond {
		p.start, p.bytes, p.count = begun, 0, 0 // nothing was wanted for a while
	}
	p.last = now
	p.bytes += p.content
	p.until--
	if p.count++; p.count < p.size || p.raw > 0 {
		return
	}
	speed := float64(p.bytes) / max(now.Sub(p.start).Seconds(), 1e-6)
	way := 0
	if p.packing {
		way = 1
	}
	if old := p.speed[way]; old > 0 && p.size == windowSize {
		speed = (old + speed) / 2
	}
	p.speed[way] = speed
	p.count = 0
	p.choose()
}

// choose settles the way of the next window.
func (p *packer) choose() {
	tried := p.size == tryChunks
	p.size = windowSize
	better := p.speed[1] > preferRaw*p.speed[0]
	switch {
	case p.until <= 0:
		p.packing = !better
		p.size, p.until = tryChunks, p.wait
	case tried && better != p.packing:
		p.packing = better
		p.wait = min(2*p.wait, lastTry)
	default:
		p.packing = better
	}
}

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
	data, err = e.decoder.DecodeAll(c.Data, buf[:0:size])
	if err == nil && len(data) != size {
		err = fmt.Errorf("%w: %d bytes, not %d", errLength, len(data), size)
	}
	if err != nil {
		e.buffers.put(buf)
		return nil, nil, err
	}
	return data, func() { e.buffers.put(buf) }, nil
}

// packOnce is pack for what nobody else will want.
func (p *packer) packOnce(data []byte) (wire.Encoding, []byte) {
	p.content = len(data)
	if p.raw > 0 || !p.packing {
		p.raw = max(p.raw-1, 0)
		return wire.Plain, data
	}
	packed := p.e.encoder.EncodeAll(data, make([]byte, 0, len(data)/2))
	if float64(len(packed)) >= poorRatio*float64(len(data)) {
		p.raw = p.backoff
		p.backoff = min(2*p.backoff, lastTry)
		return wire.Plain, data
	}
	p.backoff = 8
	return wire.Zstd, packed
}
