package mesh

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net"

	"minimega/mesh/discovery"
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
	// Reached is told of each member and where it was reached; it must not block. May be nil.
	Reached func(discovery.Hint)
	// FirstRound is closed when Hints has asked everywhere once; nil means that it has.
	FirstRound <-chan struct{}

	Log *slog.Logger // nil discards
}

// Node is one process's part in the mesh. All methods may be called from
// several goroutines at once.
type Node struct {
	cfg   Config
	log   *slog.Logger
	trust *trust
}

// New returns a node that has a fresh identity and does nothing yet.
func New(cfg Config) (*Node, error) { return nil, errors.ErrUnsupported }

// Listen binds the node's port; Run does it where nobody did before.
func (n *Node) Listen() error { return errors.ErrUnsupported }

// Run serves until ctx ends, then says goodbye and waits for all it started.
func (n *Node) Run(ctx context.Context) error { return errors.ErrUnsupported }

// Port returns the TCP port that the node listens on; 0 before Listen.
func (n *Node) Port() int { return 0 }

// Self returns this node.
func (n *Node) Self() wire.Member { return wire.Member{} }

// Handle has calls of method answered by h. It must not be called after Run.
func (n *Node) Handle(method string, h wire.Handler) {}

// HandleStream has streams for service served by h. It must not be called after Run.
func (n *Node) HandleStream(service string, h wire.StreamHandler) {}

// Call asks each node in to and yields one reply a node as they come.
func (n *Node) Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply] {
	return func(func(wire.Reply) bool) {}
}

// OpenStream connects to a service of the node to.
func (n *Node) OpenStream(ctx context.Context, to wire.NodeID, service string) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

// Members returns who can be reached, without this node, sorted by name.
func (n *Node) Members() []wire.Member { return nil }

// Changed returns a channel that is closed at the next change of the members.
func (n *Node) Changed() <-chan struct{} { return nil }

// Settle blocks until the mesh has had time to form after the start.
func (n *Node) Settle(ctx context.Context) error { return nil }

// Dial links to host, HOST[:PORT], and returns when the link is up.
func (n *Node) Dial(ctx context.Context, host string) error { return errors.ErrUnsupported }

// Hangup cuts the direct link to a node.
func (n *Node) Hangup(name string) error { return errors.ErrUnsupported }

// Degree returns how many links the node tries to keep.
func (n *Node) Degree() int { return 0 }

// SetDegree changes how many links the node tries to keep.
func (n *Node) SetDegree(degree int) {}

// Status is what `mesh status` shows.
type Status struct {
	Size    int // nodes of the mesh, this one included
	Degree  int // links wanted
	Peers   int // direct links
	Context string
	Port    int
	Open    bool // anybody may join
}

// Status returns the node's present state.
func (n *Node) Status() Status { return Status{} }

// Adjacency is one node and those that it has direct links to.
type Adjacency struct {
	Node  wire.NodeName
	Peers []wire.NodeName // sorted
}

// Links returns the mesh as this node sees it, itself included, sorted by name.
func (n *Node) Links() []Adjacency { return nil }

// Lookup returns the nodes of these names.
func (n *Node) Lookup(names []string) ([]wire.Member, error) { return nil, nil }
