package transfer

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"minimega/mesh/wire"
)

// answer serves a stream on which a client asks questions of one type, one after
// another, each within patience of the answer to the last. It ends with the
// stream, with ctx or the engine, or when reply fails; other frames are passed
// over.
func (e *Engine) answer(ctx context.Context, from wire.Member, conn net.Conn, question wire.Type, patience time.Duration, reply func(ctx context.Context, question []byte) error) {
	if !e.enter() {
		return
	}
	defer e.tasks.Done()
	ctx, cancel := e.joinContext(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	frames := wire.NewReader(conn, wire.MaxDataFrame)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return
		}
		t, payload, err := frames.Next()
		if err == nil && t == question {
			err = reply(ctx, payload)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				e.log.Debug("no more answers", "node", from.Name, "questions", question, "err", err)
			}
			return
		}
	}
}
