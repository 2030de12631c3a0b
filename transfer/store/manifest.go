package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/zeebo/blake3"

	"minimega/mesh/wire"
	"minimega/transfer/digest"
)

// versionTag keeps the hash of a manifest apart from any other hash.
const versionTag = "minimega file v1"

// ErrBadManifest reports a manifest whose parts do not belong together.
var ErrBadManifest = errors.New("bad manifest")

// A Manifest names every chunk of one content. It is not changed once it is
// made, and so is safe for concurrent use. Its zero value is that of the empty
// content, but for the chunk size.
type Manifest struct {
	Size      int64  // bytes
	ChunkSize uint32 // bytes; the last chunk may be shorter
	Hashes    []byte // BLAKE3-256 of each chunk, one after another

	stat  fileStat // of the file that was hashed; zero when it came from elsewhere
	draft bool     // Hashes are being filled in, see NewDraft
}

// NewDraft returns a manifest whose hashes are to be filled in by the caller,
// who sees to it that none is read before. [Store.Create] takes it.
func NewDraft(size int64, chunkSize uint32) (*Manifest, error) {
	count, err := chunkCount(size, chunkSize)
	if err != nil {
		return nil, err
	}
	return &Manifest{Size: size, ChunkSize: chunkSize, Hashes: make([]byte, count*wire.HashSize), draft: true}, nil
}

// Check tells whether m is well formed: what a peer says must pass it before
// it is used. Every error wraps [ErrBadManifest].
func (m *Manifest) Check() error {
	count, err := chunkCount(m.Size, m.ChunkSize)
	if err != nil {
		return err
	}
	if int64(len(m.Hashes)) != count*wire.HashSize {
		return fmt.Errorf("%w: must have %d bytes of hashes, but has %d", ErrBadManifest, count*wire.HashSize, len(m.Hashes))
	}
	return nil
}

// chunkCount returns how many chunks a content has whose sizes are within the
// limits. Every error wraps [ErrBadManifest].
func chunkCount(size int64, chunk uint32) (int64, error) {
	if chunk < wire.MinChunkSize || chunk > wire.MaxChunkSize || chunk&(chunk-1) != 0 {
		return 0, fmt.Errorf("%w: chunk size: must be a power of two from %d to %d, but is %d",
			ErrBadManifest, wire.MinChunkSize, wire.MaxChunkSize, chunk)
	}
	if limit := int64(chunk) * wire.MaxChunks; size < 0 || size > limit {
		return 0, fmt.Errorf("%w: size: must be from 0 to %d bytes, but is %d", ErrBadManifest, limit, size)
	}
	return wire.ChunkCount(size, chunk), nil
}

// Count returns the number of chunks.
func (m *Manifest) Count() int { return len(m.Hashes) / wire.HashSize }

// Len returns the length of chunk i in bytes.
func (m *Manifest) Len(i int) int {
	return int(min(int64(m.ChunkSize), m.Size-m.offset(i)))
}

// offset returns where chunk i begins.
func (m *Manifest) offset(i int) int64 { return int64(i) * int64(m.ChunkSize) }

// Hash returns the hash of chunk i.
func (m *Manifest) Hash(i int) [wire.HashSize]byte {
	return [wire.HashSize]byte(m.Hashes[i*wire.HashSize:])
}

// Verify reports whether data is chunk i.
func (m *Manifest) Verify(i int, data []byte) bool {
	return len(data) == m.Len(i) && digest.Sum(data) == m.Hash(i)
}

// Zero reports whether chunk i holds zeros alone. Such a chunk is never sent:
// whoever has the manifest has the chunk.
func (m *Manifest) Zero(i int) bool {
	return m.Hash(i) == zeroHash(m.Len(i))
}

// Version returns the BLAKE3-256 of
//
//	offset  size  field
//	0       16    "minimega file v1"
//	16      8     size, big endian
//	24      4     chunk size, big endian
//	28      32 n  the hash of each chunk
//
// computed each time that it is called (a millisecond for 100 GiB).
func (m *Manifest) Version() wire.Version {
	head := make([]byte, 0, 28)
	head = append(head, versionTag...)
	head = binary.BigEndian.AppendUint64(head, uint64(m.Size))
	head = binary.BigEndian.AppendUint32(head, m.ChunkSize)
	h := blake3.New()
	h.Write(head)     // never fails
	h.Write(m.Hashes) // never fails
	return wire.Version(h.Sum(nil))
}
