package completion

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"minimega/mesh/wire"
)

// fakeMesh has nodes that answer from lists of names, after a while.
type fakeMesh struct {
	nodes []*fakeNode
	calls atomic.Int32
}

type fakeNode struct {
	member wire.Member
	names  *MeshNames    // whose Answer is asked
	after  time.Duration // longer than any deadline: never answers
}

func (m *fakeMesh) add(after time.Duration, names ...string) *fakeNode {
	id := wire.NodeID{byte(len(m.nodes) + 1)}
	node := &fakeNode{
		member: wire.Member{ID: id, Name: wire.NodeName(fmt.Sprintf("kn%d", id[0]))},
		names:  NewMeshNames(nil, listOf(names...), nil),
		after:  after,
	}
	m.nodes = append(m.nodes, node)
	return node
}

func (m *fakeMesh) Members() (members []wire.Member) {
	for _, n := range m.nodes {
		members = append(members, n.member)
	}
	return members
}

func (m *fakeMesh) Call(ctx context.Context, _ []wire.NodeID, _ string, body []byte) iter.Seq[wire.Reply] {
	m.calls.Add(1)
	return func(yield func(wire.Reply) bool) {
		nodes := slices.Clone(m.nodes)
		slices.SortStableFunc(nodes, func(a, b *fakeNode) int { return int(a.after - b.after) })
		start := time.Now()
		for _, n := range nodes {
			select {
			case <-time.After(n.after - time.Since(start)):
				answer, err := n.names.Answer(ctx, wire.Member{}, body)
				yield(wire.Reply{From: n.member, Body: answer, Err: err})
			case <-ctx.Done():
				yield(wire.Reply{From: n.member, Err: ctx.Err()})
			}
		}
	}
}

// listOf serves a fixed list as a node's local names.
func listOf(names ...string) func(string, int) ([]string, int) {
	return func(prefix string, limit int) ([]string, int) {
		found := within(names, prefix)
		return abridged(found, limit), len(found)
	}
}

// running runs names until the test is over.
func running(t *testing.T, names *MeshNames) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- names.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func wantNames(t *testing.T, names *MeshNames, prefix string, want ...string) {
	t.Helper()
	if got := names.Names(prefix); !slices.Equal(got, want) {
		t.Errorf("Names(%q) = %q, want %q", prefix, got, want)
	}
}

func TestNamesOfAllNodesComeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := &fakeMesh{}
		mesh.add(time.Millisecond, "a", "both", "d/")
		mesh.add(2*time.Millisecond, "both", "c")
		var changes atomic.Int32
		names := NewMeshNames(mesh, listOf("both", "here"), func() { changes.Add(1) })
		running(t, names)
		wantNames(t, names, "")
		if !names.Pending() {
			t.Error("nothing pends after the first question")
		}
		synctest.Wait()
		wantNames(t, names, "", "both", "here")
		time.Sleep(5 * time.Millisecond)
		synctest.Wait()
		wantNames(t, names, "", "a", "both", "c", "d/", "here")
		wantNames(t, names, "b", "both")
		if names.Pending() || changes.Load() == 0 || mesh.calls.Load() != 1 {
			t.Errorf("pending %t, %d changes, %d calls", names.Pending(), changes.Load(), mesh.calls.Load())
		}
	})
}

func TestWhatCameAfterALookPendsUntilTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := &fakeMesh{}
		mesh.add(time.Millisecond, "a")
		mesh.add(2*time.Millisecond, "b")
		names := NewMeshNames(mesh, listOf(), func() {})
		running(t, names)
		names.Names("")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		wantNames(t, names, "", "a")
		time.Sleep(time.Millisecond) // all have answered, but the look was before
		synctest.Wait()
		if !names.Pending() {
			t.Error("what a has, and b might have too, is taken for all")
		}
		wantNames(t, names, "", "a", "b")
		if names.Pending() {
			t.Error("it pends though all is known")
		}
	})
}

func TestSilentNodeIsLeftOutAndNotWaitedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := &fakeMesh{}
		mesh.add(time.Millisecond, "a")
		silent := mesh.add(time.Hour, "z")
		names := NewMeshNames(mesh, listOf(), func() {})
		running(t, names)
		names.Names("")
		time.Sleep(soonTime - time.Nanosecond)
		wantNames(t, names, "", "a")
		if !names.Pending() {
			t.Error("the first time, a silent node is not waited for")
		}
		time.Sleep(1 * time.Nanosecond)
		if names.Pending() {
			t.Error("a silent node is waited for ever longer")
		}
		time.Sleep(5 * time.Second)
		wantNames(t, names, "", "a")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		wantNames(t, names, "", "a")
		if names.Pending() {
			t.Error("a node that was silent before is waited for")
		}
		silent.after = 0
		time.Sleep(5 * time.Second)
		names.Names("")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		wantNames(t, names, "", "a", "z")
	})
}

func TestANodeThatWasSilentIsAskedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := &fakeMesh{}
		silent := mesh.add(time.Hour, "z")
		names := NewMeshNames(mesh, listOf("a"), func() {})
		running(t, names)
		names.Names("")
		time.Sleep(roundTime)
		synctest.Wait()
		silent.after = 0
		wantNames(t, names, "", "a")
		synctest.Wait()
		wantNames(t, names, "", "a", "z")
	})
}

func TestASilentNodeHoldsUpNoOtherQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const questions = 100
		var all []string
		for i := range questions {
			all = append(all, fmt.Sprintf("%03d", i))
		}
		mesh := &fakeMesh{}
		mesh.add(time.Millisecond, all...)
		mesh.add(time.Hour, "z")
		names := NewMeshNames(mesh, listOf(), func() {})
		running(t, names)
		start := time.Now()
		for i, name := range all {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			if got := names.Ask(ctx, name); !slices.Equal(got, []string{name}) {
				t.Errorf("question %d has the answer %q", i, got)
			}
			cancel()
		}
		// Until a round is over it is waited for.
		if took := time.Since(start); took > roundTime+questions*2*time.Millisecond+200*time.Millisecond {
			t.Errorf("%d questions took %v", questions, took)
		}
	})
}

func TestAfterAStallOfTheLinkAllAreWaitedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := &fakeMesh{}
		var all []string
		for i := range 50 {
			all = append(all, fmt.Sprintf("%02d", i))
		}
		a, b := mesh.add(time.Hour, all...), mesh.add(time.Hour, all...)
		names := NewMeshNames(mesh, listOf(), func() {})
		running(t, names)
		ask := func(prefix string) []string {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			return names.Ask(ctx, prefix)
		}
		for _, prefix := range all[:10] {
			ask(prefix)
		}
		time.Sleep(roundTime)
		synctest.Wait()
		a.after, b.after = 150*time.Millisecond, 150*time.Millisecond
		for _, prefix := range all[10:] {
			if got := ask(prefix); !slices.Equal(got, []string{prefix}) {
				t.Errorf("asked for %s after the stall, it has %q", prefix, got)
			}
		}
	})
}

func TestDeletedNamesGoWithTheNextRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := &fakeMesh{}
		node := mesh.add(0, "old")
		names := NewMeshNames(mesh, listOf(), func() {})
		running(t, names)
		if got := names.Ask(t.Context(), ""); !slices.Equal(got, []string{"old"}) {
			t.Errorf("Ask = %q", got)
		}
		node.names.list = listOf("new")
		synctest.Wait()
		time.Sleep(4 * time.Second)
		wantNames(t, names, "", "old")
		synctest.Wait()
		wantNames(t, names, "", "new")
	})
}

func TestDirectoryTooLargeIsAskedByPrefix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var many []string
		for i := range maxNames + 5 {
			many = append(many, fmt.Sprintf("d/n%06d", i))
		}
		mesh := &fakeMesh{}
		mesh.add(0, many...)
		names := NewMeshNames(mesh, listOf(), func() {})
		running(t, names)
		last := many[len(many)-1]
		if got := names.Ask(t.Context(), "d/"); len(got) != maxNames || got[len(got)-1] != last || names.Total() != len(many) {
			t.Errorf("%d names of %d", len(got), names.Total())
		}
		if got := names.Ask(t.Context(), last); !slices.Equal(got, []string{last}) || names.Total() != 0 {
			t.Errorf("Ask(%q) = %q of %d", last, got, names.Total())
		}
		mesh.nodes[0].names.list = listOf("d/few")
		names.Names("d/")
		time.Sleep(freshTime)
		names.Names("d/")
		synctest.Wait()
		calls := mesh.calls.Load()
		wantNames(t, names, "d/f", "d/few") // the directory is known whole now
		if names.Total() != 0 || mesh.calls.Load() != calls {
			t.Errorf("total %d, %d calls", names.Total(), mesh.calls.Load()-calls)
		}
	})
}

