package wire

import "time"

// The file service, spoken on a stream named [ServiceFile], moves chunks of
// contents from the connection's server to its client. Two nodes that fetch from
// each other use a connection each way.
//
// A content is talked about under a topic, a number that the client picks and
// uses once on a connection.
//
//	opener                              other side
//	Open{topic, version, name}    →
//	                              ←     Head{topic, size …}, or Refuse
//	                              ←     Hashes … until all chunks are named
//	Have{what I hold}             →
//	                              ←     Have{what I hold}; again as it grows
//	Request{chunks}, Deal{n}      →
//	                              ←     Chunk …, Refuse{chunk}
//	Withdraw{chunks}              →
//	Close{topic}                  →
//
// Request asks for chunks by number. Deal lets the sender choose up to n more
// chunks that the opener lacks and that no one it knows of has or was promised,
// so that every byte leaves a seed about once. It never deals a chunk twice on
// one topic. Where several nodes hold all, the opener gives each a lane: it
// deals only chunks whose number modulo Lanes is Lane. When there is nothing
// fresh in the lane, the sender answers Refuse{chunk [NothingFresh]}, which
// takes back what is left of the Deal.
//
// Both sides of a topic send Have: the opener's tells the other side what not to
// deal, and what it could ask for on a topic of its own. Chunks flow towards the
// opener only, so that its requests and its news never wait behind bulk; two
// nodes that fetch from each other use a connection each way. Have is news: what
// the receiver of it holds already may be told late or not at all.
//
// Open{version} asks for that version wherever it lies; the other side refuses
// with ErrNotFound, or ErrChanged where the name holds another by now. Hashes
// are sent unless Open says that they are known. Request and Deal may follow
// Open at once.
//
// # Drafts
//
// A file that was never hashed moves while it is hashed. An Open with no
// Version and with Now set may be answered by the one node that holds such a
// file with the Head of a draft: no Version, but a Draft, 32 random bytes that
// name the file as it lies there now. A draft is talked about as a version is:
// Open{draft} asks for it wherever it lies, receivers pass its chunks on, and
// Found tells who has some of it.
//
//	opener                              origin of the draft
//	Open{topic, name, now}        →
//	                              ←     Head{topic, draft, origin, size …}
//	Deal{n}                       →
//	                              ←     Hashes, Chunk, Chunk, Hashes, Chunk …
//	                              ←     Head{topic, draft, version …}
//
// Hashes of a draft come from its origin alone, in order and each before its
// chunk; they say that the origin holds the chunk. Whoever lacks the hash of a
// chunk neither asks for it nor takes it. While a draft grows its origin deals
// what is hashed, keeps what is left of a Deal, and never answers NothingFresh.
// Chunks of zeros are never dealt. The last Head names the version: the hashes
// must have it, or nothing of the draft is ever published. From then on the
// content is known under both names. Where the file changes before that the
// topic is refused with ErrChanged. A node that knows nothing of a draft refuses
// Open{draft} with ErrChanged too, without a Head before it. A file that a node
// downloads moves in the same way while it comes, see [MethodDownload].
//
// Sides that have nothing to say for 2 s say Alive. What has been asked for and
// does not come for 3 s is asked for elsewhere.

// ServiceFile is the service name of the file protocol.
const ServiceFile = "file"

// Sizes of chunks and parts, in bytes, and limits that follow from them.
const (
	MinChunkSize = 64 << 10
	MaxChunkSize = 1 << 20
	PartSize     = 10 << 20 // what `file status` counts

	MaxChunks       = 2 << 20 // of one content: 64 MiB of hashes, 2 TiB
	MaxHashesPacket = 16384   // chunks in one Hashes frame: 512 KiB
	MaxHavePacket   = 1 << 20 // chunks in one Have frame: 128 KiB
	MaxTopics       = 1024    // open at once on one connection
	MaxInFlight     = 64      // chunks requested and dealt on one connection
)

// HashSize is the length of a chunk's hash, BLAKE3-256.
const HashSize = 32

