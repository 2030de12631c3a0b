package transfer

import (
	"time"

	"minimega/mesh/wire"
)

const (
	poorRatio   = 0.92 // a chunk that shrinks to more than this is not worth it
	windowSize  = 8    // chunks after which the way of sending is settled again, if they took settleTime
	tryChunks   = 2    // chunks for which the other way is tried; plain, if they took settleTime
	firstTry    = 64   // chunks until it is tried again, doubled each time up to
	lastTry     = 1024
	firstSkip   = 8  // chunks not packed after one that did not shrink, likewise
	sampleEvery = 64 // chunks of which one goes in the other encoding, to know its speed

	// settleTime is how long a window takes at least. On a fast link a few chunks go in less
	// time than it takes until the other side has done with those that came another way, and
	// takes as much as the link.
	settleTime = 10 * time.Millisecond
)

// A packer decides, for one connection, whether chunks are compressed and how: in
// the way for which compressing a byte and sending what remains of it takes least
// time. What the connection takes in a second is known when nothing is compressed
// for it, and while the kernel has something left to send whenever the next chunk is
// ready. Otherwise it drains while chunks are packed, and looks faster than it is;
// where that makes the difference, and the kernel is out of work before each chunk,
// plain is tried for a few of them.
// Connections share the link: one that goes plain alone would have what the others
// leave while they compress, so no more than an equal share of it counts.
// Data that does not shrink is left alone for a while. What is there packed, because
// it came so or another node was sent it, goes so: that costs no time.
type packer struct {
	e       *Engine
	codecs  []wire.Encoding // that may be used, the one that shrinks most first
	ways    [wire.Encodings]way
	way     wire.Encoding // how chunks go; Plain: none is compressed
	drain   float64       // of the connection while nothing is compressed, bytes a second; 0: unknown
	skip    int           // chunks that are sent plain, because the last did not shrink
	backoff int           // that skip is set to next
	packed  int           // chunks compressed so far
	count   int           // chunks in this window
	size    int           // chunks that the window is to have
	fresh   int           // chunks of the window that were compressed for it
	starved int           // chunks of the window before which the kernel had nothing left to send
	sent    shown         // in the window, all writes together
	held    int           // bytes that the kernel held when the window began
	until   int           // chunks until the other way may be tried
	wait    int           // that until is set to next
}

// A way is what one encoding has shown lately.
type way struct {
	seen  int     // chunks
	speed float64 // of compressing, bytes a second; 0: unknown
	ratio float64 // of what remains
}

// fewSeen are the chunks after which an encoding is known; the first takes the memory that
// all need, and tells less.
const fewSeen = 2

// learn notes what became of a chunk.
func (w *way) learn(speed, ratio float64) {
	if w.seen++; w.seen <= fewSeen {
		w.speed, w.ratio = speed, ratio
	}
	w.speed += (speed - w.speed) / 8
	w.ratio += (ratio - w.ratio) / 8
}

// newPacker returns a packer that may use some encodings, the one that shrinks most
// first, the fastest last. Until it knows what the connection takes it uses the fastest: on a slow link a few
// chunks are a little larger for it, on a fast one no receiver unpacks slowly.
func (e *Engine) newPacker(codecs ...wire.Encoding) *packer {
	return &packer{e: e, codecs: codecs, way: codecs[len(codecs)-1], backoff: firstSkip, size: windowSize, wait: firstTry}
}

// load returns chunk i of c as it is to be sent: the first size bytes of a buffer,
// which the caller does not change, as others may have it too, and puts back.
func (p *packer) load(c *content, i int) (buf *buffer, enc wire.Encoding, size int, err error) {
	key := recentKey{c.version, i}
	kept, ok := p.e.recent.get(key)
	if ok && kept.enc != wire.Plain {
		return kept.buf, kept.enc, kept.size, nil
	}
	var data []byte
	if ok {
		buf, data = kept.buf, kept.buf.behind(0, kept.size)
	} else if buf, data, err = p.e.chunk(c, i); err != nil {
		return nil, wire.Plain, 0, err
	}
	small := p.e.buffers.get(len(data))
	enc, out := p.pack(data, small.behind(0, 0))
	if enc == wire.Plain {
		p.e.buffers.put(small)
		return buf, enc, len(data), nil
	}
	p.e.buffers.put(buf)
	size = copy(small.behind(0, len(out)), out)
	p.e.recent.put(key, enc, small, size)
	return small, enc, size, nil
}

