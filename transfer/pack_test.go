package transfer

import (
	"bytes"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// sendAll plays chunks to a connection that takes rate bytes a second, and
// returns how many went packed.
func sendAll(p *packer, chunks int, data []byte, rate float64) (packed int) {
	for i := range chunks {
		enc, out := p.pack(wire.Version{1}, i, data)
		if p.speed > 0 {
			p.speed = 300e6 // whatever this machine is busy with
		}
		if enc == wire.Zstd {
			packed++
		}
		p.wrote(len(out), time.Duration(float64(len(out))/rate*1e9))
	}
	return packed
}

func TestPackingFollowsTheLinkAndTheData(t *testing.T) {
	text := bytes.Repeat([]byte("static inline int main(void);\n"), 2000)
	for _, c := range []struct {
		name        string
		data        []byte
		rate        float64 // bytes a second
		least, most int     // of 1000 chunks that go packed
	}{
		{"text on a slow link is packed", text, 10e6, 1000, 1000},
		{"text on a fast link is not", text, 2e9, 0, 200},
		{"random bytes never are", random(1, 64<<10), 10e6, 0, 0},
	} {
		e := newFabric(t).add("kn1", "").engine
		if n := sendAll(e.newPacker(), 1000, c.data, c.rate); n < c.least || n > c.most {
			t.Errorf("%s: %d of 1000 went packed, want %d to %d", c.name, n, c.least, c.most)
		}
	}
}
