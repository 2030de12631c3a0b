package transfer

import (
	"context"
	"iter"
	"log/slog"
	"net"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// Mesh is what the engine needs of the mesh.
type Mesh interface {
	Membership
	Caller
	Dialer
}

// Membership tells who can be reached.
type Membership interface {
	Self() wire.Member
	Members() []wire.Member   // without self
	Changed() <-chan struct{} // closed at the next change
}

// Caller asks nodes; each target yields exactly one reply.
type Caller interface {
	Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply]
}

// Dialer opens bulk streams.
type Dialer interface {
	OpenStream(ctx context.Context, to wire.NodeID, service string) (net.Conn, error)
}

// Config is what an [Engine] is made of.
type Config struct {
	Store  *store.Store
	Mesh   Mesh
	Log    *slog.Logger  // nil discards
	Memory int64         // bytes of chunks in memory; 0 is 256 MiB
	Head   wire.NodeName // whose version is taken where nodes differ and none is picked; "": nobody's
}

// Pick says which of several versions of a name is meant. The zero Pick takes
// the only one there is.
type Pick struct {
	Version string        // hex, or the beginning of it
	From    wire.NodeName // the version that this node holds
	Newest  bool          // the version that was modified last
}

// Progress is how far a [Job] has come.
type Progress struct {
	Name       string        // what was asked for
	BytesDone  int64         // verified and written, bytes
	BytesTotal int64         // of all files known so far, bytes
	FilesDone  int           // published
	FilesTotal int           // known so far
	Rate       float64       // bytes a second, over the last few seconds
	Peers      int           // nodes that chunks came from lately
	Left       time.Duration // at this rate; 0: unknown
	State      string        // "" while all is well, else why it waits: "no space …", "no source …"
}

// Status is one line of `file status`: a file that is being fetched, or was.
type Status struct {
	Name         wire.FileName
	Dir          string // its temporary directory; empty while queued
	Parts, Total int    // of 10 MiB, complete and in all
	Queued       bool   // not begun yet
	State        string // as in Progress

	Size, Done int64         // bytes, in all and verified and written
	Reused     int64         // of those Done, what was here before or found in other files here
	Rate       float64       // bytes of content a second: over the last few seconds, at its end over all
	Left       time.Duration // at this rate; 0: unknown
	Peers      int           // nodes that gave something lately, at its end at all
	Ratio      float64       // content to what travelled, of what came; 0: nothing came
	Version    wire.Version  // zero while it is unknown

	Ended time.Time     // zero while it is being fetched
	Took  time.Duration // from its turn to its end
	Err   error         // why it failed
}
