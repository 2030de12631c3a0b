package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"github.com/zeebo/blake3"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

const (
	batchBytes = 8 << 20 // of content published together, about
	batchFiles = wire.MaxWanted
	bundleSize = 256 << 10 // bytes of content in one Bundle, about
)

// batches fetches small files, many with one question. What a holder does not
// give is asked of the next, until none is left.
func (j *Job) batches(items []item) {
	if err := j.e.small.acquire(j.ctx, j); err != nil {
		j.fail(ErrCanceled)
		return
	}
	defer j.e.small.release(j)
	last := map[wire.FileName]error{}
	for len(items) > 0 && j.ctx.Err() == nil {
		byHolder := map[wire.NodeID][]item{}
		members := map[wire.NodeID]wire.Member{}
		var left []item
		for _, it := range items {
			if len(it.holders) == 0 {
				j.orphan(it, last[it.name], &left)
				continue
			}
			h := it.holders[rand.IntN(len(it.holders))]
			members[h.ID] = h
			byHolder[h.ID] = append(byHolder[h.ID], it)
		}
		for id, its := range byHolder {
			left = append(left, j.from(members[id], its, last)...)
		}
		items = left
	}
	for _, it := range items {
		j.settled(it.name, fmt.Errorf("%s: %w", it.name, ErrCanceled))
	}
}

// orphan looks for new holders of a file; where nobody has it, it fails, and
// where some node cannot be asked, it waits.
func (j *Job) orphan(it item, last error, left *[]item) {
	holders, all := j.e.holders(j.ctx, it.name, it.version)
	refused := last != nil && (errors.Is(last, wire.ErrNotFound) || errors.Is(last, wire.ErrChanged) || errors.Is(last, errLiar))
	if len(holders) == 0 && all && refused {
		j.settled(it.name, last)
		return
	}
	it.holders = holders
	*left = append(*left, it)
	if len(holders) > 0 && !refused {
		return
	}
	select {
	case <-j.ctx.Done():
	case <-time.After(searchPace):
	case <-j.e.cfg.Mesh.Changed():
	}
}

