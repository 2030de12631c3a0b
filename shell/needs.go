package shell

import (
	"context"
	"iter"

	"minimega/mesh"
	"minimega/mesh/wire"
	"minimega/transfer"
	"minimega/transfer/store"
)

// Mesh is what the shell needs of the mesh.
type Mesh interface {
	Membership
	Directory
	Caller
	Links
}

// Membership tells who can be reached.
type Membership interface {
	Self() wire.Member
	Members() []wire.Member           // without self, sorted by name
	Changed() <-chan struct{}         // closed at the next change of the members
	Settle(ctx context.Context) error // waits until discovery has had its first round
}

// Directory knows nodes by their names.
type Directory interface {
	Lookup(name string) (wire.Member, error) // its error says what to type
}

// Caller asks nodes; each target yields exactly one reply.
type Caller interface {
	Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply]
}

// Links are the connections between nodes.
type Links interface {
	Dial(ctx context.Context, host string) error
	Hangup(name string) error
	SetDegree(n int)
	Status() mesh.Status
	Links() []mesh.Adjacency // of self and all reachable nodes, sorted by name
}

// Files is what the shell needs of the transfer engine.
type Files interface {
	Fetcher
	Transfers
	Limiter
	Stream(ctx context.Context, name string, part func([]byte) error) error
	Delete(pattern string) error
}

// Fetcher brings files to this node.
type Fetcher interface {
	Get(ctx context.Context, pattern string, pick transfer.Pick) (Job, error)
}

// Transfers are what is on its way.
type Transfers interface {
	Status() []transfer.Status
	Ended() []transfer.Status       // those of the last hour
	Idle(ctx context.Context) error // waits until there are none
}

// Limiter bounds the rate of all transfers, in bytes a second; 0 is no limit.
type Limiter interface {
	Limit() int64
	SetLimit(n int64) error
}

// Job is one fetch.
type Job interface {
	Done() <-chan struct{}
	Err() error
	Progress() transfer.Progress
	Files() []wire.FileName
	Warnings() []string
	Begun() <-chan struct{} // what fails at once has failed by then
	Hurry()                 // somebody waits for it
	Follow()                // somebody tells the user of its failure
	Leave()                 // nobody does any more
}

// Store is the files directory.
type Store interface {
	List(path string, recursive bool) ([]store.Entry, error)
	Look(path string, recursive bool) (store.Listing, error)
	Path(name wire.FileName) string
	Dir() string
}

// Versions is what is known of the contents that nodes hold under a name, now.
type Versions interface {
	Known(name wire.FileName) (rows []transfer.Holding, soon bool)  // does not block; soon: a moment's wait may show more
	Ask(ctx context.Context, name wire.FileName) []transfer.Holding // blocks until all nodes have answered, or ctx ends
}

// Names is what is known of the files of the whole mesh, now.
type Names interface {
	Names(prefix string) []string                    // does not block
	Ask(ctx context.Context, prefix string) []string // blocks until all nodes have answered, or ctx ends
	Pending() bool                                   // a moment's wait may show more
	Total() int                                      // how many there are at least, where Names were not all
}
