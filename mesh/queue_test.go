package mesh

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"minimega/mesh/wire"
)

func bulk(size int) frame {
	return frame{wire.TypeAnswer, &wire.Answer{Body: make([]byte, size)}}
}

func TestTopologyOvertakesCalls(t *testing.T) {
	q := newQueue()
	q.pushBulk(bulk(1))
	q.pushUrgent(frame{t: wire.TypePing})
	first, _ := q.take()
	second, _ := q.take()
	if first.t != wire.TypePing || second.t != wire.TypeAnswer {
		t.Errorf("%d came before %d", first.t, second.t)
	}
}

func TestAQueueIsBounded(t *testing.T) {
	q := newQueue()
	count := 0
	for q.pushBulk(bulk(1 << 20)) {
		count++
	}
	if count != maxBulk>>20-1 {
		t.Errorf("%d MiB were taken", count)
	}
	for range maxUrgent {
		if !q.pushUrgent(frame{t: wire.TypePing}) {
			t.Fatal("full too soon")
		}
	}
	if q.pushUrgent(frame{t: wire.TypePing}) {
		t.Error("more than maxUrgent were taken")
	}
}

func TestTheMakerOfAnAnswerWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.pushBulk(bulk(softBulk))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- q.pushWaiting(t.Context(), bulk(1)) }()
		synctest.Wait()
		if len(ended) > 0 {
			t.Error("it did not wait")
		}
		q.take()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		q.pushBulk(bulk(softBulk))
		go func() { ended <- q.pushWaiting(ctx, bulk(1)) }()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		go func() { ended <- q.pushWaiting(t.Context(), bulk(1)) }()
		synctest.Wait()
		q.abort()
		if err := <-ended; !errors.Is(err, errClosed) {
			t.Error(err)
		}
		if _, ok := q.take(); ok {
			t.Error("an aborted queue goes on")
		}
	})
}

func TestAFinishedQueueSaysGoodbyeFirst(t *testing.T) {
	q := newQueue()
	q.pushBulk(bulk(1))
	q.pushUrgent(frame{t: wire.TypeLeave})
	q.finish()
	if f, ok := q.take(); !ok || f.t != wire.TypeLeave {
		t.Errorf("frame %d, %v", f.t, ok)
	}
	if f, ok := q.take(); ok {
		t.Errorf("frame %d after the end", f.t)
	}
}
