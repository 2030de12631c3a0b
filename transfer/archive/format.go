package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxWindow bounds what a decoder keeps of what it has put out, in bytes.
const maxWindow = 128 << 20

// magicLen is how many bytes tell the compression.
const magicLen = 6

// decompress returns what r holds, by its first bytes: plain where they are
// those of no compression. close gives back what the decoder holds.
func decompress(r io.Reader) (plain io.Reader, close func(), err error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(magicLen)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	close = func() {}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		plain, err = gzip.NewReader(b)
	case bytes.HasPrefix(magic, []byte("BZh")):
		plain = bzip2.NewReader(b)
	case bytes.Equal(magic, []byte("\xfd7zXZ\x00")):
		plain, err = newXZ(b)
	case isZstd(magic):
		return newZstd(b)
	default:
		if _, err := b.Peek(tarBlock); err == io.EOF { // not even one header
			return nil, nil, ErrFormat
		}
		plain = b
	}
	return plain, close, err
}

// isZstd reports the beginning of a frame, or of one to be skipped.
func isZstd(magic []byte) bool {
	frame := bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd})
	skip := len(magic) >= 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:4], []byte{0x2a, 0x4d, 0x18})
	return frame || skip
}

func newZstd(r io.Reader) (io.Reader, func(), error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

func newXZ(b *bufio.Reader) (io.Reader, error) {
	x, err := xz.NewReader(&xzGuard{r: b})
	if err != nil {
		return nil, fmt.Errorf("xz: %w", err)
	}
	return x, nil
}
