package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// streamAhead is how much of a stream is fetched ahead of its reader, in bytes.
const streamAhead = 32 << 20

// Stream hands over a file's content in order, in parts of wire.PartSize, from
// the store or from the mesh, keeping nothing. A part is part's only during the
// call; an error of part ends the stream and is returned.
func (e *Engine) Stream(ctx context.Context, name string, part func([]byte) error) error {
	items, _, err := e.resolve(ctx, name, Pick{})
	defer endInquiries(items)
	exactly := len(items) == 1 && string(items[0].name) == strings.Trim(name, "/")
	switch {
	case strings.ContainsAny(name, "*?[") && !exactly:
		return errors.New("cannot stream a glob")
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("stream %s: %w", name, ErrNotFound)
	case err != nil:
		return err
	case len(items) != 1 || items[0].kind != wire.KindFile:
		return fmt.Errorf("stream %s: %w", name, wire.ErrNotRegular)
	}
	it := items[0]
	if d := it.doubt; d != nil {
		if it, err = d.wait(ctx, e.cfg.Mesh.Self()); err != nil {
			return err
		}
	}
	switch {
	case it.name == "":
		return fmt.Errorf("stream %s: %w", name, ErrNotFound)
	case it.here:
		return e.streamLocal(ctx, it.name, part)
	}
	return e.streamRemote(ctx, it, part)
}

func (e *Engine) streamLocal(ctx context.Context, name wire.FileName, part func([]byte) error) error {
	src, err := e.cfg.Store.Source(name)
	if err != nil {
		return err
	}
	defer src.Close()
	buf := make([]byte, wire.PartSize)
	for off := int64(0); off < src.Meta().Size && ctx.Err() == nil; off += wire.PartSize {
		n := min(wire.PartSize, src.Meta().Size-off)
		if _, err := src.ReadAt(buf[:n], off); err != nil && err != io.EOF {
			return err
		}
		if err := part(buf[:n]); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// streamRemote fetches into a window of memory.
func (e *Engine) streamRemote(ctx context.Context, it item, part func([]byte) error) error {
	w := &window{news: make(chan struct{}, 1)}
	f := e.newFetch(it.name, it.version, it.meta)
	f.private = true
	f.jobs = 1
	f.makeSink = func(_ wire.FileName, _ wire.Meta, m *store.Manifest) (sink, error) {
		w.open(m)
		return w, nil
	}
	if err := e.runFetch(f, it.holders); err != nil {
		return err
	}
	defer func() { f.drop(false); <-f.done }()
	select {
	case <-f.ready:
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
	m := f.manifest
	ahead := max(1, streamAhead/int(m.ChunkSize))
	f.limit(ahead)
	buf := make([]byte, 0, wire.PartSize)
	for i := range m.Count() {
		data, err := w.take(ctx, f, i)
		if err != nil {
			return err
		}
		f.limit(i + 1 + ahead)
		if buf = append(buf, data...); len(buf) == wire.PartSize || i == m.Count()-1 {
			if err := part(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return nil
}

// limit makes only chunks below n wanted.
func (f *fetch) limit(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rx.Limit(min(n, f.manifest.Count()))
	f.planLocked()
}

// A window is a sink that keeps chunks until they are taken.
type window struct {
	news chan struct{} // one token when a chunk came

	mu     sync.Mutex
	m      *store.Manifest
	chunks map[int][]byte
	taken  int // chunks below it have been taken
}

func (w *window) open(m *store.Manifest) { w.m, w.chunks = m, map[int][]byte{} }

// take waits for chunk i and hands it over.
func (w *window) take(ctx context.Context, f *fetch, i int) ([]byte, error) {
	if w.m.Zero(i) {
		return make([]byte, w.m.Len(i)), nil
	}
	for {
		w.mu.Lock()
		data := w.chunks[i]
		if data != nil {
			delete(w.chunks, i)
			w.taken = i + 1
		}
		w.mu.Unlock()
		if data != nil {
			return data, nil
		}
		select {
		case <-w.news:
		case <-f.done:
			if f.err != nil {
				return nil, f.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Has reports whether chunk i came or need not come.
func (w *window) Has(i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return i < w.taken || w.chunks[i] != nil || w.m.Zero(i)
}

// WriteChunk keeps a copy of data.
func (w *window) WriteChunk(i int, data []byte) error {
	w.mu.Lock()
	if i >= w.taken {
		w.chunks[i] = append([]byte(nil), data...)
	}
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
	return nil
}

// What a window does not do: nobody is served from it, and nothing is kept.

func (w *window) ReadChunk(int, []byte) ([]byte, error)                   { return nil, wire.ErrNotFound }
func (w *window) ReadAt([]byte, int64) (int, error)                       { return 0, wire.ErrNotFound }
func (w *window) Reuse(context.Context, func(int)) (*store.Source, error) { return nil, nil }
func (w *window) Dir() string                                             { return "" }
func (w *window) Room() error                                             { return nil }
func (w *window) Sync() error                                             { return nil }
func (w *window) Publish() error                                          { return nil }
func (w *window) Close() error                                            { return nil }
func (w *window) Abandon() error                                          { return nil }
func (w *window) Hold(int) bool                                           { return false }
func (w *window) Settle() error                                           { return nil }
