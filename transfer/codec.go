package transfer

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"minimega/mesh/wire"
)

func newEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(wire.MaxChunkSize), zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)))
}

func newDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithDecoderMaxMemory(2*wire.MaxChunkSize), zstd.WithDecodeAllCapLimit(true))
}

// encode returns data in an encoding that is not Plain. It lies in into, which is
// empty, where that has room for data and bufferTail more.
func (e *Engine) encode(enc wire.Encoding, data, into []byte) []byte {
	if enc == wire.S2 {
		return s2.Encode(into[:0:cap(into)], data)
	}
	return e.encoder.EncodeAll(data, into)
}

var errLength = errors.New("wrong length")

// unpack returns the bytes of a chunk that must be size long; free gives them
// back.
func (e *Engine) unpack(c wire.Chunk, size int) (data []byte, free func(), err error) {
	if c.Encoding == wire.Plain {
		return c.Data, func() {}, nil
	}
	buf := e.buffers.get(size)
	if err := e.decode(c, buf.behind(0, size)); err != nil {
		e.buffers.put(buf)
		return nil, nil, err
	}
	return buf.behind(0, size), func() { e.buffers.put(buf) }, nil
}

// decode fills into, which lies in a buffer, with the bytes of a chunk. It takes
// no other memory.
func (e *Engine) decode(c wire.Chunk, into []byte) error {
	var n int
	var err error
	if c.Encoding == wire.S2 {
		if n, err = s2.DecodedLen(c.Data); err == nil && n == len(into) {
			_, err = s2.Decode(into, c.Data)
		}
	} else {
		var data []byte
		data, err = e.decoder.DecodeAll(c.Data, into[:0:len(into)+bufferTail])
		n = len(data)
	}
	if err == nil && n != len(into) {
		err = fmt.Errorf("%w: %d bytes, not %d", errLength, n, len(into))
	}
	return err
}
