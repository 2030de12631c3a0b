package transfer

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// takers keep taking pieces from l until ctx ends, and count what they got.
func takers(ctx context.Context, l *limit, n int) []atomic.Int64 {
	got := make([]atomic.Int64, n)
	for i := range got {
		go func() {
			for {
				size, err := l.grant(ctx, 256<<10)
				if err != nil {
					return
				}
				got[i].Add(int64(size))
			}
		}()
	}
	return got
}

func sum(got []atomic.Int64) (all float64) {
	for i := range got {
		all += float64(got[i].Load())
	}
	return all
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > want/10 {
		t.Errorf("%s is %.0f, want %.0f within a tenth", what, got, want)
	}
}

func TestLimitHoldsWhateverTheNumberOfConnections(t *testing.T) {
	for _, rate := range []int64{MinLimit, 1 << 20, 10_000_000, 1_000_000_000} {
		for _, n := range []int{1, 2, 50} {
			synctest.Test(t, func(t *testing.T) {
				var l limit
				l.set(rate)
				ctx, cancel := context.WithCancel(t.Context())
				got := takers(ctx, &l, n)
				time.Sleep(3 * time.Second)
				near(t, "what came", sum(got), 3*float64(rate))
				time.Sleep(17 * time.Second)
				share := 20 * float64(rate) / float64(n)
				for i := range got {
					if short := share - float64(got[i].Load()); short > share/10+minLimitPiece {
						t.Errorf("one of %d has %.0f bytes less than its share of %.0f", n, short, share)
					}
				}
				cancel()
				synctest.Wait()
			})
		}
	}
}

func TestChangedLimitIsHeldFromThatMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limit
		l.set(MinLimit)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		got := takers(ctx, &l, 50)
		for _, rate := range []int64{MinLimit, 10_000_000, 100_000, 1_000_000} {
			l.set(rate)
			synctest.Wait() // a piece may have been granted at this very moment
			before := sum(got)
			time.Sleep(3 * time.Second)
			near(t, "what came", sum(got)-before, 3*float64(rate))
		}
	})
}

func TestEndOfTheLimitLetsThoseGoWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limit
		l.set(MinLimit)
		start := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for left := 1 << 30; left > 0; {
					n, err := l.grant(t.Context(), left)
					must(t, err)
					left -= n
				}
			})
			all.Go(func() { l.pay(t.Context(), 1<<30) })
		}
		time.Sleep(time.Second)
		l.set(0)
		all.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("they waited %s", took)
		}
	})
}

func TestWaitForTheLimitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limit
		l.set(MinLimit)
		ctx, cancel := context.WithCancel(t.Context())
		got := takers(ctx, &l, 5)
		start := time.Now()
		time.AfterFunc(time.Second, cancel)
		l.pay(ctx, 1<<30)
		if took := time.Since(start); took != time.Second || sum(got) == 0 {
			t.Errorf("it waited %s, others had %.0f", took, sum(got))
		}
		synctest.Wait()
		if _, err := l.grant(ctx, 1<<30); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestIdleLimitGrantsNoMoreThanAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limit
		l.set(1_000_000)
		time.Sleep(time.Hour)
		start := time.Now()
		l.pay(t.Context(), 1_000_000)
		near(t, "the time of a second's bytes in ms", float64(time.Since(start).Milliseconds()), 1000-float64(limitBurst.Milliseconds()))
	})
}

func TestLimitThatCannotBeHeldIsRefused(t *testing.T) {
	e := &Engine{}
	for _, n := range []int64{-1, 1, MinLimit - 1} {
		if err := e.SetLimit(n); !errors.Is(err, ErrLimit) {
			t.Errorf("%d: %v", n, err)
		}
	}
	must(t, e.SetLimit(MinLimit))
	if e.Limit() != MinLimit {
		t.Errorf("limit is %d", e.Limit())
	}
	must(t, e.SetLimit(0))
	if e.Limit() != 0 {
		t.Errorf("limit is %d", e.Limit())
	}
}

