package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"minimega/mesh/wire"
)

func TestTwoNodesMesh(t *testing.T) {
	a, b := start(t, "a", nil), start(t, "b", nil)
	if err := a.Dial(soon(t), b.addr()); err != nil {
		t.Fatal(err)
	}
	a.sees(1)
	b.sees(1)
	if got := a.Members()[0]; got != b.Self() {
		t.Errorf("a sees %v, not %v", got, b.Self())
	}
	err := a.Dial(soon(t), b.addr())
	if !errors.Is(err, wire.ErrDuplicate) || err.Error() != "already connected to "+b.addr() {
		t.Errorf("second dial: %v", err)
	}
	if err := a.Dial(soon(t), a.addr()); !errors.Is(err, wire.ErrSelf) || err.Error() != "cannot mesh dial yourself" {
		t.Errorf("dial to itself: %v", err)
	}
	if err := a.Dial(soon(t), ""); err == nil {
		t.Error("dialled nothing")
	}
	if err := a.Hangup("c"); !errors.Is(err, wire.ErrUnreachable) || err.Error() != "no such client c" {
		t.Errorf("hangup on nobody: %v", err)
	}
	if s := a.Status(); s.Size != 2 || s.Peers != 1 || s.Degree != 4 || s.Context != "test" || s.Port != a.Port() {
		t.Errorf("status: %+v", s)
	}
	if got := fmt.Sprint(b.Links()); got != "[{a [b]} {b [a]}]" {
		t.Errorf("links: %s", got)
	}
}

func TestAWrongKeyIsRefusedWithAReasonOnBothSides(t *testing.T) {
	a := start(t, "a", nil)
	b := start(t, "b", func(c *Config) { c.Key = OpenKey("other") })
	err := a.Dial(soon(t), b.addr())
	var foreign *ForeignError
	if !errors.As(err, &foreign) || foreign.Pin != b.trust.pin || foreign.Ours != a.trust.pin {
		t.Fatalf("dial: %v", err)
	}
	if !strings.Contains(err.Error(), "belongs to another mesh") || !strings.Contains(err.Error(), b.addr()) {
		t.Errorf("message: %v", err)
	}
	want := fmt.Sprintf("belongs to another mesh (pin %s, ours %s)", a.trust.pin, b.trust.pin)
	b.await("the reason is logged", func() bool { return strings.Contains(b.log.String(), want) })
	if len(a.Members())+len(b.Members()) > 0 {
		t.Error("they meshed")
	}
}

func TestAnotherContextIsRefusedWithAReasonOnBothSides(t *testing.T) {
	a := start(t, "a", nil)
	b := start(t, "b", func(c *Config) { c.Context = "lab"; c.Key = OpenKey(t.Name()) })
	a.cfg.Key = b.cfg.Key
	err := a.Dial(soon(t), b.addr())
	if !errors.Is(err, wire.ErrContext) || !strings.Contains(err.Error(), `"lab"`) {
		t.Fatalf("dial: %v", err)
	}
	b.await("the reason is logged", func() bool { return strings.Contains(b.log.String(), wire.ErrContext.Error()) })
	if len(a.Members())+len(b.Members()) > 0 {
		t.Error("they meshed")
	}
}

func TestFewLinksReachAllOverHops(t *testing.T) {
	nodes := meshed(t, 6, 2)
	for _, n := range nodes {
		replies := 0
		for r := range n.Call(soon(t), ids(nodes...), "echo", []byte("hi")) {
			if want := fmt.Sprintf("%s to %s: hi", n.Self().Name, r.From.Name); r.Err != nil || string(r.Body) != want {
				t.Errorf("%s: %v %q, not %q", r.From.Name, r.Err, r.Body, want)
			}
			replies++
		}
		if replies != len(nodes) {
			t.Errorf("%d replies of %d", replies, len(nodes))
		}
	}
}

