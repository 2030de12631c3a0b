package wire

import (
	"bytes"
	"fmt"
	"testing"
)

// BenchmarkReadFrame measures one frame from memory, of the sizes of a ping, a
// small call and a chunk.
func BenchmarkReadFrame(b *testing.B) {
	for _, size := range []int{16, 4 << 10, 256 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			frame := append(AppendHeader(nil, TypeChunk, size), make([]byte, size)...)
			source := bytes.NewReader(frame)
			r := NewReader(source, MaxDataFrame)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				source.Reset(frame)
				if _, _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAppendFrame measures encoding a ping.
func BenchmarkAppendFrame(b *testing.B) {
	ping := &Ping{Seq: 7, Digest: 1 << 60}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = AppendFrame(buf[:0], TypePing, ping); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChunkFrame measures what a chunk costs beyond its bytes: the header
// that is written and what is read of it.
func BenchmarkChunkFrame(b *testing.B) {
	data := make([]byte, 256<<10)
	buf := make([]byte, 0, HeaderSize+ChunkHead+len(data))
	b.ReportAllocs()
	for b.Loop() {
		head := AppendChunkHeader(buf[:0], 1, 2, Plain, len(data))
		c, err := ParseChunk(head[HeaderSize : HeaderSize+ChunkHead+len(data)])
		if err != nil || c.Chunk != 2 || len(c.Data) != len(data) {
			b.Fatal(c.Chunk, err)
		}
	}
}

// BenchmarkLinkStates measures news of 100 nodes of degree 4, encoded and read.
func BenchmarkLinkStates(b *testing.B) {
	var news LinkStates
	for i := range 100 {
		news.States = append(news.States, LinkState{
			ID: NodeID{byte(i)}, Seq: 1, Name: NodeName(fmt.Sprintf("kn%d", i)), Want: 4, Port: 9000,
			Peers: []NodeID{{1}, {2}, {3}, {4}}, Addrs: []string{"10.0.0.1"},
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		frame, err := AppendFrame(nil, TypeLinkStates, &news)
		if err != nil {
			b.Fatal(err)
		}
		var got LinkStates
		if err := Unmarshal(frame[HeaderSize:], &got); err != nil || len(got.States) != 100 {
			b.Fatal(len(got.States), err)
		}
	}
}
