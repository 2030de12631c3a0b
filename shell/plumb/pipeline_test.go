package plumb

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// lone returns a plumber without other nodes, which ends with the test.
func lone(t *testing.T) *host {
	t.Helper()
	return newNetwork().node(t, "a")
}

// next waits for n lines of a reader.
func next(t *testing.T, r *Joint, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var all []string
	for len(all) < n {
		lines, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("after %d lines: %v", len(all), err)
		}
		all = append(all, lines...)
	}
	return all
}

// until waits for what must come.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not so after 20 s", what)
		}
	}
}

func (h *host) list() []Pipeline { return h.Pipelines("minimega") }

func reader(t *testing.T, p *host, name string) *Joint {
	t.Helper()
	r, err := p.Reader(Name{"minimega", name})
	must(t, err)
	t.Cleanup(r.Close)
	return r
}

func TestAPipelineLeadsThroughPipesAndPrograms(t *testing.T) {
	a := lone(t)
	out, middle := reader(t, a, "out"), reader(t, a, "middle")
	must(t, a.Plumb("minimega", []string{"in", "sed -u s/cow/dog/", "middle", "also", "cat", "sed -u 's/the /a /'", "out"}, os.Environ()))
	if all := a.list(); len(all) != 1 || all[0] != (Pipeline{`in "sed -u s/cow/dog/" middle also cat "sed -u 's/the /a /'" out`, nil}) {
		t.Errorf("listed as %+v", all)
	}
	must(t, a.Write(t.Context(), Name{"minimega", "in"}, "the cow\nthe sheep\n"))
	if got := next(t, out, 2); !slices.Equal(got, []string{"a dog\n", "a sheep\n"}) {
		t.Errorf("out has %q", got)
	}
	if got := next(t, middle, 2); !slices.Equal(got, []string{"the dog\n", "the sheep\n"}) {
		t.Errorf("middle has %q", got)
	}
	must(t, a.Unplumb(t.Context(), "minimega", nil))
	if all := a.list(); len(all) != 0 {
		t.Errorf("still listed: %+v", all)
	}
}

func TestAPipelineOfProgramsEndsWithThemAndAllIsCarried(t *testing.T) {
	a := lone(t)
	out := reader(t, a, "out")
	must(t, a.Plumb("minimega", []string{"seq 1 900", "sort -rn", "between", "cat", "out"}, nil))
	got := next(t, out, 900)
	if got[0] != "900\n" || got[899] != "1\n" {
		t.Errorf("got %s", short(got))
	}
	must(t, a.Plumb("minimega", []string{"yes", "head -n 3", "cat"}, nil))
	until(t, "the end of a pipeline whose last program ends", func() bool { return len(a.list()) == 1 })
}

func TestAProgramThatFailedIsToldAndMayBeginAgain(t *testing.T) {
	a := lone(t)
	stages := []string{"in", "bash -c 'echo no such luck >&2; exit 3'", "out"}
	for range 2 {
		must(t, a.Plumb("minimega", stages, nil))
		until(t, "a failure", func() bool { return a.list()[0].Failed != nil })
		if text := a.list()[0].Failed.Error(); text != "bash: exit status 3: no such luck" {
			t.Errorf("failed with %q", text)
		}
	}
	must(t, a.Unplumb(t.Context(), "minimega", stages))
	if all := a.list(); len(all) != 0 {
		t.Errorf("still listed: %+v", all)
	}
}

// family begins a pipeline whose program has a child and returns the child's
// number.
func family(t *testing.T, a *host, in string) (pid int) {
	t.Helper()
	out := reader(t, a, "out")
	must(t, a.Plumb("minimega", []string{in, "bash -c 'sleep 1000 & echo $!; wait'", "out"}, os.Environ()))
	pid, err := strconv.Atoi(strings.TrimSpace(next(t, out, 1)[0]))
	must(t, err)
	return pid
}

// dead reports whether a process is no more, or nobody's.
func dead(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(text), ") Z ") || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

