package wire

// The batch service, spoken on a stream named [ServiceBatch], moves many small
// files with one question: the client sends Wanted, the server answers with
// Bundles that hold one [Small] for each, in order, and closes. The client may
// send the next Wanted at any time before that.
//
//	type  name    payload
//	59    Wanted  Wanted
//	60    Bundle  u8 encoding, then (encoded) the CBOR of Bundle, at most MaxBundle

// ServiceBatch is the service name of the batch protocol.
const ServiceBatch = "batch"

// Frame types of the batch service.
const (
	TypeWanted Type = 59
	TypeBundle Type = 60
)

// Limits of the batch service.
const (
	MaxSmall  = MinChunkSize // bytes of a file that travels in a batch: one chunk
	MaxWanted = 512          // files in one Wanted
	MaxBundle = 1 << 20      // bytes of a decoded Bundle
)

// Wanted asks for files by name; a Version that is not zero must match.
type Wanted struct {
	Files []WantedFile `cbor:"1,keyasint"`
}

// WantedFile is one line of [Wanted].
type WantedFile struct {
	_       struct{} `cbor:",toarray"`
	Name    FileName
	Version Version
}

// Bundle carries some of the files that were wanted.
type Bundle struct {
	Files []Small `cbor:"1,keyasint"`
}

// Small is one whole file, or why it is not sent.
type Small struct {
	Index uint32 `cbor:"1,keyasint"` // in Wanted
	Code  Code   `cbor:"2,keyasint,omitempty"`
	Text  string `cbor:"3,keyasint,omitempty"`
	Meta  Meta   `cbor:"4,keyasint"`
	Data  []byte `cbor:"5,keyasint"`
}

// MethodVersions asks a node for the versions of files that it holds, hashing
// where it must; what it does not hold is zero in the answer.
const MethodVersions = "versions"

// Names is the body of a [MethodVersions] call, VersionList its answer.
type Names struct {
	Names []FileName `cbor:"1,keyasint"`
}

// VersionList has one version for each name that was asked for.
type VersionList struct {
	Versions []Version `cbor:"1,keyasint"`
}
