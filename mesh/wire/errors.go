package wire

import (
	"context"
	"errors"
	"fmt"
)

// Failures that keep their class across the network: each has a [Code], and
// decoding that code gives the same sentinel.
var (
	ErrInternal      = errors.New("internal error")
	ErrNotFound      = errors.New("file not found")
	ErrChanged       = errors.New("source changed")
	ErrNotRegular    = errors.New("not a regular file")
	ErrUnknownMethod = errors.New("unknown method")
	ErrUnreachable   = errors.New("node not reachable")
	ErrContext       = errors.New("another context")
	ErrProtocol      = errors.New("another protocol version")
	ErrSelf          = errors.New("that is this node itself")
	ErrBusy          = errors.New("too busy")
	ErrDenied        = errors.New("not permitted")
	ErrDuplicate     = errors.New("already connected")
)

// Code is a failure's class on the wire. Codes are only ever appended.
type Code uint

// codes[c] is the sentinel of Code c; 0 is success.
var codes = [...]error{
	nil, ErrInternal, ErrNotFound, ErrChanged, ErrBadName, ErrNotRegular,
	ErrUnknownMethod, ErrUnreachable, ErrContext, ErrProtocol, ErrSelf, ErrBusy, ErrDenied, ErrDuplicate,
	context.DeadlineExceeded, context.Canceled,
}

// CodeOf returns the class of err: 0 for nil, that of ErrInternal for an error
// that wraps no sentinel of this package.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	for c, sentinel := range codes {
		if sentinel != nil && errors.Is(err, sentinel) {
			return Code(c)
		}
	}
	return 1
}

// RemoteError is a failure that another node reported. It wraps the sentinel
// of its code.
type RemoteError struct {
	Code Code
	Text string // the far side's whole message
}

// Error returns the far side's message.
func (e *RemoteError) Error() string { return e.Text }

// Unwrap returns the sentinel of e's code, [ErrInternal] for one that this
// version does not know.
func (e *RemoteError) Unwrap() error {
	if e.Code == 0 || int(e.Code) >= len(codes) {
		return ErrInternal
	}
	return codes[e.Code]
}

// DecodeError says which bytes of a connection were not acceptable.
type DecodeError struct {
	Offset int64  // of the frame, from the start of the connection
	What   string // the frame or field
	Err    error
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("bad %s at byte %d: %v", e.What, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }
