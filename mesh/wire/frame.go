package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits of a frame's payload, in bytes.
const (
	MaxHelloFrame   = 4 << 10
	MaxControlFrame = 1 << 20
	MaxDataFrame    = MaxChunkSize + 64<<10
)

// HeaderSize is the length of a frame's header, in bytes.
const HeaderSize = 5

// Type tells what a frame's payload is.
type Type uint8

// Frame types; doc.go has the table. Numbers are never used again.
const (
	TypeHello       Type = 1
	TypeReject      Type = 2
	TypePing        Type = 3
	TypePong        Type = 4
	TypeLinkStates  Type = 5
	TypeSummary     Type = 6
	TypeCall        Type = 7
	TypeAnswer      Type = 8
	TypeCancel      Type = 9
	TypeLeave       Type = 10
	TypeStream      Type = 32
	TypeStreamReady Type = 33
	TypeOpen        Type = 48
	TypeHead        Type = 49
	TypeHashes      Type = 50
	TypeHave        Type = 51
	TypeDeal        Type = 52
	TypeRequest     Type = 53
	TypeWithdraw    Type = 54
	TypeChunk       Type = 55
	TypeRefuse      Type = 56
	TypeClose       Type = 57
	TypeAlive       Type = 58
)

// ErrTooLarge reports a length over its limit.
var ErrTooLarge = errors.New("over the limit")

// A Reader reads frames. It reads no byte beyond the frame that it returns, so
// the connection can be handed on between two frames. It is not safe for
// concurrent use.
type Reader struct {
	r      io.Reader
	limit  int    // largest payload accepted, in bytes
	offset int64  // bytes consumed so far
	buf    []byte // the last payload; grown, never shrunk
	head   [HeaderSize]byte
}

// NewReader returns a Reader of frames of at most limit bytes of payload.
func NewReader(r io.Reader, limit int) *Reader { return &Reader{r: r, limit: limit} }

// SetLimit changes the largest payload that is accepted from now on.
func (r *Reader) SetLimit(limit int) { r.limit = limit }

// Offset returns how many bytes have been consumed.
func (r *Reader) Offset() int64 { return r.offset }

// Next blocks until a whole frame has come and returns it. The payload is
// r's own and valid until the next call. At the end of the stream between two
// frames the error is io.EOF, inside one io.ErrUnexpectedEOF; a frame over the
// limit is a *[DecodeError] that wraps [ErrTooLarge].
func (r *Reader) Next() (Type, []byte, error) { return r.NextInto(r.own) }

// own returns r's own buffer, grown to size.
func (r *Reader) own(_ Type, size int) []byte {
	if cap(r.buf) < size {
		r.buf = make([]byte, size)
	}
	return r.buf[:size]
}

// NextInto is Next, but reads the payload into what buffer(type, size) returns,
// which must have the length size and stays the caller's. It is called once the
// size is known to be within the limit.
func (r *Reader) NextInto(buffer func(t Type, size int) []byte) (Type, []byte, error) {
	n, err := io.ReadFull(r.r, r.head[:])
	if err != nil {
		r.offset += int64(n)
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(r.head[:4])
	if uint64(size) > uint64(r.limit) {
		err := fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, r.limit)
		return 0, nil, &DecodeError{r.offset, "frame", err}
	}
	payload := buffer(Type(r.head[4]), int(size))
	n, err = io.ReadFull(r.r, payload)
	r.offset += int64(HeaderSize + n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return Type(r.head[4]), payload, err
}

// AppendHeader appends the header of a frame whose payload has size bytes.
func AppendHeader(b []byte, t Type, size int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	return append(b, byte(t))
}

// AppendFrame appends a whole frame with the CBOR encoding of payload, or with
// no payload where it is nil. It fails only on a type that CBOR cannot carry.
func AppendFrame(b []byte, t Type, payload any) ([]byte, error) {
	if payload == nil {
		return AppendHeader(b, t, 0), nil
	}
	body, err := Marshal(payload)
	if err != nil {
		return b, fmt.Errorf("frame %d: %w", t, err)
	}
	return append(AppendHeader(b, t, len(body)), body...), nil
}
