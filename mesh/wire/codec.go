package wire

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Limits that decoding sets to any CBOR item, on top of a frame's size.
const (
	maxElements = 131072 // in one array or map
	maxNesting  = 8
)

// codec encodes and decodes CBOR under this package's limits.
type codec struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

// theCodec is immutable and safe for concurrent use.
var theCodec = newCodec()

func newCodec() codec {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(fmt.Sprintf("wire: encoding options: %v", err))
	}
	dec, err := cbor.DecOptions{
		MaxArrayElements: maxElements,
		MaxMapPairs:      maxElements,
		MaxNestedLevels:  maxNesting,
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
	}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("wire: decoding options: %v", err))
	}
	return codec{enc, dec}
}

// Marshal returns v as deterministic CBOR (RFC 8949 section 4.2).
func Marshal(v any) ([]byte, error) { return theCodec.enc.Marshal(v) }

// Unmarshal decodes exactly one CBOR item from b into v, which keeps no part
// of b. What is too deep, too long, doubled or followed by more is an error.
func Unmarshal(b []byte, v any) error { return theCodec.dec.Unmarshal(b, v) }
