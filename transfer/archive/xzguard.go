package archive

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// The decoder makes a dictionary for each block. xz -T makes blocks of three
// times a dictionary's size or more; a file of empty blocks would keep it busy.
const (
	freeDicts = 4 << 30 // bytes of dictionaries that any file may ask for
	maxDicts  = 64      // and for each byte of the file that came before
)

// xzGuard passes an xz file through and refuses blocks whose dictionary is
// larger than maxWindow: the decoder allocates what a block's header asks for,
// up to 4 GiB. It follows the format (xz-file-format.txt 1.2.1) from header to
// header; LZMA2's own chunks tell their lengths, so nothing is decompressed.
// Whether the rest is right is the decoder's to tell.
type xzGuard struct {
	r      *bufio.Reader
	pass   int64                // bytes to hand on before the next header
	step   func(*xzGuard) error // reads the next header; nil: a stream begins
	check  int64                // bytes of each block's check
	block  int64                // bytes of the block's chunks so far
	ints   uint64               // integers that the index still holds
	index  int64                // bytes of the index so far
	passed int64                // bytes handed on
	dicts  int64                // bytes of dictionaries asked for so far
}

// Read implements io.Reader.
func (g *xzGuard) Read(p []byte) (int, error) {
	for g.pass == 0 {
		step := g.step
		if step == nil {
			step = (*xzGuard).stream
		}
		if err := step(g); err != nil {
			return 0, err
		}
	}
	n, err := g.r.Read(p[:min(int64(len(p)), g.pass)])
	g.pass -= int64(n)
	g.passed += int64(n)
	if err == io.EOF && g.pass > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// peek returns the next n bytes without handing them on.
func (g *xzGuard) peek(n int) ([]byte, error) {
	b, err := g.r.Peek(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// stream reads a stream header, padding between streams, or the end.
func (g *xzGuard) stream() error {
	b, err := g.r.Peek(4)
	if len(b) == 0 {
		return err
	}
	if len(b) == 4 && binary.LittleEndian.Uint32(b) == 0 {
		g.pass = 4
		return nil
	}
	if b, err = g.peek(12); err != nil {
		return err
	}
	if string(b[:6]) != "\xfd7zXZ\x00" {
		return fmt.Errorf("xz: %w: no stream header", ErrDamaged)
	}
	sizes := [16]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64} // section 2.1.1.2
	g.check = sizes[b[7]&0x0f]
	g.pass, g.step = 12, (*xzGuard).header
	return nil
}

// header reads a block header, or the beginning of the index.
func (g *xzGuard) header() error {
	b, err := g.peek(1)
	if err != nil {
		return err
	}
	if b[0] == 0 {
		return g.beginIndex()
	}
	if b, err = g.peek((int(b[0]) + 1) * 4); err != nil {
		return err
	}
	dict, err := dictionary(b)
	if err != nil {
		return err
	}
	if dict > maxWindow {
		return fmt.Errorf("xz: %w: the dictionary must be at most %d bytes, but is %d", ErrLimit, maxWindow, dict)
	}
	if g.dicts += dict; g.dicts > freeDicts+maxDicts*g.passed {
		return fmt.Errorf("xz: %w: too many small blocks", ErrLimit)
	}
	g.pass, g.block, g.step = int64(len(b)), 0, (*xzGuard).chunk
	return nil
}

// dictionary returns the size of the dictionary that a block header asks for.
func dictionary(header []byte) (int64, error) {
	bad := fmt.Errorf("xz: %w: block header", ErrDamaged)
	flags, rest := header[1], header[2:]
	skip := 0 // sizes of the block
	for _, bit := range []byte{0x40, 0x80} {
		if flags&bit != 0 {
			skip++
		}
	}
	next := func() (v uint64, ok bool) {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return 0, false
		}
		rest = rest[n:]
		return v, true
	}
	for range skip {
		if _, ok := next(); !ok {
			return 0, bad
		}
	}
	for range flags&3 + 1 {
		id, ok := next()
		size, sized := next()
		if !ok || !sized || size > uint64(len(rest)) {
			return 0, bad
		}
		if id == 0x21 && size == 1 { // LZMA2, always the last
			return dictionarySize(rest[0])
		}
		rest = rest[size:]
	}
	return 0, bad
}

// dictionarySize decodes section 5.3.1.
func dictionarySize(bits byte) (int64, error) {
	if bits > 40 {
		return 0, fmt.Errorf("xz: %w: dictionary size", ErrDamaged)
	}
	if bits == 40 {
		return 1<<32 - 1, nil
	}
	return int64(2|bits&1) << (bits/2 + 11), nil
}

// chunk reads an LZMA2 chunk header.
func (g *xzGuard) chunk() error {
	b, err := g.peek(1)
	if err != nil {
		return err
	}
	switch control := b[0]; {
	case control == 0: // the end, then padding to 4 bytes and the check
		g.block++
		g.pass = 1 + (4-g.block%4)%4 + g.check
		g.step = (*xzGuard).header
		return nil
	case control <= 2:
		if b, err = g.peek(3); err != nil {
			return err
		}
		g.pass = 3 + 1 + int64(binary.BigEndian.Uint16(b[1:]))
	case control < 0x80:
		return fmt.Errorf("xz: %w: chunk", ErrDamaged)
	default:
		if b, err = g.peek(5); err != nil {
			return err
		}
		g.pass = 5 + 1 + int64(binary.BigEndian.Uint16(b[3:]))
		if control >= 0xc0 { // new properties
			g.pass++
		}
	}
	g.block += g.pass
	return nil
}

// beginIndex reads the index's mark and how many records it has.
func (g *xzGuard) beginIndex() error {
	b, err := g.peek(2)
	if err != nil {
		return err
	}
	if b[1]&0x80 != 0 {
		b, _ = g.r.Peek(11) // an index is followed by a footer of 12
	}
	records, n := binary.Uvarint(b[1:])
	if n <= 0 || records > 1<<40 {
		return fmt.Errorf("xz: %w: index", ErrDamaged)
	}
	g.ints, g.index, g.pass = 2*records, int64(1+n), int64(1+n)
	g.step = (*xzGuard).record
	return nil
}

// record reads an integer of the index, or what comes behind the last: padding
// to 4 bytes, a checksum of 4, and the footer of 12.
func (g *xzGuard) record() error {
	if g.ints == 0 {
		g.pass = (4-g.index%4)%4 + 4 + 12
		g.step = nil
		return nil
	}
	b, err := g.peek(9)
	if err != nil {
		return err
	}
	_, n := binary.Uvarint(b)
	if n <= 0 {
		return fmt.Errorf("xz: %w: index", ErrDamaged)
	}
	g.ints--
	g.index += int64(n)
	g.pass = int64(n)
	return nil
}
