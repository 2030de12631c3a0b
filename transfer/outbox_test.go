package transfer

import (
	"bytes"
	"io"
	"testing"

	"minimega/mesh/wire"
)

// taken empties o and returns the frames in order: "alive", or the first and
// last hash of a frame of them.
func taken(t *testing.T, o *outbox) (got []string, largest int) {
	t.Helper()
	var all, spare []byte
	for {
		frames, err := o.take(spare)
		must(t, err)
		if len(frames) == 0 {
			break
		}
		largest = max(largest, len(frames))
		all = append(all, frames...)
		spare = frames
	}
	r := wire.NewReader(bytes.NewReader(all), wire.MaxDataFrame)
	for {
		kind, payload, err := r.Next()
		if err == io.EOF {
			return got, largest
		}
		must(t, err)
		if kind == wire.TypeAlive {
			got = append(got, "alive")
			continue
		}
		h, err := wire.ParseHashes(payload)
		must(t, err)
		got = append(got, string(h.Sums[:1])+string(h.Sums[len(h.Sums)-1:]))
	}
}

func TestHashesOfTheLargestFileGoOutInTurnAndAFrameAtATime(t *testing.T) {
	o := newOutbox()
	frame := wire.MaxHashesPacket * wire.HashSize
	huge := bytes.Repeat([]byte("a"), 127*frame)
	huge = append(huge, bytes.Repeat([]byte("b"), frame/2)...)
	o.send(wire.TypeAlive, nil)
	o.hashes(1, 0, huge)
	o.send(wire.TypeAlive, nil)
	o.send(wire.TypeAlive, nil)
	o.hashes(2, 0, bytes.Repeat([]byte("c"), wire.HashSize))
	o.send(wire.TypeAlive, nil)
	got, largest := taken(t, o)
	want := []string{"alive"}
	for range 127 {
		want = append(want, "aa")
	}
	want = append(want, "bb", "alive", "alive", "cc", "alive")
	if len(got) != len(want) {
		t.Fatalf("%d frames came, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("frame %d is %s, want %s", i, got[i], want[i])
		}
	}
	if largest > 2*frame {
		t.Errorf("%d bytes were written at once", largest)
	}
}
