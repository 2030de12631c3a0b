package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"minimega/transfer/store"
)

const (
	tries    = 5   // without progress, after the first byte
	allTries = 100 // of one download, with or without
	bufSize  = 256 << 10
	leastRun = 1 << 10 // bytes in the time of a stall
)

// Failures of a connection.
var (
	errBroken  = errors.New("the connection broke")
	errStalled = errors.New("no more bytes came")
)

// sink takes what comes.
type sink interface {
	Stamp() store.Stamp
	Held() int64             // bytes from the beginning on
	Lacks() int64            // where those end that are to come next; -1: not known
	Begin(store.Stamp) error // forgets all bytes
	Write([]byte) (int, error)
}

// pull brings all of u into s. It blocks.
func (c *client) pull(ctx context.Context, u URL, s sink) error {
	if stamp := s.Stamp(); stamp.Tag != "" && stamp.Size == s.Held() {
		return nil // an earlier process had all of it, and was killed before it could say so
	}
	furthest, left, wait := s.Held(), tries, c.times.retry
	for failed := 0; failed < allTries; failed++ {
		began := s.Held() > 0
		err := c.attempt(ctx, u, s)
		if errors.Is(err, errStale) {
			if err := s.Begin(store.Stamp{Size: -1}); err != nil {
				return fmt.Errorf("%w: %w", errKeeping, err)
			}
			continue
		}
		if s.Held() > furthest {
			furthest, left, wait = s.Held(), tries, c.times.retry
		}
		if err == nil && s.Stamp().Size > s.Held() {
			failed-- // something further ahead was there before, and there is more to come behind it
			continue
		}
		left--
		if err == nil || !again(err) || left == 0 || !began && s.Held() == 0 {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait *= 2
	}
	return fmt.Errorf("%w again and again", errBroken)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// attempt is one request, for what s does not hold.
func (c *client) attempt(ctx context.Context, u URL, s sink) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stamp, asked := s.Stamp(), span{s.Held(), s.Lacks()}
	if stamp.Tag == "" {
		asked = span{0, -1}
	}
	if asked.to == stamp.Size { // to the end, wherever that is now
		asked.to = -1
	}
	resp, err := c.get(ctx, u, asked, stamp.Tag)
	if err != nil {
		return err
	}
	defer resp.Body.Close() // what it says is known by then
	p, err := judge(resp, u.Name, asked, stamp)
	if err != nil {
		return err
	}
	if p.fresh {
		if err := s.Begin(p.stamp); err != nil {
			return fmt.Errorf("%w: %w", errKeeping, err)
		}
	}
	watch := time.AfterFunc(c.times.stall, func() { cancel(errStalled) })
	defer watch.Stop()
	seen := s.Held()
	return c.copy(ctx, resp, s, p, func() {
		if s.Held()-seen >= leastRun {
			watch.Reset(c.times.stall)
			seen = s.Held()
		}
	})
}

// copy takes the body of resp, which is p, and calls came for all that comes.
func (c *client) copy(ctx context.Context, resp *http.Response, s sink, p part, came func()) error {
	buf := make([]byte, bufSize)
	var n int64
	for {
		k, err := resp.Body.Read(buf)
		if n += int64(k); p.size >= 0 && n > p.size {
			return fmt.Errorf("%w: more bytes than it told", ErrBadAnswer)
		}
		if k > 0 {
			if _, err := s.Write(buf[:k]); err != nil {
				return fmt.Errorf("%w: %w", errKeeping, err)
			}
			came()
		}
		switch {
		case errors.Is(err, io.EOF) && (p.size < 0 || n == p.size):
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%w after %d of %d bytes", errBroken, n, p.size)
		case err != nil && context.Cause(ctx) != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("%w: %w", errBroken, err)
		}
	}
}
