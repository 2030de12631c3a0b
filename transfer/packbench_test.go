package transfer

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"minimega/mesh/wire"
)

// benchContents are chunks of 256 KiB that shrink well and not at all.
func benchContents() map[string][]byte {
	return map[string][]byte{"text": headerText(256 << 10), "random": random(1, 256<<10)}
}

// headerText is size bytes that look, to a compressor, like declarations of C:
// they shrink to about a fifth.
func headerText(size int) []byte {
	source := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 500)
	for i := range words {
		words[i] = string(benchLetters(source))
	}
	word := func() string { return words[min(source.IntN(len(words)), source.IntN(len(words)))] }
	var b bytes.Buffer
	for b.Len() < size {
		fmt.Fprintf(&b, "extern int %s_%s(struct %s *%s, unsigned long %s);\n", word(), word(), word(), word(), word())
	}
	return b.Bytes()[:size]
}

// benchLetters returns a word of three to ten letters.
func benchLetters(source *rand.Rand) []byte {
	word := make([]byte, 3+source.IntN(8))
	for i := range word {
		word[i] = byte('a' + min(source.IntN(26), source.IntN(26)))
	}
	return word
}

// packings are the encodings, by name.
func packings() map[string]wire.Encoding {
	return map[string]wire.Encoding{"zstd": wire.Zstd, "s2": wire.S2}
}

// benchPackings runs do for each content in each encoding.
func benchPackings(b *testing.B, do func(b *testing.B, p *packer, data []byte)) {
	for content, data := range benchContents() {
		for name, enc := range packings() {
			b.Run(content+"/"+name, func(b *testing.B) {
				p := newFabric(b).add("kn1", "").engine.newPacker(enc)
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				do(b, p, data)
			})
		}
	}
}

// BenchmarkPack measures deciding about a chunk and compressing it where that
// is worth it, without the cache of what was compressed before.
func BenchmarkPack(b *testing.B) {
	benchPackings(b, func(b *testing.B, p *packer, data []byte) {
		into := p.e.buffers.get(len(data)).behind(0, 0)
		for b.Loop() {
			p.pack(data, into)
		}
	})
}

// BenchmarkUnpack measures a chunk that comes compressed, and one that does
// not.
func BenchmarkUnpack(b *testing.B) {
	benchPackings(b, func(b *testing.B, p *packer, data []byte) {
		enc, packed := p.pack(data, nil)
		for b.Loop() {
			got, free, err := p.e.unpack(wire.Chunk{Encoding: enc, Data: packed}, len(data))
			if err != nil || len(got) != len(data) {
				b.Fatal(len(got), err)
			}
			free()
		}
	})
}