// slowConn takes so many bytes a second; its writes fail at their deadline.
type slowConn struct {
	net.Conn
	rate     int
	deadline time.Time
}

func (c *slowConn) SetWriteDeadline(t time.Time) error { c.deadline = t; return nil }

func (c *slowConn) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(len(b)) * time.Second / time.Duration(c.rate))
	if time.Now().After(c.deadline) {
		return 0, context.DeadlineExceeded
	}
	return len(b), nil
}

func TestWriterKeepsItsDeadlineToASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer
		c := &slowConn{rate: 1 << 30}
		must(t, p.write(c, make([]byte, 4<<20)))
		if p.piece != maxPiece {
			t.Errorf("pieces of %d bytes to a fast one", p.piece)
		}
		for _, rate := range []int{100_000, 10_000, 1000} {
			c.rate = rate
			must(t, p.write(c, make([]byte, 1<<20)))
		}
	})
}

func TestLimitBoundsWhatASwarmSendsAndReceives(t *testing.T) {
	t.Parallel()
	const rate = 4_000_000
	fab := newFabric(t)
	data := random(1, 8_000_000)
	seed := fab.add("kn0", "")
	seed.put("image", data)
	must(t, seed.engine.SetLimit(rate))
	start := time.Now()
	var jobs []*Job
	var nodes []*node
	for _, name := range []string{"kn1", "kn2", "kn3"} {
		n := fab.add(name, "")
		nodes = append(nodes, n)
		jobs = append(jobs, n.get("image"))
	}
	for i, n := range nodes {
		n.wait(jobs[i])
		n.has("image", data)
	}
	sent := float64(seed.engine.uploaded.Load())
	if least := sent / rate * 0.9; time.Since(start).Seconds() < least {
		t.Errorf("%.0f bytes were sent in %s", sent, time.Since(start))
	}
	last := fab.add("kn4", "")
	must(t, last.engine.SetLimit(rate))
	start = time.Now()
	last.wait(last.get("image"))
	last.has("image", data)
	if least := float64(len(data)) / rate * 0.9; time.Since(start).Seconds() < least {
		t.Errorf("it was received in %s", time.Since(start))
	}
}

func TestRunningTransferFollowsTheLimit(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	data := random(1, 16<<20)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.put("image", data)
	must(t, b.engine.SetLimit(1_000_000))
	j := b.get("image")
	await(t, func() bool { return j.Progress().BytesDone > 0 })
	must(t, b.engine.SetLimit(0))
	b.wait(j)
	b.has("image", data)
}

func TestSmallFileComesWhileLargeOnesUseUpTheLimit(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	large := []string{"l1", "l2", "l3", "l4", "l5", "l6"}
	for i, name := range large {
		a.put(name, random(uint64(i), 32<<20))
	}
	small := random(99, 10_000)
	a.put("small", small)
	must(t, b.engine.SetLimit(2_000_000))
	for _, name := range large {
		b.get(name)
	}
	await(t, func() bool { return b.engine.down.rate() > 0 && len(b.engine.Status()) == len(large) })
	b.wait(b.get("small"))
	b.has("small", small)
	if left := len(b.engine.Status()); left != len(large) {
		t.Errorf("%d large ones are still coming", left)
	}
}

// keptConn keeps what is written to it.
type keptConn struct {
	net.Conn
	got bytes.Buffer
}

func (c *keptConn) SetWriteDeadline(time.Time) error { return nil }

func (c *keptConn) Write(b []byte) (int, error) { return c.got.Write(b) }

func TestAHeadIsSentOnceAndBeforeWhatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, limited := range []int64{0, 1 << 20} {
			for _, size := range []int{0, 1, 2*maxPiece + 1} {
				var l limit
				l.set(limited)
				var p pacer
				var c keptConn
				want := append([]byte("head"), random(1, size)...)
				must(t, l.send(t.Context(), &p, &c, want[:4], want[4:]))
				if !bytes.Equal(c.got.Bytes(), want) {
					t.Errorf("limit %d: of %d bytes and their head %d came", limited, size, c.got.Len())
				}
			}
		}
	})
}