// chain starts nodes in a row, each linked to the next only.
func chain(t *testing.T, count int) []*testNode {
	t.Helper()
	var nodes []*testNode
	for i := range count {
		nodes = append(nodes, start(t, fmt.Sprintf("kn%d", i+1), func(c *Config) { c.Degree = 0 }))
		if i > 0 {
			if err := nodes[i].Dial(soon(t), nodes[i-1].addr()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range nodes {
		n.sees(count - 1)
	}
	return nodes
}

func TestACallCrossesAChain(t *testing.T) {
	nodes := chain(t, 4)
	for r := range nodes[0].Call(soon(t), ids(nodes[3]), "echo", []byte("far")) {
		if r.Err != nil || string(r.Body) != "kn1 to kn4: far" {
			t.Errorf("%q, %v", r.Body, r.Err)
		}
	}
}

func TestAKilledNodeIsGoneSoonAndDelaysNobody(t *testing.T) {
	nodes := meshed(t, 5, 4)
	dead, rest := nodes[4], nodes[:4]
	dead.nets.freeze()
	began := time.Now()
	var lost error
	quick := 0
	for r := range rest[0].Call(soon(t), ids(nodes[1:]...), "echo", nil) {
		if r.From.ID == dead.Self().ID {
			lost = r.Err
			continue
		}
		if r.Err != nil {
			t.Errorf("%s: %v", r.From.Name, r.Err)
		}
		if lost == nil {
			quick++
		}
	}
	if quick != 3 {
		t.Errorf("%d of 3 answered before the dead node was given up", quick)
	}
	if !errors.Is(lost, wire.ErrUnreachable) {
		t.Errorf("dead node: %v", lost)
	}
	for _, n := range rest {
		n.sees(3)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v with a limit of %v", took, fast().Dead)
	}
}

func TestALeavingNodeIsGoneAtOnce(t *testing.T) {
	nodes := meshed(t, 3, 4)
	nodes[2].stop()
	nodes[0].sees(1)
	nodes[1].sees(1)
	if n := nodes[0].Status().Peers; n != 1 {
		t.Errorf("%d peers", n)
	}
}

func TestALostRelayDoesNotLoseTheCall(t *testing.T) {
	a, b, c, d := start(t, "a", nil), start(t, "b", nil), start(t, "c", nil), start(t, "d", nil)
	all := []*testNode{a, b, c, d}
	for _, n := range all {
		n.SetDegree(0)
	}
	ran := make(chan struct{}, 8)
	release := make(chan struct{})
	d.add("slow", func(ctx context.Context, _ wire.Member, _ []byte) ([]byte, error) {
		ran <- struct{}{}
		<-release
		return []byte("done"), nil
	})
	for _, link := range [][2]*testNode{{a, b}, {a, c}, {b, d}, {c, d}} {
		if err := link[0].Dial(soon(t), link[1].addr()); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range all {
		n.sees(3)
	}
	relay, other := b, c
	if a.nextHop(d.Self().ID).peer == c.Self().ID {
		relay, other = c, b
	}
	replies := make(chan wire.Reply, 1)
	go func() {
		for r := range a.Call(soon(t), ids(d), "slow", nil) {
			replies <- r
		}
	}()
	<-ran
	relay.nets.freeze()
	close(release)
	if r := <-replies; r.Err != nil || string(r.Body) != "done" {
		t.Errorf("over %s instead of %s: %q, %v", other.cfg.Name, relay.cfg.Name, r.Body, r.Err)
	}
	if len(ran) > 0 {
		t.Error("the handler ran twice")
	}
}

func TestTwoNodesOfOneNameAreToldApart(t *testing.T) {
	a, b, c := start(t, "kn1", nil), start(t, "kn1", nil), start(t, "kn2", nil)
	introduce(a, b, c)
	for _, n := range []*testNode{a, b, c} {
		n.sees(2)
	}
	labelA := wire.NodeName("kn1~" + a.Self().ID.Short())
	labelB := wire.NodeName("kn1~" + b.Self().ID.Short())
	if a.Self().Name != labelA || b.Self().Name != labelB {
		t.Errorf("they call themselves %s and %s", a.Self().Name, b.Self().Name)
	}
	var ambiguous *AmbiguousError
	if _, err := c.Lookup("kn1"); !errors.As(err, &ambiguous) || len(ambiguous.Forms) != 2 {
		t.Errorf("lookup: %v", err)
	}
	if found, err := c.Lookup(string(labelB)); err != nil || found.ID != b.Self().ID {
		t.Errorf("lookup: %v, %v", found, err)
	}
	if found, err := c.Lookup("kn9"); !errors.Is(err, wire.ErrUnreachable) {
		t.Errorf("lookup: %v, %v", found, err)
	}
	b.stop()
	a.await("its plain name again", func() bool { return a.Self().Name == "kn1" })
}

func TestJoinIsRepeatedUntilItWorks(t *testing.T) {
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := reserved.Addr().String()
	port := reserved.Addr().(*net.TCPAddr).Port
	reserved.Close()
	a := start(t, "a", func(c *Config) { c.Join = []string{addr}; c.Degree = 0 })
	a.await("a dial has failed", func() bool { return strings.Contains(a.log.String(), "dial failed") })
	start(t, "b", func(c *Config) { c.Port = port })
	a.sees(1)
}

func TestAPortInUseSaysWhatToType(t *testing.T) {
	a := start(t, "a", nil)
	b, err := New(Config{Name: "b", Port: a.Port()})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Listen(); err == nil || !strings.Contains(err.Error(), "-port 0 takes a free one") {
		t.Errorf("listen: %v", err)
	}
}

func TestHangupLasts(t *testing.T) {
	a, b := start(t, "a", nil), start(t, "b", nil)
	introduce(a, b)
	a.sees(1)
	b.sees(1)
	if err := a.Hangup("b"); err != nil {
		t.Fatal(err)
	}
	a.sees(0)
	b.sees(0)
	if err := a.Hangup("b"); err == nil || !strings.HasPrefix(err.Error(), "no such client b") {
		t.Errorf("second hangup: %v", err)
	}
}

func TestSettleReturnsOnceTheMeshIsStill(t *testing.T) {
	first := make(chan struct{})
	a := start(t, "a", func(c *Config) { c.FirstRound = first })
	b := start(t, "b", nil)
	introduce(a, b)
	a.sees(1)
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Settle(short); !errors.Is(err, context.Canceled) {
		t.Errorf("before the first round: %v", err)
	}
	close(first)
	if err := a.Settle(soon(t)); err != nil {
		t.Error(err)
	}
	if err := a.Settle(short); err != nil {
		t.Errorf("later: %v", err)
	}
}

func TestSixteenNodesThatKnowOneMeetWithinThreeSeconds(t *testing.T) {
	var nodes []*testNode
	for i := range 16 {
		nodes = append(nodes, start(t, fmt.Sprintf("kn%d", i+1), func(c *Config) {
			c.tune.timing = defaultTuning().timing
			if i > 0 {
				c.Join = []string{nodes[0].addr()}
			}
		}))
	}
	began := time.Now()
	for _, n := range nodes {
		n.sees(15)
	}
	t.Logf("after %v", time.Since(began))
	replies := 0
	for r := range nodes[3].Call(soon(t), ids(nodes...), "echo", nil) {
		if r.Err != nil {
			t.Errorf("%s: %v", r.From.Name, r.Err)
		}
		replies++
	}
	if replies != 16 {
		t.Errorf("%d replies", replies)
	}
}

func TestHostsAreCompletedWithAPort(t *testing.T) {
	for in, want := range map[string]string{
		"kn1": "kn1:9001", "kn1:7": "kn1:7", "10.0.0.1": "10.0.0.1:9001",
		"::1": "[::1]:9001", "[::1]": "[::1]:9001", "[::1]:7": "[::1]:7", "fe80::1%eth0": "[fe80::1%eth0]:9001",
	} {
		if got := withPort(in, 9001); got != want {
			t.Errorf("%s: %s, not %s", in, got, want)
		}
	}
	if got := withPort("kn1", 0); got != "kn1:9000" {
		t.Errorf("default: %s", got)
	}
}

func TestDialTakesNamesAndIPv6(t *testing.T) {
	a, b := start(t, "a", nil), start(t, "b", nil)
	if probe, err := net.Listen("tcp", "[::1]:0"); err == nil {
		probe.Close()
		if err := a.Dial(soon(t), fmt.Sprintf("[::1]:%d", b.Port())); err != nil {
			t.Error(err)
		}
		a.sees(1)
		return
	}
	if err := a.Dial(soon(t), fmt.Sprintf("localhost:%d", b.Port())); err != nil {
		t.Error(err)
	}
}

func TestALongAnswerComesInPartsAndWhole(t *testing.T) {
	nodes := chain(t, 3)
	long := make([]byte, 5<<20+1)
	for i := range long {
		long[i] = byte(i * i >> 8)
	}
	nodes[2].add("long", func(context.Context, wire.Member, []byte) ([]byte, error) { return long, nil })
	nodes[2].add("fail", func(context.Context, wire.Member, []byte) ([]byte, error) {
		return nil, fmt.Errorf("no x here: %w", wire.ErrNotFound)
	})
	for r := range nodes[0].Call(soon(t), ids(nodes[2]), "long", nil) {
		if r.Err != nil || !bytes.Equal(r.Body, long) {
			t.Errorf("%d bytes, %v", len(r.Body), r.Err)
		}
	}
	for r := range nodes[0].Call(soon(t), ids(nodes[2]), "fail", nil) {
		if !errors.Is(r.Err, wire.ErrNotFound) || r.Err.Error() != "no x here: file not found" {
			t.Errorf("failure: %v", r.Err)
		}
	}
	for r := range nodes[0].Call(soon(t), ids(nodes[1]), "nothing", nil) {
		if !errors.Is(r.Err, wire.ErrUnknownMethod) {
			t.Errorf("unknown method: %v", r.Err)
		}
	}
}

func TestAHandlerEndsWithItsCaller(t *testing.T) {
	nodes := chain(t, 3)
	ended := make(chan error, 3)
	began := make(chan struct{}, 3)
	nodes[2].add("wait", func(ctx context.Context, _ wire.Member, _ []byte) ([]byte, error) {
		began <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	for r := range nodes[0].Call(ctx, ids(nodes[2]), "wait", nil) {
		if !errors.Is(r.Err, context.Canceled) {
			t.Errorf("reply: %v", r.Err)
		}
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	short, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	for r := range nodes[0].Call(short, ids(nodes[2]), "wait", nil) {
		if !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Errorf("late: %v", r.Err)
		}
	}
	<-ended
}
