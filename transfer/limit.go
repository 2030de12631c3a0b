package transfer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// MinLimit is the lowest limit that can be set, in bytes a second. Below it a
// connection that shares it with many others would be taken for a dead one.
const MinLimit = 10_000

// ErrLimit reports a limit that cannot be held.
var ErrLimit = errors.New("limit must be off or at least 10kB/s")

const (
	minLimitPiece = 1 << 10
	maxLimitPiece = 256 << 10
	limitPieces   = 50                     // a second
	limitBurst    = 100 * time.Millisecond // what an idle or late sender may catch up with
)

// Limit returns what [Engine.SetLimit] has set; 0: no limit.
func (e *Engine) Limit() int64 { return e.up.rate() }

// SetLimit bounds what this node sends of files to n bytes a second, and what it
// receives of them, apart from that, to as much; 0 ends that. All connections
// share it, in turn. What counts are the bytes that travel: after compression,
// before encryption. Control frames are never held up by it, but those behind a
// chunk on its connection come after it. Running transfers follow at once. The
// error wraps [ErrLimit].
func (e *Engine) SetLimit(n int64) error {
	if n != 0 && n < MinLimit {
		return fmt.Errorf("%w, but is %d bytes a second", ErrLimit, n)
	}
	e.up.set(n)
	e.down.set(n)
	return nil
}

// A limit is the token bucket of one direction. The zero limit does not limit.
type limit struct{ now atomic.Pointer[bucket] }

// A bucket never changes its rate; it is replaced.
type bucket struct {
	tokens *rate.Limiter
	rate   int64
	piece  int           // bytes that move at a time
	gone   chan struct{} // closed when another one has taken its place
}

// set replaces the bucket. Who waits for tokens of the old one asks the new one.
func (l *limit) set(n int64) {
	var b *bucket
	if n > 0 {
		piece := int(min(max(n/limitPieces, minLimitPiece), maxLimitPiece))
		burst := max(int(float64(n)*limitBurst.Seconds()), piece)
		b = &bucket{rate.NewLimiter(rate.Limit(n), burst), n, piece, make(chan struct{})}
		b.tokens.AllowN(time.Now(), burst) // it starts empty
	}
	if old := l.now.Swap(b); old != nil {
		close(old.gone)
	}
}

func (l *limit) rate() int64 {
	if b := l.now.Load(); b != nil {
		return b.rate
	}
	return 0
}

// piece returns how many of n bytes are to be received at a time.
func (l *limit) piece(n int) int {
	if b := l.now.Load(); b != nil {
		return min(n, b.piece)
	}
	return n
}

// grant blocks until some of n bytes may be sent, and returns how many. Those
// who wait are served in the order of asking. Its error is that of ctx.
func (l *limit) grant(ctx context.Context, n int) (int, error) {
	for {
		b := l.now.Load()
		if b == nil {
			return n, nil
		}
		some := min(n, b.piece)
		if paid, err := b.take(ctx, some); paid || err != nil {
			return some, err
		}
	}
}

// pay blocks until the n bytes that came were allowed to come, or the limit
// changes: what then is owed is forgiven. It returns at the end of ctx too.
func (l *limit) pay(ctx context.Context, n int) {
	b := l.now.Load()
	for b != nil && n > 0 {
		some := min(n, b.tokens.Burst())
		if paid, err := b.take(ctx, some); !paid || err != nil {
			return
		}
		n -= some
	}
}

// take waits for n tokens; it reports false when the bucket was replaced before
// they came.
func (b *bucket) take(ctx context.Context, n int) (bool, error) {
	r := b.tokens.ReserveN(time.Now(), n)
	delay := r.Delay()
	if delay == 0 {
		return true, nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, nil
	case <-b.gone:
		return false, nil
	case <-ctx.Done():
		r.Cancel()
		return false, ctx.Err()
	}
}

// send writes head, which is short, and b to conn at the rate of l.
func (l *limit) send(ctx context.Context, to *pacer, conn net.Conn, head, b []byte) error {
	for len(head)+len(b) > 0 {
		n, err := l.grant(ctx, len(b))
		if err != nil {
			return err
		}
		if err := to.writeBehind(conn, head, b[:n]); err != nil {
			return err
		}
		head, b = nil, b[n:]
	}
	return nil
}
