package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"minimega/mesh/discovery"
	"minimega/mesh/topology"
	"minimega/mesh/wire"
)

// Config is what a [Node] is made of.
type Config struct {
	Name    wire.NodeName // a label; need not be unique
	Context string        // meshes of one key are kept apart by it
	Degree  int           // links to keep at least; 0 is passive: it waits to be dialled
	Port    int           // TCP; 0 takes a free one
	Key     Key
	Open    bool     // Key came from OpenKey: say so in Status
	Join    []string // HOST[:PORT], dialled again until they are members

	// Hints finds nodes and reports them until ctx ends; nil finds none.
	Hints func(ctx context.Context, self discovery.Announcement, found func(discovery.Hint)) error
	// Reached is told of each new direct peer and where it was reached; it must not block. May be nil.
	Reached func(discovery.Hint)
	// FirstRound is closed when Hints has asked everywhere once; nil means that it has.
	FirstRound <-chan struct{}

	Log *slog.Logger // nil discards

	tune *tuning // nil: as in production
}

// tuning is what tests change.
type tuning struct {
	timing topology.Timing
	wrap   func(net.Conn) net.Conn // around each TCP connection
	addrs  func() []string         // what the node says of itself
	direct time.Duration           // how long a stream tries to go directly
}

func defaultTuning() *tuning {
	return &tuning{
		timing: topology.DefaultTiming(),
		wrap:   func(c net.Conn) net.Conn { return c },
		addrs:  localAddrs,
		direct: 3 * time.Second,
	}
}

// Node is one process's part in the mesh. All methods may be called from
// several goroutines at once.
type Node struct {
	cfg      Config
	log      *slog.Logger
	trust    *trust
	tasks    *tasks
	methods  map[string]wire.Handler       // fixed once Run is called
	services map[string]wire.StreamHandler // fixed once Run is called
	gate     *gate
	scolded  complaints
	calls    *calls
	served   *served
	detours  *detours
	wake     chan struct{} // capacity 1: the clock should look again
	review   chan struct{} // capacity 1: calls under way may be lost
	settled  atomic.Bool
	view     atomic.Pointer[view]

	mu       sync.Mutex // guards what follows; held for no longer than a computation takes
	listener net.Listener
	topo     *topology.Machine
	links    map[topology.LinkID]*link
	lastLink topology.LinkID
	changed  chan struct{} // closed at the next change of the members
	began    time.Time     // when Run did; zero before
	calm     time.Time     // of the last change of the members; began before any
}