// TestCommonPrefixIsThatOfAllNames: however many names two nodes have, and
// however few of those they say.
func TestCommonPrefixIsThatOfAllNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second []string
		for i := range 3 * maxNames {
			first = append(first, fmt.Sprintf("image-a-%06d", i))
			second = append(second, fmt.Sprintf("image-b-%06d", i))
		}
		mesh := &fakeMesh{}
		mesh.add(0, first...)
		mesh.add(0, append(second, "imagine")...)
		names := NewMeshNames(mesh, listOf(), func() {})
		running(t, names)
		for line, want := range map[string]string{"file:": "file:imag", "file:image-a-0000": "file:image-a-0000", "file:image-b-0015": "file:image-b-0015", "file:imagi": "file:imagine "} {
			r := Complete(toy{}, line, len(line), known{MeshFile: names.Ask(t.Context(), line[len("file:"):])})
			if r.Insert != want {
				t.Errorf("%q becomes %q, want %q", line, r.Insert, want)
			}
		}
	})
}

func TestAskEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := NewMeshNames(&fakeMesh{}, listOf("a"), func() {}) // not running
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got := names.Ask(ctx, ""); len(got) != 0 {
			t.Errorf("Ask = %q", got)
		}
	})
}

func TestWhatCameWhileTheProcessStoodStillIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := &fakeMesh{}
		mesh.add(stillTime/2, "there")
		mesh.add(time.Hour, "never")
		names := NewMeshNames(mesh, listOf("here"), func() {})
		running(t, names)
		start := time.Now()
		ctx, cancel := context.WithDeadline(t.Context(), start.Add(-2*stillTime))
		defer cancel()
		if got := names.Ask(ctx, ""); !slices.Equal(got, []string{"here", "there"}) {
			t.Errorf("noticed late: %q", got)
		}
		if took := time.Since(start); took != stillTime {
			t.Errorf("it took %v more", took)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := NewMeshNames(&fakeMesh{}, listOf(), func() {})
		running(t, names)
		for i := range 3 * maxListing {
			names.Names(fmt.Sprintf("d%d/", i))
			synctest.Wait()
		}
		if len(names.cache) > maxListing {
			t.Errorf("%d listings are kept", len(names.cache))
		}
	})
}

func TestForeignNamesAreChecked(t *testing.T) {
	bad := []string{"../x", "d/../x", "d/..", "d/a/b", "d/\x1b[31m", "d/", "x", "d/\xff", "d/" + strings.Repeat("a", 256), "d/e\u0301"}
	good := []string{"d/a", "d/b c", "d/sub/", "d/ü"}
	if got := decodeNames(encodeNames(slices.Concat(bad, good)), "d/"); !slices.Equal(got, good) {
		t.Errorf("kept %q, want %q", got, good)
	}
}

// FuzzDecodeNames: whatever the bytes, names are within limits and fit, and
// come back as they are.
func FuzzDecodeNames(f *testing.F) {
	f.Add(encodeNames([]string{"d/a", "d/ab", "d/b/"}), "d/")
	f.Add([]byte{0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, "")
	f.Fuzz(func(t *testing.T, b []byte, prefix string) {
		names := decodeNames(b, prefix)
		for _, n := range names {
			if _, err := wire.ParseFileName(n); err != nil || !strings.HasPrefix(n, prefix) {
				t.Fatalf("%q: %v", n, err)
			}
		}
		if again := decodeNames(encodeNames(names), prefix); !slices.Equal(again, names) {
			t.Fatalf("%q came back as %q", names, again)
		}
	})
}

func BenchmarkCompleteSixteenNodesOfTenThousand(b *testing.B) {
	var answers [][]byte
	names := NewMeshNames(nil, listOf(), func() {})
	for node := range 16 {
		var names []string
		for i := range 10_000 {
			names = append(names, fmt.Sprintf("image-%02d-%05d.qcow2", node, i))
		}
		answers = append(answers, encodeNames(abridged(names, maxNames)))
	}
	for b.Loop() {
		round := names.begin("", nil, func() {})
		var r Result
		for _, a := range answers { // each is shown as it comes
			names.add(round, decodeNames(a, ""), 10_000, wire.NodeID{1})
			line := "echo file:"
			r = Complete(toy{}, line, len(line), known{MeshFile: names.cache[""].arriving})
		}
		names.end(round, nil, false)
		if r.Insert != "file:image-" || len(r.Candidates) != maxNames {
			b.Fatal(r.Insert, len(r.Candidates))
		}
	}
}
