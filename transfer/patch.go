package transfer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// Chunks that a small change has touched are not found here, but nearly: at
// their place in the file that is most like the new one. Before such chunks are
// asked for whole, holders are asked for the blocks of them that differ, a run of
// chunks at a time.
const (
	patchRun  = 8                     // chunks in one run, whose bytes are in memory
	patchWait = 3 * time.Second       // for somebody who has any of them
	patchLook = 20 * time.Millisecond // between looks for one
	patchPoor = 16                    // chunks that too much differs in until that is taken for the rule
)

// A patcher asks for what chunks differ in. It belongs to the goroutine of the
// fetch's search.
type patcher struct {
	f     *fetch
	base  *store.Source
	lines map[wire.NodeID]*patchLine // to those that were asked; nil: not to be asked again
	left  []int                      // chunks to ask for, in turn
	good  int                        // chunks that were patched
	poor  int                        // chunks that were not worth it
}

// patchLine is a stream of the patch service.
type patchLine struct {
	conn   net.Conn
	frames *wire.Reader
	close  func()
}

// patch gets what it can of the missing chunks by their differences from base,
// which it closes. It ends when that does not pay, and when ctx does.
func (f *fetch) patch(ctx context.Context, base *store.Source) {
	p := &patcher{f: f, base: base, lines: map[wire.NodeID]*patchLine{}, left: f.coveredBy(base.Meta().Size)}
	defer base.Close() // only read
	defer p.hangUp()
	for len(p.left) > 0 && p.poor < patchPoor+p.good && ctx.Err() == nil {
		s, run := p.next(ctx)
		if s == nil {
			return
		}
		if err := p.ask(ctx, s, run); err != nil {
			f.e.log.Debug("no patches", "file", f.name, "node", s.node.Name, "err", err)
			p.drop(s.node.ID)
		}
	}
}

// coveredBy returns the missing chunks that lie within size bytes, in order
// from a random one, so that receivers that begin together get different ones
// first and can pass them on.
func (f *fetch) coveredBy(size int64) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.manifest
	var left []int
	for i := range m.Count() {
		if f.rx.Lacks(i) && int64(i)*int64(m.ChunkSize)+int64(m.Len(i)) <= size {
			left = append(left, i)
		}
	}
	if len(left) == 0 {
		return nil
	}
	at := rand.IntN(len(left))
	return append(left[at:len(left):len(left)], left[:at]...)
}

// next returns a holder and a run of chunks to ask it for, which are taken from
// those left. It waits a while for somebody to have any, but not where those who
// do are not to be asked again.
func (p *patcher) next(ctx context.Context) (*source, []int) {
	look := time.NewTicker(patchLook)
	defer look.Stop()
	for deadline := p.f.e.now() + patchWait; p.f.e.now() < deadline; {
		s, refused := p.holder()
		if s != nil {
			return s, p.take(s)
		}
		if refused {
			return nil, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil, nil
		}
	}
	return nil, nil
}

// holder returns who has the first chunk that somebody has, and puts that at
// the beginning of those left. Refused says that there is nobody but those who
// are not to be asked again.
func (p *patcher) holder() (s *source, refused bool) {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	if len(p.f.byPeer) == 0 {
		return nil, false
	}
	for k, i := range p.left {
		s, not := p.holderLocked(i)
		if s != nil {
			p.left = append(p.left[k:len(p.left):len(p.left)], p.left[:k]...)
			return s, false
		}
		refused = refused || not
	}
	return nil, refused
}

// holderLocked returns who has chunk i: a fellow receiver, where there is one,
// so that it is not always the seed.
func (p *patcher) holderLocked(i int) (best *source, refused bool) {
	f := p.f
	for peer, s := range f.byPeer {
		if !f.rx.PeerHas(peer, i) {
			continue
		}
		if line, asked := p.lines[s.node.ID]; asked && line == nil {
			refused = true
			continue
		}
		if best == nil || !f.rx.PeerFull(peer) {
			best = s
		}
	}
	return best, refused
}

// take takes the next run of chunks that s has.
func (p *patcher) take(s *source) (run []int) {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	for len(p.left) > 0 && len(run) < patchRun && p.f.rx.PeerHas(s.peer, p.left[0]) {
		if p.f.rx.Lacks(p.left[0]) {
			run = append(run, p.left[0])
		}
		p.left = p.left[1:]
	}
	return run
}

