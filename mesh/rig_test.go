package mesh

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"minimega/mesh/discovery"
	"minimega/mesh/topology"
	"minimega/mesh/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; none waits for luck.
const patience = time.Minute

// fast is a timing in which a dead node is noticed within 800 ms.
func fast() topology.Timing {
	t := topology.DefaultTiming()
	t.Ping, t.Suspect, t.Dead = 200*time.Millisecond, 400*time.Millisecond, 800*time.Millisecond
	t.Grace, t.BackoffMin, t.BackoffMax = 50*time.Millisecond, 50*time.Millisecond, 500*time.Millisecond
	return t
}

// testNode is a node that runs on loopback until the test ends.
type testNode struct {
	*Node
	t    testing.TB
	log  *logBuffer
	nets *network
	stop func() // leaves in good order and waits
}

// logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs a node; change may be nil.
func start(t testing.TB, name string, change func(*Config)) *testNode {
	t.Helper()
	n := &testNode{t: t, log: &logBuffer{}, nets: newNetwork()}
	tune := defaultTuning()
	tune.timing = fast()
	tune.wrap = n.nets.wrap
	tune.addrs = func() []string { return []string{"127.0.0.1"} }
	tune.direct = time.Second
	cfg := Config{
		Name: wire.NodeName(name), Context: "test", Degree: 4, Key: OpenKey(t.Name()),
		Log:  slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		tune: tune,
	}
	if change != nil {
		change(&cfg)
	}
	node, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.Node = node
	n.Handle("echo", func(_ context.Context, from wire.Member, body []byte) ([]byte, error) {
		return fmt.Appendf(nil, "%s to %s: %s", from.Name, node.Self().Name, body), nil
	})
	n.HandleStream("echo", func(_ context.Context, from wire.Member, conn net.Conn) { copyBack(conn) })
	if err := n.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	n.stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(func() {
		n.stop()
		if t.Failed() && os.Getenv("MESH_LOG") != "" {
			t.Logf("log of %s:\n%s", name, n.log)
		}
	})
	return n
}

// add has calls answered by h although the node runs already: nobody asks yet.
func (n *testNode) add(method string, h wire.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Handle(method, h)
}

func copyBack(conn net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (n *testNode) addr() string { return fmt.Sprintf("127.0.0.1:%d", n.Port()) }

// hintAt returns what discovery would say about n.
func (n *testNode) hintAt() discovery.Hint {
	return discovery.Hint{ID: n.Self().ID, Name: n.cfg.Name, Addrs: []netip.AddrPort{netip.MustParseAddrPort(n.addr())}, Source: "test"}
}

// introduce tells each node of all others.
func introduce(nodes ...*testNode) {
	for _, a := range nodes {
		for _, b := range nodes {
			if a != b {
				a.hint(b.hintAt())
			}
		}
	}
}

// await waits until ok holds; it looks again whenever n's members change, and
// now and then.
func (n *testNode) await(what string, ok func() bool) {
	n.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		changed := n.Changed()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-time.After(5 * time.Millisecond):
		case <-deadline.C:
			n.t.Fatalf("%s: not true within %v: %s (links %v)\n%s", n.cfg.Name, patience, what, n.Links(), n.log)
		}
	}
}

// sees waits until n has exactly this many members.
func (n *testNode) sees(count int) {
	n.t.Helper()
	n.await(fmt.Sprintf("%d members", count), func() bool { return len(n.Members()) == count })
}

// meshed starts nodes that all see each other.
func meshed(t *testing.T, count, degree int) []*testNode {
	t.Helper()
	nodes := make([]*testNode, count)
	for i := range nodes {
		nodes[i] = start(t, fmt.Sprintf("kn%d", i+1), func(c *Config) { c.Degree = degree })
	}
	introduce(nodes...)
	for _, n := range nodes {
		n.sees(count - 1)
	}
	return nodes
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func ids(nodes ...*testNode) []wire.NodeID {
	var all []wire.NodeID
	for _, n := range nodes {
		all = append(all, n.Self().ID)
	}
	return all
}

// network stands between a node and its TCP connections: once frozen, nothing
// that is written leaves and nothing arrives, as if the cable were pulled.
type network struct {
	frozen chan struct{}
}

func newNetwork() *network { return &network{frozen: make(chan struct{})} }

func (n *network) freeze() { close(n.frozen) }

func (n *network) wrap(c net.Conn) net.Conn {
	return &cable{Conn: c, net: n, closed: make(chan struct{})}
}

// cable is one connection of a network.
type cable struct {
	net.Conn
	net    *network
	once   sync.Once
	closed chan struct{}
	limit  atomic.Int64 // read deadline in Unix ns; 0 is none
}

func (c *cable) cut() bool {
	select {
	case <-c.net.frozen:
		return true
	default:
		return false
	}
}

func (c *cable) Write(p []byte) (int, error) {
	if c.cut() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Read returns nothing more once the cable is cut, but heeds its deadline.
func (c *cable) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if !c.cut() {
			return n, err
		}
		select {
		case <-c.closed:
			return 0, net.ErrClosed
		default:
		}
		if isTimeout(err) {
			return 0, err
		}
		if err != nil {
			return 0, c.wait()
		}
	}
}

// wait blocks until the cable is closed or its deadline has come, as when the
// far end says nothing.
func (c *cable) wait() error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-c.closed:
			return net.ErrClosed
		case <-ticker.C:
		}
		if limit := c.limit.Load(); limit != 0 && time.Now().UnixNano() >= limit {
			return os.ErrDeadlineExceeded
		}
	}
}

func (c *cable) SetDeadline(t time.Time) error {
	c.note(t)
	return c.Conn.SetDeadline(t)
}

func (c *cable) SetReadDeadline(t time.Time) error {
	c.note(t)
	return c.Conn.SetReadDeadline(t)
}

func (c *cable) note(t time.Time) {
	if t.IsZero() {
		c.limit.Store(0)
	} else {
		c.limit.Store(t.UnixNano())
	}
}

// Close of a cut cable tells the other end nothing.
func (c *cable) Close() error {
	c.once.Do(func() { close(c.closed) })
	if c.cut() {
		return c.Conn.SetDeadline(time.Unix(1, 0))
	}
	return c.Conn.Close()
}
