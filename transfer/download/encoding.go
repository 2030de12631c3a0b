package download

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"minimega/mesh/wire"
)

// encoded are the ends of the names of files that are themselves what a server
// may call an encoding of something else: most say `Content-Encoding: x-gzip` of
// a .tar.gz that they send as it is.
var encoded = map[string][]string{
	"gzip":     {".gz", ".tgz", ".taz"},
	"compress": {".z", ".taz"},
	"bzip2":    {".bz2", ".tbz", ".tbz2"},
	"xz":       {".xz", ".txz"},
	"zstd":     {".zst", ".tzst"},
	"br":       {".br"},
}

// asItIs reports whether the content of name with that Content-Encoding is the
// file. Its error wraps [ErrBadAnswer].
func asItIs(name wire.FileName, encoding string) error {
	kind := strings.ToLower(strings.TrimSpace(encoding))
	ends := encoded[strings.TrimPrefix(kind, "x-")]
	if kind == "" || kind == "identity" || slices.Contains(ends, strings.ToLower(path.Ext(string(name)))) {
		return nil
	}
	return fmt.Errorf("%w: the content is encoded as %.40q, which was not asked for", ErrBadAnswer, encoding)
}
