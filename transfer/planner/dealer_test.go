package planner

import (
	"slices"
	"testing"
	"time"
)

// dealTo lets a have n more chunks and returns those it is sent.
func dealTo(d *Dealer, a Asker, n int) (got []int) {
	d.Deal(a, n, 0, 1)
	for {
		c, ok, _ := d.Next(0, a)
		if !ok {
			return got
		}
		got = append(got, c)
	}
}

// dealt returns a dealer of n chunks that has dealt chunk 0 to a slow asker and all
// others to a fast one.
func dealt(n int) (d *Dealer, slow, fast Asker) {
	d, slow, fast = NewDealer(n), 1, 2
	d.OwnAll()
	d.Join(slow)
	d.Join(fast)
	dealTo(d, slow, 1)
	dealTo(d, fast, n-1)
	return d, slow, fast
}

func TestADealThatWasOvertakenIsMadeOnceMore(t *testing.T) {
	d, slow, fast := dealt(8)
	d.Have(0, fast, 1)
	if got := dealTo(d, fast, 4); got != nil {
		t.Errorf("after one deal has landed that was made later, the fast one is dealt %v", got)
	}
	d.Have(0, fast, 2)
	if got := dealTo(d, fast, 4); !slices.Equal(got, []int{0}) {
		t.Errorf("after two that were made later, the fast one is dealt %v, want what the slow one has not got", got)
	}
	if got := dealTo(d, slow, 4); got != nil {
		t.Errorf("the slow one is dealt %v, which is on its way to it, or to the fast one and not late", got)
	}
}

func TestADealThatHasLandedIsNotMadeAgain(t *testing.T) {
	for name, land := range map[string]func(d *Dealer, slow, fast Asker){
		"the asker has told of it":   func(d *Dealer, slow, fast Asker) { d.Have(0, slow, 0) },
		"another has":                func(d *Dealer, slow, fast Asker) { d.Join(3); d.Have(0, 3, 0) },
		"the asker needs no more":    func(d *Dealer, slow, fast Asker) { d.Done(slow) },
		"it was asked for meanwhile": func(d *Dealer, slow, fast Asker) { d.Request(fast, 0); d.Next(0, fast) },
	} {
		t.Run(name, func(t *testing.T) {
			d, slow, fast := dealt(8)
			land(d, slow, fast)
			for c := 1; c < 8; c++ {
				d.Have(0, fast, c)
			}
			if got := dealTo(d, fast, 4); got != nil {
				t.Errorf("%v is dealt again", got)
			}
		})
	}
}

// Where many share a link some are always overtaken by a round.
func TestADealIsNotMadeAgainBeforeItTakesMoreThanTwiceAsLongAsUsual(t *testing.T) {
	const chunks, usual = 8, 100 * time.Millisecond
	d, _, fast := dealt(chunks)
	for c := 1; c < chunks; c++ {
		d.Have(usual, fast, c)
	}
	for _, at := range []struct {
		now  time.Duration
		late bool
	}{{usual, false}, {2 * usual, false}, {2*usual + 1, true}} {
		d.Deal(fast, 1, 0, 1)
		if c, ok, _ := d.Next(at.now, fast); ok != at.late {
			t.Errorf("after %v the fast one is dealt chunk %d: %t, want %t", at.now, c, ok, at.late)
		}
	}
}

// While more is to come, what that is goes to whoever may be dealt to.
func TestNoDealIsMadeAgainWhileThereWillBeMoreToDeal(t *testing.T) {
	d, fast, slow := NewDealer(8), Asker(1), Asker(2)
	d.Grow(true)
	d.Join(fast)
	d.Join(slow)
	for c := range 7 {
		d.Own(c)
	}
	dealTo(d, slow, 1)
	dealTo(d, fast, 6)
	for c := 1; c < 7; c++ {
		d.Have(0, fast, c)
	}
	if got := dealTo(d, fast, 2); got != nil {
		t.Errorf("the fast one is dealt %v while one more chunk is to come", got)
	}
	d.Own(7)
	d.Grow(false)
	if got := dealTo(d, fast, 0); !slices.Equal(got, []int{7, 0}) {
		t.Errorf("when all is there the fast one is dealt %v, want what is new and then what the slow one has not got", got)
	}
}