func TestAClearedPipelineLeavesNoProcess(t *testing.T) {
	a := lone(t)
	pid := family(t, a, "in")
	must(t, a.Unplumb(t.Context(), "minimega", []string{a.list()[0].Text}))
	until(t, "the child's end", func() bool { return dead(pid) })
	if err := a.Unplumb(t.Context(), "minimega", []string{"x", "y"}); !errors.Is(err, errNoPipeline) {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestAPipelineEndsWithEachOfItsPipes(t *testing.T) {
	for _, end := range []string{"in", "out"} {
		a := lone(t)
		must(t, a.Plumb("minimega", []string{"in", "cat", "sleep 1000", "out"}, os.Environ()))
		a.Clear(t.Context(), "minimega", end)
		until(t, "the pipeline's end", func() bool { return len(a.list()) == 0 })
	}
}

func TestTheEndOfTheNodeIsThatOfItsPipelines(t *testing.T) {
	net := newNetwork()
	h := &host{net: net, self: wire.Member{ID: wire.NodeID{1}, Name: "a"}}
	h.Plumber = New(h, slog.New(slog.DiscardHandler))
	net.nodes[h.self.ID] = h
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	pid := family(t, h, "in")
	cancel()
	must(t, <-done)
	until(t, "the child's end", func() bool { return dead(pid) })
	if err := h.Plumb("minimega", []string{"seq 1", "late"}, nil); !errors.Is(err, errEnding) {
		t.Errorf("a pipeline after the end: %v", err)
	}
}

func TestStagesThatMakeNoSenseAreRefused(t *testing.T) {
	a := lone(t)
	for _, bad := range [][]string{
		{"foo"}, {"foo", ""}, {"foo", "no-such-program -x"}, {"/no/such", "foo"}, {"foo", "foo"}, {"foo", "'"}, {"foo", "sed", "é"},
		slices.Repeat([]string{"a", "b"}, maxStages),
	} {
		if err := a.Plumb("minimega", bad, nil); err == nil {
			t.Errorf("%q is a pipeline", bad)
		}
	}
	must(t, a.Plumb("minimega", []string{"foo", "bar"}, nil))
	if err := a.Plumb("minimega", []string{"foo", "bar"}, nil); !errors.Is(err, errAgain) {
		t.Errorf("a pipeline once more: %v", err)
	}
	if all := a.list(); len(all) != 1 {
		t.Errorf("listed: %+v", all)
	}
	must(t, a.UnplumbAll(t.Context()))
	if all, _ := a.List(t.Context(), "minimega", ""); len(all) != 2 || all[0].Readers+all[1].Writers+all[0].Writers+all[1].Readers != 0 {
		t.Errorf("what they had joined is left: %+v", all)
	}
}

func TestAViaMakesOfEachLineWhatEachReaderGets(t *testing.T) {
	a := lone(t)
	one, two := reader(t, a, "foo"), reader(t, a, "foo")
	must(t, a.SetVia(foo(), []string{"bash", "-c", "read line; [ $line = bad ] && exit 1; [ $line = none ] || echo $line $$; echo said >&2"}))
	must(t, a.Write(t.Context(), foo(), "x\nbad\nnone\ny\n"))
	got, other := next(t, one, 2), next(t, two, 2)
	for i, want := range []string{"x ", "y "} {
		if !strings.HasPrefix(got[i], want) || !strings.HasPrefix(other[i], want) || got[i] == other[i] {
			t.Errorf("the readers got %q and %q", got[i], other[i])
		}
	}
	must(t, a.SetVia(foo(), nil))
	must(t, a.Write(t.Context(), foo(), "as it is"))
	if got := next(t, one, 1); got[0] != "as it is\n" {
		t.Errorf("without it %q", got)
	}
	if err := a.SetVia(foo(), []string{strings.Repeat("x", maxVia+1)}); !errors.Is(err, errVia) {
		t.Errorf("a long one: %v", err)
	}
}

func TestAViaEndsWithWhoWaitsForIt(t *testing.T) {
	a := lone(t)
	r := reader(t, a, "foo")
	must(t, a.SetVia(foo(), []string{"bash", "-c", "sleep 1000 & wait"}))
	must(t, a.Write(t.Context(), foo(), "x"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if lines, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it has %q, %v", lines, err)
	}
}

func TestAViaEndsWithItsPipe(t *testing.T) {
	a := lone(t)
	g := gather(t, a, foo())
	must(t, a.SetVia(foo(), []string{"sleep", "1000"}))
	must(t, a.Write(t.Context(), foo(), strings.Join(numbered(100), "")))
	until(t, "the lines' being taken", func() bool { g.queue.mu.Lock(); defer g.queue.mu.Unlock(); return len(g.queue.items) < 100 })
	a.Forget("minimega")
	until(t, "the reader's end", func() bool { _, err := g.got(); return errors.Is(err, ErrCleared) })
}

func TestALoopOfPipelinesEndsWhenItIsCleared(t *testing.T) {
	a := lone(t)
	seen := reader(t, a, "b")
	must(t, a.Plumb("minimega", []string{"a", "b"}, nil))
	must(t, a.Plumb("minimega", []string{"b", "cat", "a"}, os.Environ()))
	must(t, a.Write(t.Context(), Name{"minimega", "a"}, "round\n"))
	next(t, seen, 100)
	must(t, a.UnplumbAll(t.Context()))
	if all := a.list(); len(all) != 0 {
		t.Errorf("still listed: %+v", all)
	}
}
