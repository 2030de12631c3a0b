package wire

import "fmt"

// The patch service, spoken on a stream named [ServicePatch], moves what a chunk
// differs in from bytes that the client has already: those of an older image at
// the same place. The client tells hashes of the blocks that it has, the server
// answers with the blocks that differ, in the order of the questions; the client
// may ask for several chunks before the first answer. What comes of it must have
// the chunk's hash, as any chunk: block hashes only say what need not be sent.
//
//	type  name    payload
//	64    Blocks  Blocks
//	65    Patch   Patch

// ServicePatch is the service name of the patch protocol.
const ServicePatch = "patch"

// Frame types of the patch service.
const (
	TypeBlocks Type = 64
	TypePatch  Type = 65
)

// Sizes of the patch service.
const (
	PatchBlock = 16 << 10 // bytes that are compared at a time; a chunk's last may be shorter
	BlockSum   = 16       // bytes of a block's hash: the first of its BLAKE3
	PatchShare = 2        // at most this part of a chunk's blocks is sent as a patch: one in 2
)

// Blocks asks for what a chunk differs in.
type Blocks struct {
	Version Version  `cbor:"1,keyasint"`
	Name    FileName `cbor:"2,keyasint"` // as in Open
	Chunk   uint32   `cbor:"3,keyasint"`
	Sums    []byte   `cbor:"4,keyasint"` // of the client's blocks, one after another
}

// Patch answers Blocks. Without blocks and without a code it says that too many
// differ: such a chunk is better passed on whole, from receiver to receiver.
type Patch struct {
	Chunk    uint32   `cbor:"1,keyasint"`
	Code     Code     `cbor:"2,keyasint,omitempty"` // why there is no answer
	Text     string   `cbor:"3,keyasint,omitempty"`
	Differ   []byte   `cbor:"4,keyasint"` // bitmap of the blocks sent, lowest bit first
	Encoding Encoding `cbor:"5,keyasint"`
	Data     []byte   `cbor:"6,keyasint"` // the blocks, one after another, so encoded
}

// BlockCount returns how many blocks a chunk of size bytes has.
func BlockCount(size int) int { return (size + PatchBlock - 1) / PatchBlock }

// Block returns block k of a chunk.
func Block(chunk []byte, k int) []byte {
	return chunk[k*PatchBlock : min((k+1)*PatchBlock, len(chunk))]
}

// Apply copies blocks, which are the decoded Data, to where they belong in
// chunk. Chunk's content is anything when there is an error.
func (p Patch) Apply(chunk, blocks []byte) error {
	count := BlockCount(len(chunk))
	if len(p.Differ) != (count+7)/8 {
		return fmt.Errorf("patch: must mark %d blocks, but has %d bytes for it", count, len(p.Differ))
	}
	for k := range count {
		if p.Differ[k/8]&(1<<(k%8)) == 0 {
			continue
		}
		b := Block(chunk, k)
		if len(blocks) < len(b) {
			return fmt.Errorf("patch: must have %d bytes for block %d, but has %d", len(b), k, len(blocks))
		}
		blocks = blocks[copy(b, blocks):]
	}
	if len(blocks) > 0 {
		return fmt.Errorf("patch: %d bytes are of no block", len(blocks))
	}
	return nil
}
