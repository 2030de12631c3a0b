package transfer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// batchPatience is how long a client of the batch service may be silent: it may
// publish slowly.
const batchPatience = time.Minute

// serveBatch is the handler of the batch service.
func (e *Engine) serveBatch(ctx context.Context, from wire.Member, conn net.Conn) {
	to := &batchWriter{e: e, conn: conn, pack: e.newPacker(wire.Zstd), below: &valve{raw: socketOf(conn)}}
	e.answer(ctx, from, conn, wire.TypeWanted, batchPatience, func(ctx context.Context, question []byte) error {
		var w wire.Wanted
		if err := wire.Unmarshal(question, &w); err != nil {
			return err
		}
		return to.sendBatch(ctx, w)
	})
}

// A batchWriter is the sending side of one batch connection.
type batchWriter struct {
	e     *Engine
	conn  net.Conn
	pack  *packer
	below *valve // tells what the kernel holds; it bounds nothing
	pace  pacer
}

// sendBatch answers one Wanted.
func (to *batchWriter) sendBatch(ctx context.Context, w wire.Wanted) error {
	if len(w.Files) > wire.MaxWanted {
		return fmt.Errorf("wanted: %w: %d files", wire.ErrTooLarge, len(w.Files))
	}
	var b wire.Bundle
	size := 0
	for i, want := range w.Files {
		small := to.e.readWanted(want)
		small.Index = uint32(i)
		b.Files = append(b.Files, small)
		size += len(small.Data) + 128
		if size < bundleSize && i < len(w.Files)-1 {
			continue
		}
		if err := to.sendBundle(ctx, b); err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		b.Files, size = b.Files[:0], 0
	}
	return nil
}

func (to *batchWriter) sendBundle(ctx context.Context, b wire.Bundle) error {
	body, err := wire.Marshal(b)
	if err != nil {
		return err
	}
	enc, data := to.pack.pack(body, make([]byte, 0, len(body)/2))
	frame := wire.AppendHeader(make([]byte, 0, wire.HeaderSize+1+len(data)), wire.TypeBundle, 1+len(data))
	frame = append(append(frame, byte(enc)), data...)
	start := time.Now()
	err = to.e.up.send(ctx, &to.pace, to.conn, nil, frame)
	to.pack.wrote(shown{bytes: len(frame), took: time.Since(start), held: to.below.held()})
	return err
}

// readWanted reads one small file.
func (e *Engine) readWanted(want wire.WantedFile) wire.Small {
	data, meta, err := e.readSmall(want)
	if err != nil {
		return wire.Small{Code: wire.CodeOf(err), Text: err.Error()}
	}
	return wire.Small{Meta: meta, Data: data}
}

func (e *Engine) readSmall(want wire.WantedFile) ([]byte, wire.Meta, error) {
	name, err := wire.ParseFileName(string(want.Name))
	if err != nil {
		return nil, wire.Meta{}, err
	}
	src, err := e.cfg.Store.Source(name)
	if err != nil {
		return nil, wire.Meta{}, err
	}
	defer src.Close()
	meta := src.Meta()
	if meta.Size > wire.MaxSmall {
		return nil, meta, fmt.Errorf("%s: %w", name, wire.ErrChanged)
	}
	var data []byte
	if meta.Size > 0 {
		// One chunk of unknown hash: reading it tells whether the file changed.
		m := &store.Manifest{Size: meta.Size, ChunkSize: wire.MinChunkSize, Hashes: make([]byte, wire.HashSize)}
		if data, err = src.ReadChunk(0, m, nil); err != nil {
			return nil, meta, err
		}
	}
	if !want.Version.IsZero() && manifestOf(data).Version() != want.Version {
		return nil, meta, fmt.Errorf("%s: %w", name, wire.ErrChanged)
	}
	return data, meta, nil
}
