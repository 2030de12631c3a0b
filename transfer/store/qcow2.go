package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrBacking reports a qcow2 image whose backing file cannot be told, or is
// none that lies in a directory.
var ErrBacking = errors.New("unsupported qcow2 image")

// The beginning of a qcow2 image, as docs/interop/qcow2 of QEMU has it. All
// integers are big endian.
//
//	offset  size  field
//	0       4     "QFI", 0xfb
//	4       4     version: 2 or 3
//	8       8     offset of the backing file's name, or 0
//	16      4     its length, at most 1023
//	20      4     cluster size, as a power of two
//	72      8     incompatible features (version 3); bit 2: the data is elsewhere
const (
	qcow2Magic      = "QFI\xfb"
	qcow2Head       = 80
	maxBacking      = 1023
	minClusterBits  = 9
	maxClusterBits  = 21
	externalDataBit = 1 << 2
)

// BackingFile returns the name of the image that r, a qcow2 image, is a layer
// over, as it stands there: relative to the directory of r, or absolute. It is
// "" where there is none and where r is something else. Every error wraps
// [ErrBacking], or is r's own.
func BackingFile(r io.ReaderAt) (string, error) {
	var head [qcow2Head]byte
	n, err := r.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	if n < len(qcow2Magic) || string(head[:4]) != qcow2Magic {
		return "", nil
	}
	if n < 72 {
		return "", fmt.Errorf("%w: it ends after %d bytes", ErrBacking, n)
	}
	return backingName(r, head[:])
}

// backingName reads the name that head, all or the first 72 bytes of which are
// there, tells of.
func backingName(r io.ReaderAt, head []byte) (string, error) {
	version := binary.BigEndian.Uint32(head[4:])
	off := binary.BigEndian.Uint64(head[8:])
	size := binary.BigEndian.Uint32(head[16:])
	cluster := binary.BigEndian.Uint32(head[20:])
	switch {
	case version != 2 && version != 3:
		return "", fmt.Errorf("%w: version: must be 2 or 3, but is %d", ErrBacking, version)
	case cluster < minClusterBits || cluster > maxClusterBits:
		return "", fmt.Errorf("%w: cluster bits: must be %d to %d, but are %d", ErrBacking, minClusterBits, maxClusterBits, cluster)
	case version == 3 && binary.BigEndian.Uint64(head[72:])&externalDataBit != 0:
		return "", fmt.Errorf("%w: its data lies in another file", ErrBacking)
	case off == 0:
		return "", nil
	case size == 0 || size > maxBacking:
		return "", fmt.Errorf("%w: backing file name: must be 1 to %d bytes, but is %d", ErrBacking, maxBacking, size)
	case off > 1<<cluster || uint64(size) > 1<<cluster-off:
		return "", fmt.Errorf("%w: backing file name: must lie in the first cluster, but begins at %d", ErrBacking, off)
	}
	name := make([]byte, size)
	n, err := r.ReadAt(name, int64(off))
	switch {
	case n == len(name): // whether that was the end or not
	case err == io.EOF:
		return "", fmt.Errorf("%w: it ends within the backing file name", ErrBacking)
	default:
		return "", err
	}
	return plainPath(string(name))
}

// plainPath returns name, and refuses what QEMU would not take as the path of a
// file: a name with a protocol in front of it (`nbd://…`, `json:{…}`).
func plainPath(name string) (string, error) {
	if strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("%w: backing file name %q: must not hold a zero byte", ErrBacking, name)
	}
	first, _, _ := strings.Cut(name, "/")
	if protocol, _, found := strings.Cut(first, ":"); found {
		return "", fmt.Errorf("%w: backing file %q: must be a plain path, but names the protocol %q", ErrBacking, name, protocol)
	}
	return name, nil
}
