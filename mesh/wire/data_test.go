package wire

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// Bytes that every version must produce and accept.
func TestDataFramesHaveTheirGoldenBytes(t *testing.T) {
	frame := func(typ Type, payload any) []byte {
		b, err := AppendFrame(nil, typ, payload)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	v := Version{0xab}
	zeros := strings.Repeat("00", 31)
	for _, c := range []struct {
		name string
		got  []byte
		want string // length, type, payload
	}{
		{"open", frame(TypeOpen, Open{Topic: 2, Version: v, Name: "a"}), "00000029 30 a3 0102 025820ab" + zeros + " 036161"},
		{"open, known", frame(TypeOpen, Open{Topic: 2, Version: v, Name: "a", Known: true}), "0000002b 30 a4 0102 025820ab" + zeros + " 036161 04f5"},
		{"deal", frame(TypeDeal, Deal{Topic: 2, N: 4, Lane: 1, Lanes: 3}), "00000009 34 a4 0102 0204 0301 0403"},
		{"deal, one lane", frame(TypeDeal, Deal{Topic: 2, N: 4}), "00000005 34 a2 0102 0204"},
		{"request", frame(TypeRequest, Request{Topic: 2, Chunks: []uint32{1, 300}}), "00000009 35 a2 0102 0282 01 19012c"},
		{"withdraw", frame(TypeWithdraw, Request{Topic: 2, Chunks: []uint32{1}}), "00000006 36 a2 0102 0281 01"},
		{"refuse", frame(TypeRefuse, Refuse{Topic: 2, Chunk: NothingFresh}), "00000009 38 a4 0102 0221 0300 0460"},
		{"close", frame(TypeClose, Close{Topic: 2}), "00000003 39 a1 0102"},
		{"alive", frame(TypeAlive, nil), "00000000 3a"},
		{"hashes", AppendHashes(nil, Hashes{Topic: 2, First: 5, Sums: bytes.Repeat([]byte{7}, 32)}), "00000028 32 00000002 00000005" + strings.Repeat("07", 32)},
		{"have", AppendHave(nil, Have{Topic: 2, First: 5, Bits: []byte{0x81}}), "00000009 33 00000002 00000005 81"},
		{"chunk", append(AppendChunkHeader(nil, 2, 5, Zstd, 3), "abc"...), "0000000c 37 00000002 00000005 01 616263"},
		{"chunk in S2", append(AppendChunkHeader(nil, 2, 5, S2, 3), "abc"...), "0000000c 37 00000002 00000005 02 616263"},
	} {
		if want := strings.ReplaceAll(c.want, " ", ""); hex.EncodeToString(c.got) != want {
			t.Errorf("%s: got %x, want %s", c.name, c.got, want)
		}
	}
}

func TestBulkPayloadsOverTheirLimitsAreRefused(t *testing.T) {
	body := func(frame []byte) []byte { return frame[HeaderSize:] }
	for name, err := range map[string]error{
		"short hashes":     second(ParseHashes([]byte{1, 2, 3})),
		"no hash":          second(ParseHashes(make([]byte, 8))),
		"part of a hash":   second(ParseHashes(make([]byte, 8+31))),
		"too many hashes":  second(ParseHashes(make([]byte, 8+32*(MaxHashesPacket+1)))),
		"hashes past end":  second(ParseHashes(body(AppendHashes(nil, Hashes{First: MaxChunks, Sums: make([]byte, 32)})))),
		"short have":       second(ParseHave(nil)),
		"too long have":    second(ParseHave(make([]byte, 8+MaxHavePacket/8+1))),
		"have past end":    second(ParseHave(body(AppendHave(nil, Have{First: MaxChunks})))),
		"short chunk":      second(ParseChunk(make([]byte, 8))),
		"unknown encoding": second(ParseChunk(body(AppendChunkHeader(nil, 1, 1, Encodings, 0)))),
		"too long chunk":   second(ParseChunk(make([]byte, ChunkHead+MaxChunkSize+1))),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestNextIntoReadsIntoTheCallersBuffer(t *testing.T) {
	frame := append(AppendChunkHeader(nil, 2, 5, Plain, 3), "abc"...)
	buf := make([]byte, 64)
	r := NewReader(bytes.NewReader(frame), 64)
	typ, payload, err := r.NextInto(func(_ Type, size int) []byte { return buf[:size] })
	if err != nil || typ != TypeChunk || &payload[0] != &buf[0] || len(payload) != ChunkHead+3 {
		t.Errorf("got %d %x, %v", typ, payload, err)
	}
	if _, _, err := NewReader(bytes.NewReader(frame), 4).NextInto(nil); err == nil {
		t.Error("a frame over the limit is accepted")
	}
}

func TestChunkSizesMakeEnoughChunksAndNotTooMany(t *testing.T) {
	for size, want := range map[int64]uint32{
		0: 64 << 10, 128 << 20: 64 << 10, 256 << 20: 128 << 10, 512 << 20: 256 << 10, 2 << 30: 1 << 20, 100 << 30: 1 << 20,
	} {
		if got := ChunkSizeFor(size); got != want {
			t.Errorf("%d bytes: chunks of %d, want %d", size, got, want)
		}
	}
	if n := PartCount(1 << 30); n != 103 {
		t.Errorf("1 GiB has %d parts, want 103", n)
	}
	if n := PartCount(0); n != 1 {
		t.Errorf("an empty file has %d parts, want 1", n)
	}
}

// What a peer may send is parsed without a panic, and what is parsed is within
// the limits and encodes to the same bytes.
func FuzzBulk(f *testing.F) {
	f.Add(AppendHashes(nil, Hashes{2, 5, make([]byte, 64)})[HeaderSize:])
	f.Add(AppendHave(nil, Have{2, 5, []byte{1, 2}})[HeaderSize:])
	f.Add(append(AppendChunkHeader(nil, 2, 5, Zstd, 3), 1, 2, 3)[HeaderSize:])
	f.Add(append(AppendChunkHeader(nil, 2, 5, Encodings, 3), 1, 2, 3)[HeaderSize:])
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := ParseHashes(b); err == nil {
			if len(h.Sums) > MaxHashesPacket*HashSize || !bytes.Equal(AppendHashes(nil, h)[HeaderSize:], b) {
				t.Errorf("hashes %x", b)
			}
		}
		if h, err := ParseHave(b); err == nil {
			if len(h.Bits)*8 > MaxHavePacket || !bytes.Equal(AppendHave(nil, h)[HeaderSize:], b) {
				t.Errorf("have %x", b)
			}
		}
		if c, err := ParseChunk(b); err == nil {
			if len(c.Data) > MaxChunkSize || !bytes.Equal(append(AppendChunkHeader(nil, c.Topic, c.Chunk, c.Encoding, len(c.Data)), c.Data...)[HeaderSize:], b) {
				t.Errorf("chunk %x", b)
			}
		}
	})
}
