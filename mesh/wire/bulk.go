package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes of the fixed fields that precede bulk, in bytes.
const (
	bulkHead  = 8 // u32 topic, u32 first chunk
	ChunkHead = 9 // u32 topic, u32 chunk, u8 encoding
)

// Hashes names a run of chunks by their hashes, [HashSize] bytes each.
type Hashes struct {
	Topic, First uint32
	Sums         []byte // shares the payload it was decoded from
}

// AppendHashesRun appends the frames that name all chunks from first on, as many
// as there are sums.
func AppendHashesRun(b []byte, topic uint32, first int, sums []byte) []byte {
	for len(sums) > 0 {
		n := min(len(sums), MaxHashesPacket*HashSize)
		b = AppendHashes(b, Hashes{Topic: topic, First: uint32(first), Sums: sums[:n]})
		first, sums = first+n/HashSize, sums[n:]
	}
	return b
}

// Have marks the chunks that its sender holds: bit i of the map, lowest bit
// first, is chunk First+i. Chunks whose bit is clear are not spoken of.
type Have struct {
	Topic, First uint32
	Bits         []byte // shares the payload it was decoded from
}

// Chunk carries one chunk.
type Chunk struct {
	Topic, Chunk uint32
	Encoding     Encoding
	Data         []byte // shares the payload it was decoded from
}

// AppendHashes appends h's whole frame.
func AppendHashes(b []byte, h Hashes) []byte {
	b = AppendHeader(b, TypeHashes, bulkHead+len(h.Sums))
	b = binary.BigEndian.AppendUint32(b, h.Topic)
	b = binary.BigEndian.AppendUint32(b, h.First)
	return append(b, h.Sums...)
}

// AppendHave appends h's whole frame.
func AppendHave(b []byte, h Have) []byte {
	b = AppendHeader(b, TypeHave, bulkHead+len(h.Bits))
	b = binary.BigEndian.AppendUint32(b, h.Topic)
	b = binary.BigEndian.AppendUint32(b, h.First)
	return append(b, h.Bits...)
}

// AppendChunkHeader appends the header of a Chunk frame whose bytes, size of
// them, the caller sends right after it.
func AppendChunkHeader(b []byte, topic, chunk uint32, enc Encoding, size int) []byte {
	b = AppendHeader(b, TypeChunk, ChunkHead+size)
	b = binary.BigEndian.AppendUint32(b, topic)
	b = binary.BigEndian.AppendUint32(b, chunk)
	return append(b, byte(enc))
}

var errShort = errors.New("shorter than its fixed fields")

// ParseHashes decodes a Hashes payload.
func ParseHashes(b []byte) (Hashes, error) {
	if len(b) < bulkHead {
		return Hashes{}, errShort
	}
	h := Hashes{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), b[bulkHead:]}
	switch n := len(h.Sums) / HashSize; {
	case len(h.Sums)%HashSize != 0 || n == 0:
		return Hashes{}, fmt.Errorf("hashes: must be a multiple of %d bytes, but are %d", HashSize, len(h.Sums))
	case n > MaxHashesPacket:
		return Hashes{}, fmt.Errorf("hashes: %w: %d chunks, at most %d", ErrTooLarge, n, MaxHashesPacket)
	case uint64(h.First)+uint64(n) > MaxChunks:
		return Hashes{}, fmt.Errorf("hashes: %w: chunk %d, at most %d", ErrTooLarge, uint64(h.First)+uint64(n), MaxChunks)
	}
	return h, nil
}

// ParseHave decodes a Have payload.
func ParseHave(b []byte) (Have, error) {
	if len(b) < bulkHead {
		return Have{}, errShort
	}
	h := Have{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), b[bulkHead:]}
	switch {
	case len(h.Bits)*8 > MaxHavePacket:
		return Have{}, fmt.Errorf("have: %w: %d chunks, at most %d", ErrTooLarge, len(h.Bits)*8, MaxHavePacket)
	case h.First >= MaxChunks:
		return Have{}, fmt.Errorf("have: %w: chunk %d, at most %d", ErrTooLarge, h.First, MaxChunks)
	}
	return h, nil
}

// ParseChunk decodes a Chunk payload.
func ParseChunk(b []byte) (Chunk, error) {
	if len(b) < ChunkHead {
		return Chunk{}, errShort
	}
	c := Chunk{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), Encoding(b[8]), b[ChunkHead:]}
	switch {
	case c.Encoding >= Encodings:
		return Chunk{}, fmt.Errorf("chunk: unknown encoding %d", c.Encoding)
	case len(c.Data) > MaxChunkSize:
		return Chunk{}, fmt.Errorf("chunk: %w: %d bytes, at most %d", ErrTooLarge, len(c.Data), MaxChunkSize)
	}
	return c, nil
}
