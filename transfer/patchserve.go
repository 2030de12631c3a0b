package transfer

import (
	"context"
	"fmt"
	"net"

	"minimega/mesh/wire"
	"minimega/transfer/digest"
)

// servePatch is the handler of the patch service.
func (e *Engine) servePatch(ctx context.Context, from wire.Member, conn net.Conn) {
	pack := e.newPacker(wire.Zstd)
	e.answer(ctx, from, conn, wire.TypeBlocks, silenceLimit, func(ctx context.Context, question []byte) error {
		var want wire.Blocks
		if err := wire.Unmarshal(question, &want); err != nil {
			return err
		}
		return e.sendPatch(ctx, conn, pack, want)
	})
}

// sendPatch answers one question.
func (e *Engine) sendPatch(ctx context.Context, conn net.Conn, pack *packer, want wire.Blocks) error {
	p, err := e.makePatch(ctx, pack, want)
	if err != nil {
		p = wire.Patch{Code: wire.CodeOf(err), Text: err.Error()}
	}
	p.Chunk = want.Chunk
	frame, err := wire.AppendFrame(nil, wire.TypePatch, p)
	if err != nil {
		return err
	}
	if len(p.Differ) > 0 {
		e.sent.Add(1)
		e.uploaded.Add(int64(len(p.Data)))
	}
	var pace pacer
	return e.up.send(ctx, &pace, conn, nil, frame)
}

// makePatch compares a chunk with the client's blocks.
func (e *Engine) makePatch(ctx context.Context, pack *packer, want wire.Blocks) (p wire.Patch, err error) {
	name, err := wire.ParseFileName(string(want.Name))
	if err != nil {
		return p, err
	}
	if want.Version.IsZero() {
		return p, fmt.Errorf("%s: %w", name, wire.ErrNotFound)
	}
	c, err := e.contentFor(ctx, wire.Open{Version: want.Version, Name: name})
	if err != nil {
		return p, err
	}
	defer e.release(c)
	if !c.has(int(want.Chunk)) {
		return p, fmt.Errorf("%s: chunk %d: %w", name, want.Chunk, wire.ErrNotFound)
	}
	size := c.manifest.Len(int(want.Chunk))
	buf := e.buffers.get(size)
	defer e.buffers.put(buf)
	data, err := c.chunk(int(want.Chunk), buf.behind(0, size))
	if err != nil {
		return p, err
	}
	differ, blocks, err := compare(data, want.Sums)
	if err != nil || differ == nil {
		return p, err
	}
	p.Differ = differ
	p.Encoding, p.Data = pack.pack(blocks, make([]byte, 0, len(blocks)/2))
	return p, nil
}

// has reports whether chunk i can be sent.
func (c *content) has(i int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return i < c.manifest.Count() && c.dealer.Holds().Has(i)
}

// compare returns which blocks of a chunk do not have these hashes, and their
// bytes; nil where they are too many.
func compare(chunk, sums []byte) (differ, blocks []byte, err error) {
	count := wire.BlockCount(len(chunk))
	if len(sums) != count*wire.BlockSum {
		return nil, nil, fmt.Errorf("blocks: must be %d bytes of hashes, but are %d", count*wire.BlockSum, len(sums))
	}
	differ = make([]byte, (count+7)/8)
	left := max(1, count/wire.PatchShare)
	for k := range count {
		b := wire.Block(chunk, k)
		if blockSum(b) == [wire.BlockSum]byte(sums[k*wire.BlockSum:]) {
			continue
		}
		if left--; left < 0 {
			return nil, nil, nil
		}
		differ[k/8] |= 1 << (k % 8)
		blocks = append(blocks, b...)
	}
	return differ, blocks, nil
}

// blockSum returns the hash of a block, as wire.Blocks has it.
func blockSum(b []byte) [wire.BlockSum]byte {
	sum := digest.Sum(b)
	return [wire.BlockSum]byte(sum[:])
}