// from fetches items from one node and returns those that it did not give,
// without it as a holder.
func (j *Job) from(node wire.Member, items []item, last map[wire.FileName]error) (left []item) {
	ctx, cancel := context.WithCancel(j.ctx)
	defer cancel()
	without := func(it item, err error) {
		last[it.name] = err
		var others []wire.Member
		for _, h := range it.holders {
			if h.ID != node.ID {
				others = append(others, h)
			}
		}
		it.holders = others
		left = append(left, it)
	}
	dctx, done := context.WithTimeout(ctx, silenceLimit)
	conn, err := j.e.cfg.Mesh.OpenStream(dctx, node.ID, wire.ServiceBatch)
	done()
	if err != nil {
		for _, it := range items {
			without(it, err)
		}
		return left
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	frames := wire.NewReader(&deadlineReader{conn: conn}, wire.MaxDataFrame)
	asked := 0 // items that have been asked for
	ask := func() error {
		n := min(len(items)-asked, batchFiles)
		if n == 0 {
			return nil
		}
		var w wire.Wanted
		for _, it := range items[asked : asked+n] {
			w.Files = append(w.Files, wire.WantedFile{Name: it.name, Version: it.version})
		}
		asked += n
		b, err := wire.AppendFrame(nil, wire.TypeWanted, w)
		if err != nil {
			return err
		}
		return write(conn, b)
	}
	err = ask()
	for at := 0; at < len(items); {
		end := min(at+batchFiles, len(items))
		if err == nil {
			err = ask() // the next question is there when this one is answered
		}
		if err == nil {
			err = j.batch(node, frames, items[at:end], without)
		} else {
			for _, it := range items[at:end] {
				without(it, err)
			}
		}
		at = end
	}
	return left
}

// batch takes the answers to one Wanted and publishes them.
func (j *Job) batch(node wire.Member, frames *wire.Reader, items []item, without func(item, error)) error {
	b, err := j.e.cfg.Store.NewBatch()
	if err != nil {
		j.waitForSpace(err)
		for _, it := range items {
			without(it, err)
		}
		return err
	}
	j.begin()
	var got []item
	seen := 0
	for seen < len(items) {
		var bundle wire.Bundle
		if bundle, err = j.e.bundle(frames); err != nil {
			break
		}
		for _, small := range bundle.Files {
			if int(small.Index) != seen || seen >= len(items) {
				err = errOutOfPlace
				break
			}
			it := items[seen]
			seen++
			if ferr := j.keep(node, b, it, small); ferr != nil {
				without(it, ferr)
			} else {
				got = append(got, it)
			}
		}
		if err != nil {
			break
		}
	}
	for _, it := range items[seen:] {
		without(it, err)
	}
	if perr := b.Publish(); perr != nil {
		j.fail(perr)
	}
	for _, it := range got {
		j.settled(it.name, j.chain(it.name))
	}
	return err
}

// keep verifies one small file and adds it to the batch.
func (j *Job) keep(node wire.Member, b *store.Batch, it item, small wire.Small) error {
	if small.Code != 0 {
		return &wire.RemoteError{Code: small.Code, Text: small.Text}
	}
	if len(small.Data) > wire.MaxSmall {
		return fmt.Errorf("%s from %s: %w: too long", it.name, node.Name, errLiar)
	}
	m := manifestOf(small.Data)
	if !it.version.IsZero() && m.Version() != it.version {
		j.e.blame(node)
		return fmt.Errorf("%s from %s: %w", it.name, node.Name, errLiar)
	}
	meta := it.meta
	if it.version.IsZero() {
		meta = small.Meta
	}
	meta.Size, meta.Mode = int64(len(small.Data)), meta.Mode&0o777
	for {
		err := b.Add(it.name, meta, m, small.Data)
		if err == nil || !errors.Is(err, syscall.ENOSPC) || !j.waitForSpace(err) {
			return err
		}
	}
}

// waitForSpace waits a while where err says that the disk is full; it reports
// whether trying again makes sense.
func (j *Job) waitForSpace(err error) bool {
	if !errors.Is(err, syscall.ENOSPC) {
		return false
	}
	j.e.log.Warn("transfer paused", "job", j.what, "err", err)
	select {
	case <-j.ctx.Done():
		return false
	case <-time.After(j.e.spaceRetry):
		return true
	}
}

// manifestOf returns the manifest of a content of one chunk at most.
func manifestOf(data []byte) *store.Manifest {
	m := &store.Manifest{Size: int64(len(data)), ChunkSize: wire.ChunkSizeFor(int64(len(data)))}
	if len(data) > 0 {
		sum := blake3.Sum256(data)
		m.Hashes = sum[:]
	}
	return m
}

// bundle reads one Bundle frame.
func (e *Engine) bundle(frames *wire.Reader) (b wire.Bundle, err error) {
	for {
		t, payload, err := frames.Next()
		if err != nil {
			return b, err
		}
		if t != wire.TypeBundle || len(payload) == 0 {
			continue
		}
		body := payload[1:]
		if wire.Encoding(payload[0]) == wire.Zstd {
			if body, err = e.decoder.DecodeAll(body, make([]byte, 0, wire.MaxBundle)); err != nil {
				return b, err
			}
		}
		return b, wire.Unmarshal(body, &b)
	}
}

// serveBatch is the handler of the batch service.
func (e *Engine) serveBatch(ctx context.Context, from wire.Member, conn net.Conn) {
	if !e.enter() {
		return
	}
	defer e.tasks.Done()
	ctx, cancel := e.joinContext(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	frames := wire.NewReader(conn, wire.MaxDataFrame)
	pack := e.newPacker()
	for {
		// A client that publishes slowly is silent for long.
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			return
		}
		t, payload, err := frames.Next()
		if err == nil && t == wire.TypeWanted {
			var w wire.Wanted
			if err = wire.Unmarshal(payload, &w); err == nil {
				err = e.sendBatch(ctx, conn, pack, w)
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				e.log.Debug("batch ended", "node", from.Name, "err", err)
			}
			return
		}
	}
}

// sendBatch answers one Wanted.
func (e *Engine) sendBatch(ctx context.Context, conn net.Conn, pack *packer, w wire.Wanted) error {
	if len(w.Files) > wire.MaxWanted {
		return fmt.Errorf("wanted: %w: %d files", wire.ErrTooLarge, len(w.Files))
	}
	var b wire.Bundle
	size := 0
	for i, want := range w.Files {
		small := e.small1(want)
		small.Index = uint32(i)
		b.Files = append(b.Files, small)
		size += len(small.Data) + 128
		if size < bundleSize && i < len(w.Files)-1 {
			continue
		}
		if err := e.sendBundle(conn, pack, b); err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		b.Files, size = b.Files[:0], 0
	}
	return nil
}

func (e *Engine) sendBundle(conn net.Conn, pack *packer, b wire.Bundle) error {
	body, err := wire.Marshal(b)
	if err != nil {
		return err
	}
	enc, data := pack.packOnce(body)
	frame := wire.AppendHeader(make([]byte, 0, wire.HeaderSize+1+len(data)), wire.TypeBundle, 1+len(data))
	frame = append(append(frame, byte(enc)), data...)
	start := time.Now()
	err = write(conn, frame)
	pack.drained(time.Since(start))
	return err
}

// small1 reads one small file.
func (e *Engine) small1(want wire.WantedFile) wire.Small {
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
