package plumb

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"minimega/mesh/wire"
)

func TestLinesReachTheReadersOfAllNodesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a, b, c := net.node(t, "a"), net.node(t, "b"), net.node(t, "c")
		readers := []*gathered{gather(t, a, foo()), gather(t, b, foo()), gather(t, b, foo()), gather(t, c, foo())}
		other := gather(t, c, Name{"minimega", "bar"})
		calm()
		lines := numbered(5000)
		must(t, a.Write(t.Context(), foo(), strings.Join(lines, "")))
		calm()
		for _, r := range readers {
			expect(t, r, lines)
		}
		expect(t, other, nil)
		all, silent := b.List(t.Context(), "minimega", "foo")
		if len(silent) > 0 || len(all) != 1 || all[0].Readers != 4 || all[0].Count != 5000 || all[0].Lost != 0 || all[0].Last != "line 4999" {
			t.Errorf("listed as %+v, %v", all, silent)
		}
	})
}

func TestAMeshWithoutPipesIsNotCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		for _, name := range []string{"a", "b", "c"} {
			net.node(t, name)
		}
		time.Sleep(time.Hour)
		if net.calls != 0 {
			t.Errorf("there were %d calls", net.calls)
		}
	})
}

func TestAStoppedReaderLosesItsOldestAndHoldsOthersUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newNetwork().node(t, "a")
		stuck, err := a.Reader(foo())
		must(t, err)
		defer stuck.Close()
		keeping := gather(t, a, foo())
		began := time.Now()
		lines := numbered(50_000)
		must(t, a.Write(t.Context(), foo(), strings.Join(lines, "")))
		if took := time.Since(began); took != patience {
			t.Errorf("the writer was held up for %v", took)
		}
		expect(t, keeping, lines)
		if left := next(t, stuck, MaxLines); !slices.Equal(left, lines[len(lines)-MaxLines:]) {
			t.Errorf("%d lines are left: %s", len(left), short(left))
		}
		if all, _ := a.List(t.Context(), "minimega", ""); all[0].Lost != uint64(len(lines)-MaxLines) {
			t.Errorf("%d are counted as lost", all[0].Lost)
		}
	})
}

func TestASlowReaderThatGoesOnLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newNetwork().node(t, "a")
		r, err := a.Reader(foo())
		must(t, err)
		defer r.Close()
		lines := numbered(20_000)
		go a.Write(t.Context(), foo(), strings.Join(lines, "")) // its end is that of the lines
		began := time.Now()
		var got []string
		for len(got) < len(lines) {
			some, err := r.Next(t.Context())
			must(t, err)
			got = append(got, some...)
			time.Sleep(time.Duration(len(some)) * 999 * time.Microsecond)
		}
		if took := time.Since(began); !slices.Equal(got, lines) || took > 21*time.Second {
			t.Errorf("it got %d lines in %v: %s", len(got), took, short(got))
		}
	})
}

func TestAFrozenNodeHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a, b, c := net.node(t, "a"), net.node(t, "b"), net.node(t, "c")
		frozen, well := gather(t, b, foo()), gather(t, c, foo())
		calm()
		net.change(func() { net.frozen[b.self.ID] = true })
		lines := numbered(20_000)
		began := time.Now()
		must(t, a.Write(t.Context(), foo(), strings.Join(lines, "")))
		if took := time.Since(began); took > 2*patience {
			t.Errorf("the writer was held up for %v", took)
		}
		calm()
		expect(t, well, lines)
		_, silent := a.List(t.Context(), "minimega", "")
		if len(silent) != 1 || !strings.Contains(silent[0].Error(), "b: did not answer") {
			t.Errorf("told: %v", silent)
		}
		// It goes on with what waits for it.
		net.change(func() { net.frozen[b.self.ID] = false })
		time.Sleep(10 * time.Second)
		must(t, a.Write(t.Context(), foo(), "end"))
		calm()
		got, _ := frozen.got()
		if len(got) < MaxLines || !slices.IsSortedFunc(got[:len(got)-1], func(x, y string) int { return len(x) - len(y) }) || got[len(got)-1] != "end\n" {
			t.Errorf("%d lines came: %s", len(got), short(got))
		}
	})
}

func TestNoLineComesTwiceWhereAnswersAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a, b := net.node(t, "a"), net.node(t, "b")
		r := gather(t, b, foo())
		calm()
		net.change(func() { net.forgets = 5 })
		lines := numbered(MaxLines)
		must(t, a.Write(t.Context(), foo(), strings.Join(lines, "")))
		time.Sleep(time.Minute)
		expect(t, r, lines)
	})
}

func TestANodeThatComesBackIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a, b := net.node(t, "a"), net.node(t, "b")
		r := gather(t, b, foo())
		calm()
		net.change(func() { net.frozen[b.self.ID] = true })
		for range 3 {
			must(t, a.Write(t.Context(), foo(), "it does not hear"))
			calm()
		}
		net.change(func() { net.away[b.self.ID], net.frozen[b.self.ID] = true, false })
		calm()
		must(t, a.Write(t.Context(), foo(), "nobody hears"))
		if all, _ := a.List(t.Context(), "minimega", ""); all[0].Lost != 2 || all[0].Readers != 0 {
			t.Errorf("without it %+v", all) // the first was on its way
		}
		net.change(func() { net.away[b.self.ID] = false })
		calm()
		must(t, a.Write(t.Context(), foo(), "all hear"))
		calm()
		expect(t, r, []string{"all hear\n"})
	})
}

func TestReadersTakeTurnsInTheWholeMesh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a, b, c := net.node(t, "a"), net.node(t, "b"), net.node(t, "c")
		must(t, c.SetMode(foo(), RoundRobin))
		readers := []*gathered{gather(t, a, foo()), gather(t, b, foo()), gather(t, b, foo()), gather(t, c, foo())}
		calm()
		must(t, a.Write(t.Context(), foo(), strings.Join(numbered(400), "")))
		calm()
		for i, r := range readers {
			if got, _ := r.got(); len(got) != 100 {
				t.Errorf("reader %d has %d lines", i, len(got))
			}
		}
		must(t, a.SetMode(foo(), Random))
		calm()
		must(t, b.Write(t.Context(), foo(), strings.Join(numbered(400), "")))
		calm()
		total := 0
		for i, r := range readers {
			got, _ := r.got()
			if total += len(got); len(got) < 120 {
				t.Errorf("reader %d has %d lines", i, len(got))
			}
		}
		if total != 800 {
			t.Errorf("%d lines came", total)
		}
	})
}

func TestANodeThatJoinsLaterKnowsTheSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a := net.node(t, "a")
		must(t, a.SetMode(foo(), Random))
		b := net.node(t, "b")
		calm()
		one, two := gather(t, b, foo()), gather(t, b, foo())
		must(t, b.Write(t.Context(), foo(), strings.Join(numbered(100), "")))
		calm()
		first, _ := one.got()
		second, _ := two.got()
		if len(first)+len(second) != 100 {
			t.Errorf("%d and %d lines came", len(first), len(second))
		}
		if names := b.Names(); !slices.Equal(names, []string{"foo"}) {
			t.Errorf("b knows of %q", names)
		}
	})
}

func TestWhoReadsAndWritesIsNotGivenHisOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a, b := net.node(t, "a"), net.node(t, "b")
		one, err := a.Both(foo())
		must(t, err)
		defer one.Close()
		two := gather(t, b, foo())
		calm()
		must(t, one.Write(t.Context(), "from one"))
		calm()
		must(t, b.Write(t.Context(), foo(), "from b"))
		calm()
		expect(t, two, []string{"from one\n", "from b\n"}) // b's own Write is no reader's
		lines, err := one.Next(t.Context())
		if err != nil || !slices.Equal(lines, []string{"from b\n"}) {
			t.Errorf("%q, %v", lines, err)
		}
	})
}

func TestClearingAPipeEndsItsReadersAndWritersEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a, b := net.node(t, "a"), net.node(t, "b")
		must(t, a.SetMode(foo(), RoundRobin))
		r, kept := gather(t, b, foo()), gather(t, b, Name{"minimega", "bar"})
		w, err := b.Writer(foo())
		must(t, err)
		defer w.Close()
		calm()
		if silent := a.Clear(t.Context(), "minimega", "foo"); len(silent) > 0 {
			t.Error(silent)
		}
		calm()
		if _, err := r.got(); !errors.Is(err, ErrCleared) {
			t.Errorf("the reader ended with %v", err)
		}
		if err := w.Write(t.Context(), "x"); !errors.Is(err, ErrCleared) {
			t.Errorf("the writer ended with %v", err)
		}
		if _, err := kept.got(); err != nil {
			t.Errorf("another pipe's reader ended with %v", err)
		}
		all, _ := a.List(t.Context(), "minimega", "")
		if len(all) != 1 || all[0].Pipe != "bar" {
			t.Errorf("there are %+v", all)
		}
		must(t, b.Write(t.Context(), foo(), "x"))
		if all, _ := a.List(t.Context(), "minimega", "foo"); all[0].Mode != All {
			t.Errorf("the new pipe has the mode %v of the old", all[0].Mode)
		}
	})
}

