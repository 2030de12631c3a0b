package download

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"minimega/mesh/wire"
)

// endsOf returns the ends of the names of files that are themselves what a server
// may call an encoding of something else: most say `Content-Encoding: x-gzip` of
// a .tar.gz that they send as it is.
func endsOf(kind string) []string {
	switch kind {
	case "gzip":
		return []string{".gz", ".tgz", ".taz"}
	case "compress":
		return []string{".z", ".taz"}
	case "bzip2":
		return []string{".bz2", ".tbz", ".tbz2"}
	case "xz":
		return []string{".xz", ".txz"}
	case "zstd":
		return []string{".zst", ".tzst"}
	case "br":
		return []string{".br"}
	}
	return nil
}

// asItIs reports whether the content of name with that Content-Encoding is the
// file. Its error wraps [ErrBadAnswer].
func asItIs(name wire.FileName, encoding string) error {
	kind := strings.ToLower(strings.TrimSpace(encoding))
	ends := endsOf(strings.TrimPrefix(kind, "x-"))
	if kind == "" || kind == "identity" || slices.Contains(ends, strings.ToLower(path.Ext(string(name)))) {
		return nil
	}
	return fmt.Errorf("%w: the content is encoded as %.40q, which was not asked for", ErrBadAnswer, encoding)
}
