package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// hesitant is a mesh of which one node is asked for versions only when it may be.
type hesitant struct {
	fakeMesh
	node  wire.NodeName
	may   <-chan struct{}
	asked *atomic.Int32 // for versions, any node
}

func (m hesitant) Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply] {
	if method != wire.MethodVersions {
		return m.fakeMesh.Call(ctx, to, method, body)
	}
	m.asked.Add(1)
	for _, node := range m.Members() {
		if node.ID == to[0] && node.Name == m.node {
			select {
			case <-m.may:
			case <-ctx.Done():
			case <-m.Changed():
			}
		}
	}
	return m.fakeMesh.Call(ctx, to, method, body)
}

// twins is a mesh of two nodes with a file "image" that they have not hashed, and
// one that asks for it, which kn2's hash reaches when release is called.
type twins struct {
	kn1, kn2, asker *node
	release         func()
	asked           *atomic.Int32
}

func newTwins(t *testing.T, one, other []byte) *twins {
	fab := newFabric(t)
	may := make(chan struct{})
	tw := &twins{kn1: fab.add("kn1", ""), kn2: fab.add("kn2", ""), release: func() { close(may) }, asked: new(atomic.Int32)}
	tw.kn1.put("image", one)
	tw.kn2.put("image", other)
	tw.asker = fab.add("asker", "", func(e *Engine) {
		e.cfg.Mesh = hesitant{e.cfg.Mesh.(fakeMesh), "kn2", may, tw.asked}
	})
	return tw
}

// fetched waits until all of the image is there but for its name.
func (tw *twins) fetched(t *testing.T, j *Job) {
	t.Helper()
	await(t, func() bool {
		p := j.Progress()
		return p.State == "comparing: other nodes hash what they hold" && p.BytesDone == p.BytesTotal
	})
	if _, err := os.Stat(filepath.Join(tw.asker.dir, "image")); err == nil {
		t.Fatal("published before the nodes are known to hold the same")
	}
}

// fromKn1 begins to get kn1's image.
func (tw *twins) fromKn1(t *testing.T) *Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	j, err := tw.asker.engine.Get(ctx, "image", Pick{From: "kn1"})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestADoubtIsAboutWhatIsStillToBeHashed(t *testing.T) {
	const large = wire.MaxSmall + 1
	held := func(size int64, version, draft byte, partial bool) holding {
		return holding{entry: wire.FoundEntry{Name: "image", Kind: wire.KindFile, Meta: wire.Meta{Size: size},
			Version: wire.Version{version}, Draft: wire.Version{draft}, Partial: partial}}
	}
	for name, test := range map[string]struct {
		hs   []holding
		want bool
	}{
		"nobody has hashed it":             {[]holding{held(large, 0, 0, false), held(large, 0, 0, false)}, true},
		"one has":                          {[]holding{held(large, 0, 0, false), held(large, 1, 0, false)}, true},
		"all have":                         {[]holding{held(large, 1, 0, false), held(large, 1, 0, false)}, false},
		"two have, differently":            {[]holding{held(large, 1, 0, false), held(large, 2, 0, false), held(large, 0, 0, false)}, false},
		"one has, another fetches it":      {[]holding{held(large, 1, 1, false), held(large, 0, 1, true)}, false},
		"of different lengths":             {[]holding{held(large, 0, 0, false), held(large+1, 0, 0, false)}, false},
		"small":                            {[]holding{held(1, 0, 0, false), held(1, 0, 0, false)}, false},
		"one has it whole, another a part": {[]holding{held(large, 0, 0, false), held(large, 1, 0, true)}, true},
	} {
		if got := doubtful(test.hs); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAFileThatTwoHoldIsFetchedWhileTheyHashIt(t *testing.T) {
	data := random(1, 3<<20)
	tw := newTwins(t, data, data)
	j := tw.asker.get("image")
	tw.fetched(t, j)
	tw.release()
	tw.asker.wait(j)
	tw.asker.has("image", data)
}

func TestFilesThatAreComparedLendTheirTurn(t *testing.T) {
	data := random(1, 100<<10)
	tw := newTwins(t, data, data)
	for i := range 2 * largeAtOnce {
		name, data := fmt.Sprintf("image%d", i), random(uint64(i+2), 100<<10)
		tw.kn1.put(name, data)
		tw.kn2.put(name, data)
	}
	j := tw.asker.get("image*")
	tw.fetched(t, j)
	tw.release()
	tw.asker.wait(j)
}

func TestNothingStaysOfAFileThatTwoHoldDifferently(t *testing.T) {
	tw := newTwins(t, random(1, 3<<20), random(2, 3<<20))
	j := tw.asker.get("image")
	tw.fetched(t, j)
	tw.release()
	select {
	case <-j.Done():
	case <-time.After(patience):
		t.Fatal("the job does not end")
	}
	var conflict *ConflictError
	if !errors.As(j.Err(), &conflict) || len(conflict.Rows) != 2 || conflict.Rows[0].Version.IsZero() || conflict.Rows[1].Version.IsZero() {
		t.Errorf("ended with %v, not with who holds which version", j.Err())
	}
	left, err := filepath.Glob(filepath.Join(tw.asker.dir, "[^.]*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v (%v)", left, err)
	}
}

func TestAHolderThatIsGoneNeedNotHash(t *testing.T) {
	data := random(1, 3<<20)
	tw := newTwins(t, data, random(2, 3<<20))
	if bytes.Compare(tw.kn1.self.ID[:], tw.kn2.self.ID[:]) > 0 {
		data = random(2, 3<<20) // the first is asked for chunks
	}
	j := tw.asker.get("image")
	tw.fetched(t, j)
	tw.kn2.cut()
	tw.asker.wait(j)
	tw.asker.has("image", data)
}

func TestTheOtherHolderTakesThePlaceOfOneThatIsLost(t *testing.T) {
	data := random(1, 3<<20)
	tw := newTwins(t, data, data)
	first := tw.kn1
	if bytes.Compare(tw.kn1.self.ID[:], tw.kn2.self.ID[:]) > 0 {
		first = tw.kn2
	}
	tw.asker.engine.SetLimit(1 << 20)
	j := tw.asker.get("image")
	<-j.Begun()
	first.cut()
	tw.release()
	tw.asker.engine.SetLimit(0)
	tw.asker.wait(j)
	tw.asker.has("image", data)
}

func TestWhoIsNamedIsAskedForAFileAtOnce(t *testing.T) {
	data := random(1, 3<<20)
	tw := newTwins(t, data, random(2, 3<<20))
	tw.asker.wait(tw.fromKn1(t))
	tw.asker.has("image", data)
	if n := tw.asked.Load(); n > 0 {
		t.Errorf("%d times asked to hash what was not to be compared", n)
	}
}

func TestWhoIsSureDoesNotWaitForOthersToHash(t *testing.T) {
	data := random(1, 3<<20)
	tw := newTwins(t, data, data)
	unsure := tw.asker.get("image")
	tw.fetched(t, unsure)
	tw.asker.wait(tw.fromKn1(t))
	tw.asker.has("image", data)
	tw.asker.wait(unsure)
}

func TestWhoHoldsTheSameAsTheNamedNodeGivesToo(t *testing.T) {
	data := random(1, 3<<20)
	tw := newTwins(t, data, data)
	if err := tw.kn1.engine.SetLimit(1 << 20); err != nil {
		t.Fatal(err)
	}
	tw.asker.wait(tw.fromKn1(t))
	tw.asker.has("image", data)
	if n := tw.kn2.engine.uploaded.Load(); n == 0 {
		t.Error("the other holder has given nothing")
	}
}
