package mesh

import (
	"context"
	"io"
	"net"
	"testing"

	"minimega/mesh/wire"
)

// BenchmarkStream measures one direction of a direct stream on loopback.
func BenchmarkStream(b *testing.B) {
	block := make([]byte, 1<<20)
	nodes := [2]*testNode{start(b, "a", nil), start(b, "b", nil)}
	nodes[1].HandleStream("sink", func(_ context.Context, _ wire.Member, conn net.Conn) { io.Copy(io.Discard, conn) })
	introduce(nodes[:]...)
	nodes[0].sees(1)
	conn, err := nodes[0].OpenStream(soon(b), nodes[1].Self().ID, "sink")
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if _, err := conn.Write(block); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCall measures a call to a direct peer and its answer.
func BenchmarkCall(b *testing.B) {
	nodes := [2]*testNode{start(b, "a", nil), start(b, "b", nil)}
	introduce(nodes[:]...)
	nodes[0].sees(1)
	to := ids(nodes[1])
	for b.Loop() {
		for r := range nodes[0].Call(b.Context(), to, "echo", nil) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	}
}
