package transfer

import (
	"sync"
	"sync/atomic"
	"time"

	"minimega/mesh/wire"
)

// A buffer holds one chunk, and before it the header that it came behind. Where
// several have it, nobody changes it.
type buffer struct {
	whole  []byte       // the chunk begins at bufferLead
	others atomic.Int32 // who have it besides one
}

// share returns b to somebody more, who puts it back too.
func (b *buffer) share() *buffer {
	b.others.Add(1)
	return b
}

// bufferLead keeps chunks at the beginning of a cache line, behind a header of
// up to as many bytes: some processors copy to or from odd places in a page at a
// third of the speed. bufferTail lets a decoder copy more than it must at the end
// of a chunk, which makes it faster by a quarter.
const (
	bufferLead = 64
	bufferTail = 64
)

// behind returns the buffer's head bytes before the chunk and the size bytes of
// the chunk. Their content is anything, as is that of the bufferTail bytes of
// capacity behind them.
func (b *buffer) behind(head, size int) []byte { return b.whole[bufferLead-head : bufferLead+size] }

// buffers hands out buffers for chunks, by size.
type buffers struct {
	pools [bufferSizes]sync.Pool // of *buffer for chunks of up to bufferCap(i)
}

const bufferSizes = 5 // 64 KiB to 1 MiB

func bufferCap(i int) int { return wire.MinChunkSize << i }

// get returns a buffer for a chunk of size bytes.
func (b *buffers) get(size int) *buffer {
	for i := range b.pools {
		if size <= bufferCap(i) {
			if p, ok := b.pools[i].Get().(*buffer); ok {
				return p
			}
			return &buffer{whole: make([]byte, bufferLead+bufferCap(i)+bufferTail)}
		}
	}
	return &buffer{whole: make([]byte, bufferLead+size+bufferTail)}
}

// put takes a buffer back, which its caller does not use any more. It is handed out
// again when the last who has it has put it back.
func (b *buffers) put(buf *buffer) {
	if buf.others.Add(-1) >= 0 {
		return
	}
	buf.others.Store(0)
	for i := range b.pools {
		if len(buf.whole) == bufferLead+bufferCap(i)+bufferTail {
			b.pools[i].Put(buf)
			return
		}
	}
}

// A meter tells how many bytes came in a second lately.
type meter struct {
	slots [10]int64 // bytes in each half second, in turn
	at    int64     // number of the half second that was written last
}

const meterSlot = 500 * time.Millisecond

func (m *meter) advance(now time.Duration) {
	at := int64(now / meterSlot)
	for ; m.at < at && at-m.at <= int64(len(m.slots)); m.at++ {
		m.slots[(m.at+1)%int64(len(m.slots))] = 0
	}
	if m.at < at {
		*m = meter{at: at}
	}
}

func (m *meter) add(now time.Duration, n int) {
	m.advance(now)
	m.slots[m.at%int64(len(m.slots))] += int64(n)
}

// rate returns bytes a second since the first byte of the last five seconds.
func (m *meter) rate(now time.Duration) float64 {
	m.advance(now)
	var sum, slots int64
	for i := range int64(len(m.slots)) {
		n := m.slots[(m.at+1+i)%int64(len(m.slots))]
		if sum += n; sum > 0 {
			slots++
		}
	}
	if slots == 0 {
		return 0
	}
	return float64(sum) / (float64(slots) * meterSlot.Seconds())
}
