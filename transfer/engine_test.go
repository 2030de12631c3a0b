package transfer

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"minimega/mesh/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// random returns n bytes that do not shrink.
func random(seed uint64, n int) []byte {
	src := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	b := make([]byte, n)
	src.Read(b)
	return b
}

func TestFileReachesAnotherNode(t *testing.T) {
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	for name, data := range map[string][]byte{
		"empty": nil, "small": random(1, 100), "chunk": random(2, 64<<10), "more": random(3, 64<<10+1),
		"large": random(4, 20<<20+12345), "text": bytes.Repeat([]byte("int main(void);\n"), 1<<18), "holes": make([]byte, 3<<20),
	} {
		a.put(name, data)
		b.wait(b.get(name))
		b.has(name, data)
	}
	if err := b.engine.Idle(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestSwarmTakesEachChunkFromTheSeedAboutOnce(t *testing.T) {
	fab := newFabric(t)
	data := random(1, 24<<20)
	h := newSlowHash()
	seed := fab.add("kn0", "", h.on)
	seed.put("image", data)
	seed.wrap = throttle // the network is what is short, as it is between hosts
	var nodes []*node
	for _, name := range []string{"kn1", "kn2", "kn3", "kn4"} {
		nodes = append(nodes, fab.add(name, ""))
	}
	var jobs []*Job
	for _, n := range nodes {
		jobs = append(jobs, n.get("image"))
	}
	for _, n := range nodes { // all are there when it begins
		await(t, func() bool { rows := n.engine.Status(); return len(rows) == 1 && rows[0].Dir != "" })
	}
	h.rest()
	for i, n := range nodes {
		n.wait(jobs[i])
		n.has("image", data)
	}
	copies := float64(seed.engine.uploaded.Load()) / float64(len(data))
	t.Logf("seed uploads %.2f", copies)
	if copies > 1.1 {
		t.Errorf("the seed sent the file %.2f times, want at most 1.1", copies)
	}
}

func TestAnotherSourceGoesOnWhenOneDies(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	data := random(1, 32<<20)
	a, b, c := fab.add("kn1", ""), fab.add("kn2", ""), fab.add("kn3", "")
	a.put("image", data)
	b.put("image", data)
	a.wrap, b.wrap = throttle, throttle
	j := c.get("image")
	await(t, func() bool { return j.Progress().BytesDone > 4<<20 })
	a.cut()
	c.wait(j)
	c.has("image", data)
}

// patience is how long a test waits for what must come, on a machine that does
// much beside.
const patience = time.Minute

func await(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatal("it does not become true")
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestJobWaitsForItsOnlySource(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	data := random(1, 16<<20)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.put("image", data)
	a.wrap = throttle
	j := b.get("image")
	await(t, func() bool { return j.Progress().BytesDone > 1<<20 })
	a.cut()
	await(t, func() bool { return j.Progress().State != "" || j.Err() != nil })
	a.heal()
	b.wait(j)
	b.has("image", data)
}

func TestConflictIsToldAndPicked(t *testing.T) {
	fab := newFabric(t)
	one, two := random(1, 100_000), random(2, 100_000)
	a, b, c := fab.add("kn1", ""), fab.add("kn2", ""), fab.add("kn3", "")
	a.put("foo", one)
	b.put("foo", two)
	_, err := c.engine.Get(context.Background(), "foo", Pick{})
	var conflict *ConflictError
	if !errors.As(err, &conflict) || len(conflict.Rows) != 2 {
		t.Fatalf("error is %v, want a conflict of two", err)
	}
	t.Log(err)
	j, err := c.engine.Get(context.Background(), "foo", Pick{From: "kn2"})
	if err != nil {
		t.Fatal(err)
	}
	c.wait(j)
	c.has("foo", two)
	if j = c.get("foo"); len(j.Warnings) != 1 {
		t.Errorf("warnings are %q, want one", j.Warnings)
	}
	if j, err = c.engine.Get(context.Background(), "foo", Pick{From: "kn1"}); err != nil {
		t.Fatal(err)
	}
	c.wait(j)
	c.has("foo", one)
}

func TestMissingFileIsAnError(t *testing.T) {
	fab := newFabric(t)
	a := fab.add("kn1", "")
	for range 2 {
		if _, err := a.engine.Get(context.Background(), "foo", Pick{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("error is %v, want not found", err)
		}
		fab.add("kn2", "")
	}
}

func TestWhoMayHaveAMissingFileIsNamed(t *testing.T) {
	nodes := []wire.NodeName{"kn3", "kn2"}
	for err, want := range map[error]string{
		notFound("foo", nil, nil):         "get foo: file not found",
		notFound("foo", nodes, nil):       "get foo: file not found (no answer from kn2, kn3; try again)",
		notFound("foo", nodes, nodes[:1]): "get foo: file not found but on kn3, which sent bad data lately",
	} {
		if err.Error() != want || !errors.Is(err, ErrNotFound) {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

func TestDirectoryComesWithAllThatIsInIt(t *testing.T) {
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	for name, n := range map[string]int{"d/one": 10, "d/sub/two": 200_000, "d/sub/deep/three": 0} {
		a.put(name, random(uint64(n), n))
	}
	must(t, os.MkdirAll(filepath.Join(a.dir, "d/empty"), 0o755))
	must(t, os.Symlink("one", filepath.Join(a.dir, "d/link")))
	must(t, os.Chmod(filepath.Join(a.dir, "d/one"), 0o741))
	must(t, os.Chmod(filepath.Join(a.dir, "d/empty"), 0o710))
	then := time.Date(2016, 3, 22, 1, 2, 3, 0, time.UTC)
	for _, name := range []string{"d/one", "d/sub/two", "d/empty", "d"} {
		must(t, os.Chtimes(filepath.Join(a.dir, name), then, then))
	}
	b.wait(b.get("d"))
	b.has("d/one", random(10, 10))
	b.has("d/sub/two", random(200_000, 200_000))
	b.has("d/sub/deep/three", nil)
	for _, name := range []string{"d/one", "d/sub/two", "d/empty", "d"} {
		want, err := os.Stat(filepath.Join(a.dir, name))
		must(t, err)
		got, err := os.Stat(filepath.Join(b.dir, name))
		must(t, err)
		if got.Mode() != want.Mode() || !got.ModTime().Equal(want.ModTime()) {
			t.Errorf("%s: %v %v, want %v %v", name, got.Mode(), got.ModTime(), want.Mode(), want.ModTime())
		}
	}
	if target, err := os.Readlink(filepath.Join(b.dir, "d/link")); err != nil || target != "one" {
		t.Errorf("link leads to %q, %v", target, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestManySmallFilesComeInBatches(t *testing.T) {
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	const many = 2000
	for i := range many {
		a.put(filepath.Join("d", string(rune('a'+i%26)), time.Duration(i).String()), random(uint64(i), 4096))
	}
	start := time.Now()
	b.wait(b.get("d"))
	t.Logf("%.0f files/s", many/time.Since(start).Seconds())
	for i := range many {
		b.has(filepath.Join("d", string(rune('a'+i%26)), time.Duration(i).String()), random(uint64(i), 4096))
	}
}
