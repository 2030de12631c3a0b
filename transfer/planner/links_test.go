package planner

import (
	"bytes"
	"testing"
	"time"
)

// linked lets a time pass in which a receiver plans ten times a second and gets
// the links that it wants, to peers that hold what have says, and returns how many it has
// then.
func linked(r *Receiver, now *time.Duration, d time.Duration, have []byte) int {
	for end := *now + d; *now < end; *now += 100 * time.Millisecond {
		for len(r.order) < r.Links(*now, 1000) {
			id := Peer(len(r.order))
			r.Join(*now, id)
			r.Have(id, 0, have)
		}
		r.Plan(*now)
	}
	return len(r.order)
}

func TestWhoHasEnoughToAskForKeepsItsLinks(t *testing.T) {
	for _, sources := range []int{1, fewSources} {
		if n := New(1000, 16).Links(0, sources); n != sources {
			t.Errorf("of %d sources it has links to %d, want all", sources, n)
		}
	}
	now := time.Second
	if n := linked(New(1000, 16), &now, 300*time.Millisecond, bytes.Repeat([]byte{0xff}, 124)); n != usualLinks {
		t.Errorf("it has links to %d of 1000 sources, want %d", n, usualLinks)
	}
}

func TestWhoFindsTooLittleToAskForGetsMoreLinks(t *testing.T) {
	r, now := New(1000, 16), time.Second
	if n := linked(r, &now, time.Second, []byte{0x0f}); n <= usualLinks || n >= mostLinks {
		t.Errorf("after a second it has links to %d, want more than %d, and not yet %d", n, usualLinks, mostLinks)
	}
	if n := linked(r, &now, 10*time.Second, []byte{0x0f}); n != mostLinks {
		t.Errorf("as long as something is on its way it has links to %d, want %d", n, mostLinks)
	}
	for c := range 4 {
		r.Arrived(now, 1, c)
	}
	if n := linked(r, &now, 10*time.Second, nil); n <= mostLinks {
		t.Errorf("where nobody has what it lacks it has links to %d, want more than %d", n, mostLinks)
	}
}

// Whoever its fellows are just ahead of has sources that serve too many; whoever has far
// less has a slow link.
func TestWhoFallsBehindGetsMoreLinks(t *testing.T) {
	const own = 400
	for _, c := range []struct {
		ahead, quick int // fellows have so many chunks more, so many in 16 of them
		more         bool
	}{
		{behindBy, 16, false},
		{2 * behindBy, 16, true},
		{2 * behindBy, 12, true},
		{2 * behindBy, 11, false},
		{own, 16, false},
	} {
		r := New(1000, 16)
		for id := range Peer(usualLinks) {
			r.Join(0, id)
			has := own
			if int(id)%16 < c.quick {
				has += c.ahead
			}
			r.Have(id, 0, bytes.Repeat([]byte{0xff}, has/8))
		}
		for i := range own {
			r.Arrived(0, 0, i)
		}
		if more := r.Links(time.Second, 1000) > usualLinks; more != c.more {
			t.Errorf("where %d in 16 fellows are %d chunks ahead, more links: %v, want %v", c.quick, c.ahead, more, c.more)
		}
	}
}

func TestLinksThatAreNotMadeYetAreNotTooFew(t *testing.T) {
	r := New(1000, 16)
	r.Join(0, 1)
	for now := time.Second; now < time.Minute; now += 100 * time.Millisecond {
		r.Plan(now)
		r.Links(now, 1000)
	}
	if n := r.Links(time.Minute, 1000); n != usualLinks {
		t.Errorf("with one link it wants %d, want %d", n, usualLinks)
	}
}
