package wire

import (
	"context"
	"net"
)

// Member is a node of the mesh that can be reached, directly or over others.
type Member struct {
	ID   NodeID
	Name NodeName // as people see it: made unique (`kn1~2f9c`) where two share it
}

// Reply is what one node said to a call.
type Reply struct {
	From Member
	Body []byte // the receiver's to keep
	Err  error  // a *[RemoteError], [ErrUnreachable], or the context's
}

// Handler answers a call. It runs on a goroutine of its own; ctx ends when the
// caller gives up, leaves, or runs out of time. The body is the handler's to
// keep, the result is the mesh's.
type Handler = func(ctx context.Context, from Member, body []byte) ([]byte, error)

// StreamHandler serves one incoming stream and returns when it is done with
// conn, which the mesh then closes. It runs on a goroutine of its own.
type StreamHandler = func(ctx context.Context, from Member, conn net.Conn)
