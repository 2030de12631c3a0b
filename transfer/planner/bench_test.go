package planner

import (
	"fmt"
	"testing"
	"time"
)

// fellowship is a receiver and n peers, none of which has all of the chunks.
func fellowship(n, chunks int) *Receiver {
	r := New(chunks, 64)
	marks := NewBitset(chunks)
	for p := range n {
		marks.Fill()
		for c := p; c < chunks; c += n {
			marks.Remove(c)
		}
		r.Join(0, Peer(p))
		r.Have(Peer(p), 0, marks.Bytes())
	}
	return r
}

// BenchmarkReceiverStep measures what one chunk's arrival costs: noting it and
// planning what is asked next.
func BenchmarkReceiverStep(b *testing.B) {
	const chunks = 1024
	for _, n := range []int{2, 16, 64, 256} {
		b.Run(fmt.Sprintf("%d_peers", n), func(b *testing.B) {
			var r *Receiver
			var asked []Action
			var now time.Duration
			for b.Loop() {
				if r == nil || r.Missing() == 0 {
					b.StopTimer()
					r, asked, now = fellowship(n, chunks), nil, 0
					b.StartTimer()
				}
				now += time.Millisecond
				asked = append(asked, r.Plan(now)...)
				for len(asked) > 0 && asked[0].Kind != Request {
					asked = asked[1:]
				}
				if len(asked) == 0 {
					b.Fatalf("%d chunks are missing and none is asked for", r.Missing())
				}
				r.Arrived(now, asked[0].Peer, asked[0].Chunk)
				asked = asked[1:]
			}
		})
	}
}

// BenchmarkDealerStep measures what one chunk costs a seed of n receivers: it
// is asked for any, chooses one and hears that it has arrived.
func BenchmarkDealerStep(b *testing.B) {
	const chunks = 1024
	for _, n := range []int{2, 16, 64, 256} {
		b.Run(fmt.Sprintf("%d_receivers", n), func(b *testing.B) {
			var d *Dealer
			for i := 0; b.Loop(); i++ {
				if i%chunks == 0 {
					b.StopTimer()
					d = NewDealer(chunks)
					d.OwnAll()
					for a := range n {
						d.Join(Asker(a))
					}
					b.StartTimer()
				}
				a := Asker(i % n)
				d.Deal(a, 1, 0, 1)
				c, ok, _ := d.Next(0, a)
				if !ok {
					b.Fatalf("nothing is dealt after %d chunks", i%chunks)
				}
				d.Have(0, a, c)
			}
		})
	}
}