func TestLongLinesCrossWholeAndLongerOnesAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a, b := net.node(t, "a"), net.node(t, "b")
		r := gather(t, b, foo())
		calm()
		long := strings.Repeat("x", MaxLine-1) + "\n"
		for _, text := range []string{long, "a\nb", "y" + long, "é\x00\xff\n"} {
			must(t, a.Write(t.Context(), foo(), text))
		}
		calm()
		expect(t, r, []string{long, "a\n", "b\n", "y" + long[1:], "x\n", "é\x00\xff\n"})
	})
}

func TestPipesOfAnotherNamespaceAreOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newNetwork().node(t, "a")
		here, there := gather(t, a, foo()), gather(t, a, Name{"other", "foo"})
		name, err := ParseName("other//foo", "minimega")
		must(t, err)
		must(t, a.Write(t.Context(), name, "x"))
		expect(t, here, nil)
		expect(t, there, []string{"x\n"})
	})
}

func TestNamesAndPipesAreBounded(t *testing.T) {
	for _, bad := range []string{"", "a b", "//x", "x//", "é", "a/b", "a\nb", strings.Repeat("x", maxName+1)} {
		if name, err := ParseName(bad, "minimega"); !errors.Is(err, errName) {
			t.Errorf("%q is taken as %+v", bad, name)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		a := newNetwork().node(t, "a")
		for i := range maxPipes {
			must(t, a.Write(t.Context(), Name{"minimega", strings.Repeat("x", i%maxName+1) + string(rune('0'+i/maxName))}, "x"))
		}
		if err := a.Write(t.Context(), foo(), "x"); !errors.Is(err, errPipes) {
			t.Errorf("one pipe more: %v", err)
		}
		full := Name{"minimega", "x0"}
		for range maxJoints {
			if _, err := a.Reader(full); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.Writer(full); !errors.Is(err, errJoints) {
			t.Errorf("one writer more: %v", err)
		}
	})
}

func TestWhatAnotherNodeSendsIsBounded(t *testing.T) {
	a := newNetwork().node(t, "a")
	from := wire.Member{ID: wire.NodeID{9}, Name: "evil"}
	many := &parcel{Seq: 1, State: &state{Pipes: make([]pipeState, maxPipes+1)}}
	body, err := wire.Marshal(many)
	must(t, err)
	if _, err := a.receive(t.Context(), from, body); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("%d pipes: %v", len(many.State.Pipes), err)
	}
	for _, junk := range []string{"", "x", "\xa1\x01\x20"} {
		if _, err := a.receive(t.Context(), from, []byte(junk)); err == nil {
			t.Errorf("%q is taken", junk)
		}
	}
	odd, err := wire.Marshal(&parcel{Seq: 2, State: &state{Pipes: []pipeState{{Space: "a b", Pipe: "\x1b[2J", Readers: 1 << 31}}}})
	must(t, err)
	if _, err := a.receive(t.Context(), from, odd); err != nil || len(a.Names()) > 0 {
		t.Errorf("bad names are kept: %q, %v", a.Names(), err)
	}
}

func FuzzLinesComeOutAsTheyWentIn(f *testing.F) {
	f.Add([]byte("one\ntwo\n"), 3)
	f.Add([]byte("\n\n"), 70000)
	f.Fuzz(func(t *testing.T, text []byte, times int) {
		var all []item
		times = min(max(times, 1), 1+(4<<20)/(1+len(text))) // few enough to be quick
		for line := range strings.Lines(strings.Repeat(string(text), times)) {
			if len(line) <= MaxLine && len(all) < 3000 {
				all = append(all, item{foo(), len(line)%2 == 0, line})
			}
		}
		var got []string
		var partial []byte
		for rest, at := all, 0; len(rest) > 0; {
			var pieces []piece
			pieces, rest, at = pack(rest, at)
			for _, p := range pieces {
				line, whole := "", false
				if partial, line, whole = unpack(partial, p); whole {
					got = append(got, line)
				}
			}
		}
		for i := range all {
			if i >= len(got) || got[i] != all[i].text {
				t.Fatalf("line %d of %d differs", i, len(all))
			}
		}
	})
}

func TestAWriterWhoGivesUpLosesNothingOfHisOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newNetwork().node(t, "a")
		r, err := a.Reader(foo())
		must(t, err)
		defer r.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		must(t, a.Write(ctx, foo(), strings.Join(numbered(MaxLines+1), "")))
		if lines := next(t, r, MaxLines); lines[MaxLines-1] != numbered(MaxLines + 1)[MaxLines] {
			t.Errorf("the last one is %q", lines[MaxLines-1])
		}
	})
}