// Who is asked for much by many gives each of them something else first.
func TestWhatNobodyElseWasGivenGoesFirst(t *testing.T) {
	d := NewDealer(4)
	d.OwnAll()
	var got []int
	for a := range Asker(3) {
		d.Join(a)
		for c := range 3 {
			d.Request(a, c)
		}
		c, _, _ := d.Next(0, a)
		got = append(got, c)
	}
	for range 2 {
		c, _, _ := d.Next(0, 0)
		got = append(got, c)
	}
	if want := []int{0, 1, 2, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("chunks go out as %v, want %v", got, want)
	}
}

func TestWhatOnlyOneWhoLeftWasDealtIsFresh(t *testing.T) {
	d, slow, fast := dealt(8)
	for c := 1; c < 8; c++ {
		d.Have(0, fast, c)
	}
	d.Leave(slow)
	if got := dealTo(d, fast, 4); !slices.Equal(got, []int{0}) {
		t.Errorf("dealt are %v, want chunk 0, once", got)
	}
}

// lagging returns a dealer of 64 chunks with two askers, with whom a deal has taken so
// long to land.
func lagging(slowly, quickly time.Duration) (d *Dealer, slow, quick Asker) {
	d, slow, quick = NewDealer(64), 1, 2
	d.OwnAll()
	for a, after := range map[Asker]time.Duration{slow: slowly, quick: quickly} {
		d.Join(a)
		for _, c := range dealTo(d, a, 1) {
			d.Have(after, a, c)
		}
	}
	return d, slow, quick
}

func TestASlowOneIsDealtNothingWhileOthersFeedIt(t *testing.T) {
	feed := func(d *Dealer, slow, _ Asker) { d.Have(0, slow, 0); d.Have(0, slow, 1) } // of which it was dealt one
	for name, c := range map[string]struct {
		slowly, quickly time.Duration
		change          func(d *Dealer, slow, quick Asker)
		want            int // chunks that the slow one is dealt
	}{
		"it gets something from others":           {100 * time.Millisecond, 10 * time.Millisecond, feed, 0},
		"it gets nothing from others":             {100 * time.Millisecond, 10 * time.Millisecond, func(*Dealer, Asker, Asker) {}, 2},
		"the quick one has left":                  {100 * time.Millisecond, 10 * time.Millisecond, func(d *Dealer, slow, quick Asker) { feed(d, slow, quick); d.Leave(quick) }, 2},
		"nobody quick has been dealt to for long": {100 * time.Millisecond, 10 * time.Millisecond, func(d *Dealer, slow, quick Asker) { feed(d, slow, quick); d.askers[quick].last = -dryFor }, 2},
		"it lacks much, and is not slow":          {30 * time.Millisecond, 10 * time.Millisecond, feed, 2},
		"it takes long, and twice as long":        {responseHigh + 1, responseHigh / 3, feed, 0},
		"nobody knows how long others take":       {100 * time.Millisecond, 10 * time.Millisecond, func(d *Dealer, slow, quick Asker) { d.Leave(quick); d.Join(3); feed(d, slow, 3) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			d, slow, quick := lagging(c.slowly, c.quickly)
			c.change(d, slow, quick)
			if got := dealTo(d, slow, 2); len(got) != c.want {
				t.Errorf("it is dealt %v, want %d chunks", got, c.want)
			}
			if spared := d.Spared(); slices.Contains(spared, slow) != (c.want == 0) {
				t.Errorf("passed over are %v", spared)
			}
			if again := d.Spared(); again != nil {
				t.Errorf("%v are told of twice", again)
			}
		})
	}
}

// A slow one that others have stopped feeding is dealt to once more.
func TestASlowOneIsPassedOverOnceForWhatItGot(t *testing.T) {
	d, slow, _ := lagging(time.Second, time.Millisecond)
	d.Have(0, slow, 0)
	d.Have(0, slow, 1)
	if got := dealTo(d, slow, 1); got != nil {
		t.Errorf("it is dealt %v at first", got)
	}
	if got := dealTo(d, slow, 0); len(got) != 1 {
		t.Errorf("then it is dealt %v, want a chunk", got)
	}
}
