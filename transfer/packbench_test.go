package transfer

import (
	"bytes"
	"testing"

	"minimega/mesh/wire"
)

// benchContents are chunks of 256 KiB that shrink well and not at all.
func benchContents() map[string][]byte {
	return map[string][]byte{
		"text":   bytes.Repeat([]byte("static inline int main(void);\n"), 256<<10/30+1)[:256<<10],
		"random": random(1, 256<<10),
	}
}

// BenchmarkPack measures deciding about a chunk and compressing it where that
// is worth it, without the cache of what was compressed before.
func BenchmarkPack(b *testing.B) {
	for name, data := range benchContents() {
		b.Run(name, func(b *testing.B) {
			p := newFabric(b).add("kn1", "").engine.newPacker()
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				p.packOnce(data)
			}
		})
	}
}

// BenchmarkUnpack measures a chunk that comes compressed, and one that does
// not.
func BenchmarkUnpack(b *testing.B) {
	for name, data := range benchContents() {
		b.Run(name, func(b *testing.B) {
			e := newFabric(b).add("kn1", "").engine
			enc, packed := e.newPacker().packOnce(data)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				got, free, err := e.unpack(wire.Chunk{Encoding: enc, Data: packed}, len(data))
				if err != nil || len(got) != len(data) {
					b.Fatal(len(got), err)
				}
				free()
			}
		})
	}
}