// Encoding tells how a [Chunk]'s bytes stand for the chunk.
type Encoding uint8

// Encodings of a chunk.
const (
	Plain Encoding = 0
	Zstd  Encoding = 1 // one zstd frame that decodes to exactly the chunk's length
	S2    Encoding = 2 // one S2 block that does; in a [Chunk] only

	Encodings = 3 // how many there are
)

// Open starts a topic. With a zero Version, and no Draft, it asks for what the
// other side holds under Name; otherwise for that version, wherever it lies.
type Open struct {
	Topic   uint32   `cbor:"1,keyasint"`
	Version Version  `cbor:"2,keyasint"`
	Name    FileName `cbor:"3,keyasint"`
	Known   bool     `cbor:"4,keyasint,omitempty"` // the opener has the hashes of Version
	Draft   Version  `cbor:"5,keyasint,omitzero"`  // asks for this draft; Version is zero
	Now     bool     `cbor:"6,keyasint,omitempty"` // a draft will do
}

// Head describes the content of a topic.
type Head struct {
	Topic     uint32  `cbor:"1,keyasint"`
	Version   Version `cbor:"2,keyasint"`
	Meta      Meta    `cbor:"3,keyasint"`
	ChunkSize uint32  `cbor:"4,keyasint"`
	Chunks    uint32  `cbor:"5,keyasint"` // ceil(Size / ChunkSize)

	Draft  Version `cbor:"6,keyasint,omitzero"`  // Version is zero until it is known
	Origin bool    `cbor:"7,keyasint,omitempty"` // of the draft: Hashes come from here
}

// Meta is what is kept of a file besides its bytes.
type Meta struct {
	Size    int64  `cbor:"1,keyasint"` // bytes
	Mode    uint32 `cbor:"2,keyasint"` // permission bits
	ModTime int64  `cbor:"3,keyasint"` // Unix time in ns
}

// Time returns the modification time.
func (m Meta) Time() time.Time { return time.Unix(0, m.ModTime) }

// Deal lets the other side send up to N more chunks of its choice.
type Deal struct {
	Topic uint32 `cbor:"1,keyasint"`
	N     uint16 `cbor:"2,keyasint"`
	Lane  uint16 `cbor:"3,keyasint,omitempty"`
	Lanes uint16 `cbor:"4,keyasint,omitempty"` // 0 is 1: every chunk is in the lane
}

// Request asks for chunks, or (as Withdraw) takes that back.
type Request struct {
	Topic  uint32   `cbor:"1,keyasint"`
	Chunks []uint32 `cbor:"2,keyasint"`
}

// Values of Refuse.Chunk that are no chunk.
const (
	WholeTopic   = -1
	NothingFresh = -2 // answers a Deal; Code is 0
)

// Refuse says why a topic, or one chunk of it, will not be sent.
type Refuse struct {
	Topic uint32 `cbor:"1,keyasint"`
	Chunk int64  `cbor:"2,keyasint"` // or WholeTopic, NothingFresh
	Code  Code   `cbor:"3,keyasint"`
	Text  string `cbor:"4,keyasint"`
}

// Close ends a topic; nothing follows on it but what was on its way.
type Close struct {
	Topic uint32 `cbor:"1,keyasint"`
}

// ChunkSizeFor returns the chunk size of a content of size bytes: the power of
// two nearest above a 2,048th of it, within the limits, so that small files
// still make enough chunks for a swarm (1,024 and more from 64 MiB on) and large
// ones few enough for their manifest.
func ChunkSizeFor(size int64) uint32 {
	chunk := int64(MinChunkSize)
	for chunk < MaxChunkSize && chunk*2048 < size {
		chunk *= 2
	}
	return uint32(chunk)
}

// ChunkCount returns how many chunks a content of size bytes has.
func ChunkCount(size int64, chunkSize uint32) int64 {
	return (size + int64(chunkSize) - 1) / int64(chunkSize)
}

// PartCount returns how many parts a content of size bytes has: at least one.
func PartCount(size int64) int64 { return max(1, (size+PartSize-1)/PartSize) }