// ask gets a run of chunks. What has no answer is left to come whole.
func (p *patcher) ask(ctx context.Context, s *source, run []int) error {
	line, err := p.line(ctx, s.node)
	if err != nil {
		return err
	}
	m := p.f.manifest
	var questions []byte
	chunks := make([][]byte, len(run))
	for k, i := range run {
		chunks[k] = make([]byte, m.Len(i))
		if _, err := p.base.ReadAt(chunks[k], int64(i)*int64(m.ChunkSize)); err != nil {
			return err
		}
		want := wire.Blocks{Version: p.f.version, Name: p.f.name, Chunk: uint32(i), Sums: blockSums(chunks[k])}
		if questions, err = wire.AppendFrame(questions, wire.TypeBlocks, want); err != nil {
			return err
		}
	}
	if err := write(line.conn, questions); err != nil {
		return err
	}
	for k, i := range run {
		if err := p.answer(line, s, i, chunks[k]); err != nil {
			return err
		}
	}
	return nil
}

// blockSums returns the hashes of a chunk's blocks.
func blockSums(chunk []byte) []byte {
	var sums []byte
	for k := range wire.BlockCount(len(chunk)) {
		sum := blockSum(wire.Block(chunk, k))
		sums = append(sums, sum[:]...)
	}
	return sums
}

// answer takes the answer about chunk i, of which chunk is what is here.
func (p *patcher) answer(line *patchLine, s *source, i int, chunk []byte) error {
	var patch wire.Patch
	t, payload, err := line.frames.Next()
	switch {
	case err != nil:
		return err
	case t != wire.TypePatch:
		return errOutOfPlace
	}
	p.f.e.down.pay(p.f.e.ctx, len(payload))
	if err := wire.Unmarshal(payload, &patch); err != nil {
		return err
	}
	switch {
	case patch.Chunk != uint32(i):
		return errOutOfPlace
	case patch.Code != 0:
		return &wire.RemoteError{Code: patch.Code, Text: patch.Text}
	case len(patch.Differ) == 0:
		p.poor++
		return nil
	}
	if err := p.apply(patch, chunk); err != nil || !p.f.manifest.Verify(i, chunk) {
		p.f.bad(s, i, err)
		return errors.Join(errLiar, err)
	}
	if err := p.f.sink.WriteChunk(i, chunk); err != nil {
		return fmt.Errorf("chunk %d: %w", i, err)
	}
	p.good++
	p.f.patched(s, i, len(payload))
	return nil
}

// apply makes chunk what it is to be.
func (p *patcher) apply(patch wire.Patch, chunk []byte) error {
	blocks := patch.Data
	if patch.Encoding == wire.Zstd {
		var err error
		if blocks, err = p.f.e.decoder.DecodeAll(patch.Data, make([]byte, 0, len(chunk))); err != nil {
			return err
		}
	}
	return patch.Apply(chunk, blocks)
}

// line returns the stream to a node.
func (p *patcher) line(ctx context.Context, node wire.Member) (*patchLine, error) {
	if l := p.lines[node.ID]; l != nil {
		return l, nil
	}
	dialing, cancel := context.WithTimeout(ctx, silenceLimit)
	defer cancel()
	conn, err := p.f.e.cfg.Mesh.OpenStream(dialing, node.ID, wire.ServicePatch)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	l := &patchLine{conn, wire.NewReader(&deadlineReader{conn: conn}, wire.MaxDataFrame), func() { stop(); conn.Close() }}
	p.lines[node.ID] = l
	return l, nil
}

// drop asks a node no more.
func (p *patcher) drop(id wire.NodeID) {
	if l := p.lines[id]; l != nil {
		l.close()
	}
	p.lines[id] = nil
}

// hangUp ends all streams.
func (p *patcher) hangUp() {
	for _, l := range p.lines {
		if l != nil {
			l.close()
		}
	}
}

// patched counts chunk i, of which a patch of n bytes came from s.
func (f *fetch) patched(s *source, i, n int) {
	f.mu.Lock()
	s.given += int64(n)
	f.came += int64(n)
	f.carried += int64(n)
	f.rate.add(f.e.now(), n)
	size := f.manifest.Len(i)
	f.mu.Unlock()
	f.took(i, max(size-n, 0))
}