// New returns a node that has a fresh identity and does nothing yet.
func New(cfg Config) (*Node, error) {
	if _, err := wire.ParseNodeName(string(cfg.Name)); err != nil {
		return nil, err
	}
	if len(cfg.Context) > wire.MaxContext {
		return nil, fmt.Errorf("context: must be at most %d bytes, but is %d", wire.MaxContext, len(cfg.Context))
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.tune == nil {
		cfg.tune = defaultTuning()
	}
	identity, err := newTrust(cfg.Key)
	if err != nil {
		return nil, err
	}
	n := &Node{
		cfg:      cfg,
		log:      cfg.Log,
		trust:    identity,
		tasks:    newTasks(),
		methods:  make(map[string]wire.Handler),
		services: make(map[string]wire.StreamHandler),
		gate:     newGate(),
		calls:    newCalls(),
		served:   newServed(),
		detours:  newDetours(),
		wake:     make(chan struct{}, 1),
		review:   make(chan struct{}, 1),
		links:    make(map[topology.LinkID]*link),
		changed:  make(chan struct{}),
	}
	n.topo = topology.New(topology.Config{
		Self:   wire.LinkState{ID: identity.id, Name: cfg.Name},
		Degree: cfg.Degree,
		Timing: cfg.tune.timing,
		Seed:   rand.Uint64(),
	}, time.Now())
	n.view.Store(newView(n.topo))
	return n, nil
}

// Handle has calls of method answered by h. It must not be called after Run.
func (n *Node) Handle(method string, h wire.Handler) { n.methods[method] = h }

// HandleStream has streams for service served by h. It must not be called after Run.
func (n *Node) HandleStream(service string, h wire.StreamHandler) { n.services[service] = h }

// Listen binds the node's port on all addresses; Run does it where nobody did
// before. A port that is taken is an error that says what to type.
func (n *Node) Listen() error {
	listen := net.ListenConfig{Control: unpaced}
	listener, err := listen.Listen(context.Background(), "tcp", fmt.Sprintf(":%d", n.cfg.Port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is in use: another minimega may run here: -port 0 takes a free one (%w)", n.cfg.Port, err)
	}
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listener = listener
	n.topo.SetPort(time.Now(), uint16(listener.Addr().(*net.TCPAddr).Port))
	n.topo.SetAddrs(time.Now(), n.cfg.tune.addrs())
	return nil
}

// Run serves until ctx ends, then says goodbye and waits for all it started.
// It may be called once.
func (n *Node) Run(ctx context.Context) error {
	if n.Port() == 0 {
		if err := n.Listen(); err != nil {
			return err
		}
	}
	n.mu.Lock()
	listener := n.listener
	n.began = time.Now()
	n.calm = n.began
	n.mu.Unlock()
	if n.cfg.Open {
		n.log.Error("this mesh is open: anybody on the network may join it and run commands here", "context", n.cfg.Context)
	}
	n.tasks.start(func(ctx context.Context) { n.accept(ctx, listener) })
	n.tasks.start(n.clock)
	n.tasks.start(n.watchCalls)
	n.tasks.start(n.watchAddrs)
	n.tasks.start(n.findHints)
	n.joinNamed()
	<-ctx.Done()
	listener.Close()
	n.leave()
	n.tasks.stop()
	return nil
}

// leave tells the mesh that we go, and gives that a moment to get out.
func (n *Node) leave() {
	n.step(func(m *topology.Machine, _ time.Time) { m.Leave() })
	n.mu.Lock()
	links := n.links
	n.links = make(map[topology.LinkID]*link)
	n.mu.Unlock()
	for _, l := range links {
		l.finish()
	}
	for _, l := range links {
		<-l.done
	}
}

// joinNamed starts to dial who the user named.
func (n *Node) joinNamed() {
	for _, host := range n.cfg.Join {
		addr := withPort(host, n.cfg.Port)
		n.step(func(m *topology.Machine, now time.Time) {
			m.Join(now, topology.Target{Key: "join " + addr, Addrs: []string{addr}})
		})
	}
}

// findHints runs discovery.
func (n *Node) findHints(ctx context.Context) {
	if n.cfg.Hints == nil {
		return
	}
	self := discovery.Announcement{
		ID: n.trust.id, Name: n.cfg.Name, Context: n.cfg.Context,
		Tag: n.cfg.Key.tag(n.cfg.Context), Port: n.Port(),
	}
	if err := n.cfg.Hints(ctx, self, n.hint); err != nil && ctx.Err() == nil {
		n.log.Warn("nodes are not looked for any more", "err", err)
	}
}

// hint hands what discovery found to the topology.
func (n *Node) hint(h discovery.Hint) {
	t := topology.Target{ID: h.ID, Name: h.Name, Key: h.ID.String()}
	for _, addr := range h.Addrs[:min(len(h.Addrs), wire.MaxAddrs)] {
		t.Addrs = append(t.Addrs, addr.String())
	}
	if h.ID.IsZero() && len(t.Addrs) > 0 {
		t.Key = "addr " + t.Addrs[0]
	}
	n.step(func(m *topology.Machine, now time.Time) { m.Hint(now, t) })
}

// Port returns the TCP port that the node listens on; 0 before Listen.
func (n *Node) Port() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return int(n.topo.Self().Port)
}

// tasks owns goroutines until it is stopped.
type tasks struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex // guards what follows
	stopped bool
	running sync.WaitGroup
}

func newTasks() *tasks {
	ctx, cancel := context.WithCancel(context.Background())
	return &tasks{ctx: ctx, cancel: cancel}
}

// start runs f on a goroutine unless t is stopped, and reports whether it does.
func (t *tasks) start(f func(ctx context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return false
	}
	t.running.Go(func() { f(t.ctx) })
	return true
}

// stop ends the context and waits for all.
func (t *tasks) stop() {
	t.mu.Lock()
	t.stopped = true
	t.mu.Unlock()
	t.cancel()
	t.running.Wait()
}
