package planner

import (
	"bytes"
	"testing"
	"time"
)

// tenths lets a time pass in which a receiver plans and looks after its links ten
// times a second, and returns how many it wants then.
func tenths(r *Receiver, now *time.Duration, d time.Duration, sources int) (links int) {
	for end := *now + d; *now < end; *now += 100 * time.Millisecond {
		r.Plan(*now)
		links = r.Links(*now, sources)
	}
	return links
}

func TestWhoHasEnoughToAskForKeepsItsLinks(t *testing.T) {
	for _, sources := range []int{1, usualLinks} {
		if n := New(1000, 16).Links(0, sources); n != sources {
			t.Errorf("of %d sources it has links to %d, want all", sources, n)
		}
	}
	r, now := crowd(usualLinks), time.Second
	if n := tenths(r, &now, 2*time.Second, 100); n != usualLinks {
		t.Errorf("it has links to %d of 100 sources, want %d", n, usualLinks)
	}
}

func TestWhoFindsTooLittleToAskForGetsMoreLinks(t *testing.T) {
	r, now := New(1000, 16), time.Second
	r.Join(0, 1)
	r.Have(1, 0, []byte{0x0f})
	if n := tenths(r, &now, time.Second, 1000); n <= usualLinks || n >= mostLinks {
		t.Errorf("after a second it has links to %d, want more than %d, and not yet %d", n, usualLinks, mostLinks)
	}
	if n := tenths(r, &now, 10*time.Second, 1000); n != mostLinks {
		t.Errorf("as long as something is on its way it has links to %d, want at most %d", n, mostLinks)
	}
	for c := range 4 {
		r.Arrived(now, 1, c)
	}
	if n := tenths(r, &now, 10*time.Second, 1000); n <= mostLinks {
		t.Errorf("where nobody has what it lacks it has links to %d, want more than %d", n, mostLinks)
	}
	for id := range Peer(usualLinks) {
		r.Join(now, 2+id)
		r.Have(2+id, 0, bytes.Repeat([]byte{0xff}, 124))
	}
	before := tenths(r, &now, 100*time.Millisecond, 1000)
	if n := tenths(r, &now, 300*time.Millisecond, 1000); n != before {
		t.Errorf("once others have enough it gets %d more", n-before)
	}
}
