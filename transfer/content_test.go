package transfer

import (
	"testing"
	"time"
)

// spareOne returns a content of n chunks and two topics of it with leave to deal, of
// which the slow one has just been passed over.
func spareOne(t *testing.T, n int) (c *content, slow, quick *served) {
	t.Helper()
	c = blankDraft(t, n)
	c.dealer.OwnAll()
	deal := func(topic *served, took time.Duration) {
		c.join(topic, func([]byte) {})
		c.dealer.Deal(topic.asker, 2, 0, 1)
		i, _, _ := c.dealer.Next(0, topic.asker)
		c.dealer.Have(took, topic.asker, i)
	}
	slow, quick = &served{server: &server{out: newOutbox()}}, &served{server: &server{out: newOutbox()}}
	deal(slow, time.Second)
	deal(quick, time.Millisecond)
	c.dealer.Have(time.Second, slow.asker, 1) // which the quick one was dealt
	if i, ok, _ := c.dealer.Next(time.Second, slow.asker); ok {
		t.Fatalf("the slow one is dealt %d", i)
	}
	return c, slow, quick
}

func TestWhoWasPassedOverIsServedWhenNobodyElseIsDealtTo(t *testing.T) {
	for name, change := range map[string]func(e *Engine, c *content, quick *served){
		"the quick one needs no more": func(_ *Engine, c *content, quick *served) { c.leave(quick, true) },
		"the quick one has left":      func(_ *Engine, c *content, quick *served) { c.leave(quick, false) },
		"nothing is fresh": func(e *Engine, c *content, quick *served) {
			quick.c, quick.server.e, quick.server.order = c, e, []*served{quick}
			quick.server.next() // which is the last that is fresh
			c.dealer.Deal(quick.asker, 1, 0, 1)
			quick.server.next()
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, slow, quick := spareOne(t, 3)
			change(newFabric(t).add("kn1", "").engine, c, quick)
			select {
			case <-slow.server.out.wake:
			default:
				t.Error("the slow one sleeps on")
			}
		})
	}
}
