package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"syscall"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/digest"
	"minimega/transfer/store"
)

const (
	batchFiles = wire.MaxWanted
	bundleSize = 256 << 10 // bytes of content in one Bundle, about
)

// batches fetches small files, many with one question. What a holder does not
// give is asked of the next, until none is left.
func (j *Job) batches(items []item) {
	t, err := j.e.small.acquire(j.ctx, j)
	if err != nil {
		j.fail(ErrCanceled)
		return
	}
	defer t.release()
	items = slices.DeleteFunc(items, j.gaveUp)
	last := map[wire.FileName]error{}
	for len(items) > 0 && j.ctx.Err() == nil {
		byHolder := map[wire.NodeID][]item{}
		members := map[wire.NodeID]wire.Member{}
		var left []item
		for _, it := range items {
			if len(it.holders) == 0 {
				j.orphan(t, it, last[it.name], &left)
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
// where some node cannot be asked, it waits, and lends its turn to others.
func (j *Job) orphan(t *turn, it item, last error, left *[]item) {
	var holders []wire.Member
	all := j.e.holders(j.ctx, it.name, func(node wire.Member, entry wire.FoundEntry) {
		if mayHold(entry, it.version, wire.Version{}) {
			holders = append(holders, node)
		}
	})
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
	t.lend(true)
	defer t.lend(false)
	select {
	case <-j.ctx.Done():
	case <-time.After(searchPace):
	case <-j.e.cfg.Mesh.Changed():
	}
}

// from fetches items from one node and returns those that it did not give,
// without it as a holder.
func (j *Job) from(node wire.Member, items []item, last map[wire.FileName]error) (left []item) {
	without := func(it item, err error) {
		last[it.name] = err
		it.holders = slices.DeleteFunc(slices.Clone(it.holders), func(h wire.Member) bool { return h.ID == node.ID })
		left = append(left, it)
	}
	conn, err := j.dialBatch(node)
	if err != nil {
		for _, it := range items {
			without(it, err)
		}
		return left
	}
	defer conn.Close()
	defer context.AfterFunc(j.ctx, func() { conn.Close() })()
	in := inflowOf(conn, &j.e.down)
	pay := func(n int) { in.pay(j.ctx, n) }
	frames := wire.NewReader(&deadlineReader{conn: conn, piece: j.e.down.piece, heard: pay}, wire.MaxDataFrame)
	runs := slices.Collect(slices.Chunk(items, batchFiles))
	err = ask(conn, runs[0])
	for i, run := range runs {
		if err == nil && i+1 < len(runs) {
			err = ask(conn, runs[i+1]) // it is there when this one is answered
		}
		if err == nil {
			err = j.batch(node, frames, run, without)
			continue
		}
		for _, it := range run {
			without(it, err)
		}
	}
	return left
}

func (j *Job) dialBatch(node wire.Member) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(j.ctx, silenceLimit)
	defer cancel()
	return j.e.cfg.Mesh.OpenStream(ctx, node.ID, wire.ServiceBatch)
}

// ask sends one Wanted.
func ask(conn net.Conn, items []item) error {
	var w wire.Wanted
	for _, it := range items {
		w.Files = append(w.Files, wire.WantedFile{Name: it.name, Version: it.version})
	}
	b, err := wire.AppendFrame(nil, wire.TypeWanted, w)
	if err != nil {
		return err
	}
	return write(conn, b)
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
	var got []kept
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
				got = append(got, keptOf(it.name, small.Data))
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
	for _, k := range got {
		j.settled(k.name, j.chained(k.name, k.backing, k.err))
	}
	return err
}

// kept is a small file that has come, and what it is a layer over.
type kept struct {
	name    wire.FileName
	backing string
	err     error
}

func keptOf(name wire.FileName, data []byte) kept {
	backing, err := store.BackingFile(bytes.NewReader(data))
	return kept{name, backing, err}
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
	j.wait("paused: no space on " + j.e.cfg.Store.Dir())
	defer j.wait("")
	select {
	case <-j.ctx.Done():
		return false
	case <-time.After(j.e.spaceRetry):
		return true
	}
}

// wait notes why small files wait, or with "" that they do not.
func (j *Job) wait(state string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state = state
}

// manifestOf returns the manifest of a content of one chunk at most.
func manifestOf(data []byte) *store.Manifest {
	m := &store.Manifest{Size: int64(len(data)), ChunkSize: wire.ChunkSizeFor(int64(len(data)))}
	if len(data) > 0 {
		sum := digest.Sum(data)
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