// chunk returns chunk i of c, and the buffer that it lies in, which the caller puts
// back.
func (e *Engine) chunk(c *content, i int) (buf *buffer, data []byte, err error) {
	if buf := c.takeHot(i); buf != nil {
		return buf, buf.behind(0, c.manifest.Len(i)), nil
	}
	buf = e.buffers.get(c.manifest.Len(i))
	if data, err = c.chunk(i, buf.behind(0, 0)); err != nil {
		e.buffers.put(buf)
		return nil, nil, err
	}
	return buf, data, nil
}

// pack returns data in the encoding that it is to be sent in: data itself, or what
// it is packed, which lies in into where that has the room.
func (p *packer) pack(data, into []byte) (wire.Encoding, []byte) {
	if p.skip > 0 || p.way == wire.Plain {
		p.skip = max(p.skip-1, 0)
		return wire.Plain, data
	}
	enc := p.codec()
	p.fresh++
	p.packed++
	start := time.Now()
	packed := p.e.encode(enc, data, into)
	speed := float64(len(data)) / max(time.Since(start).Seconds(), 1e-9)
	ratio := float64(len(packed)) / float64(max(len(data), 1))
	p.ways[enc].learn(speed, ratio)
	if ratio < poorRatio {
		p.backoff = firstSkip
		return enc, packed
	}
	if most := p.codecs[0]; enc == most || p.ways[most].ratio >= poorRatio { // else that one may shrink it
		p.skip = p.backoff
		p.backoff = min(2*p.backoff, lastTry)
	}
	return wire.Plain, data
}

// codec returns what the next chunk is compressed with: that of the way, or one of
// which little is known.
func (p *packer) codec() wire.Encoding {
	if other := p.codecs[p.packed/sampleEvery%len(p.codecs)]; p.packed%sampleEvery == 0 {
		return other
	}
	for _, enc := range p.codecs {
		if p.ways[enc].seen < fewSeen {
			return enc
		}
	}
	return p.way
}

// shown is what a write on the connection has shown.
type shown struct {
	bytes  int
	since  time.Duration // the end of the one before
	took   time.Duration // of it, and since the one before where the kernel was full
	full   bool          // the kernel had something to send from that one to this
	held   int           // bytes that the kernel holds after it; 0 where that is not known
	beside int           // bytes that other connections began to send meanwhile
	busy   int           // how many those are
}

// wrote records a write and settles how the next chunks are sent.
func (p *packer) wrote(w shown) {
	p.count++
	p.until--
	p.sent.bytes += w.bytes
	p.sent.since += w.since
	p.sent.took += w.took
	p.sent.beside += w.beside
	p.sent.busy += w.busy
	p.sent.held = w.held
	if !w.full {
		p.starved++
	}
	trying := p.size == tryChunks && p.way != wire.Plain // how much it shrinks, not what the link takes
	if p.count < p.size || p.sent.since < settleTime && !trying || p.ways[p.codecs[0]].speed == 0 {
		return
	}
	drain, compressed, idle := p.drained(), p.fresh > 0, p.starved == p.count
	switch {
	case trying:
		drain = p.drain
	case p.starved == 0 || p.way == wire.Plain:
		p.drain = drain
	}
	p.count, p.fresh, p.starved, p.sent, p.size, p.held = 0, 0, 0, shown{}, windowSize, w.held
	if !compressed && p.way != wire.Plain {
		return // it took no time, whatever the link takes
	}
	best := p.best(drain) // where it drains as fast as it looks, or slower, this or one that shrinks more
	if (p.way == wire.Plain || best == wire.Plain && idle) && (p.drain == 0 || p.until <= 0) {
		p.try()
		return
	}
	if best == wire.Plain {
		best = p.best(p.drain)
	}
	p.way = best
}

// try does for a moment what is not done now.
func (p *packer) try() {
	if p.way == wire.Plain {
		p.way = p.codecs[0]
	} else {
		p.way = wire.Plain
	}
	p.size, p.until = tryChunks, p.wait
	p.wait = min(2*p.wait, lastTry)
}

// drained returns the rate of the window, in bytes a second: what has left the
// kernel, and no more than an equal share of what all connections sent.
func (p *packer) drained() float64 {
	left := float64(max(p.sent.bytes+p.held-p.sent.held, 0))
	sharing := 1 + float64(p.sent.busy)/float64(p.count)
	share := (left + float64(p.sent.beside)) / sharing
	return max(min(left, share), 1) / max(p.sent.took.Seconds(), 1e-6)
}

// best returns the encoding in which a connection of that drain is fastest.
func (p *packer) best(drain float64) wire.Encoding {
	best, least := wire.Plain, 1.0 // what a byte takes, in times of sending it plain
	for _, enc := range p.codecs {
		w := p.ways[enc]
		if takes := drain/w.speed + w.ratio; w.speed > 0 && takes < least {
			best, least = enc, takes
		}
	}
	return best
}
