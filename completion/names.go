package completion

import (
	"encoding/binary"
	"slices"
	"sort"
	"strings"

	"minimega/mesh/wire"
)

// namesRequest asks for at most Limit names of one directory that begin with
// Prefix: all, or the first ones and the last.
type namesRequest struct {
	Prefix string `cbor:"1,keyasint"`
	Limit  uint   `cbor:"2,keyasint"`
}

// namesAnswer holds names front coded, as encodeNames writes them.
type namesAnswer struct {
	Names []byte `cbor:"1,keyasint"`
	Total uint   `cbor:"2,keyasint"` // how many there are, where that is more than Limit
}

// maxNamesBytes bounds what an answer's names unfold to.
const maxNamesBytes = 4 << 20

// encodeNames writes names one after another: how many bytes a name shares
// with the one before it, how many follow, both as varints, and those.
func encodeNames(names []string) []byte {
	var b []byte
	before := ""
	for _, name := range names {
		shared := sharedPrefix(before, name)
		b = binary.AppendUvarint(b, uint64(shared))
		b = binary.AppendUvarint(b, uint64(len(name)-shared))
		b = append(b, name[shared:]...)
		before = name
	}
	return b
}

// decodeNames reads what encodeNames wrote. It stops at the first bytes that
// make no sense or go over a limit, and leaves out what is no name of a file or
// directory that begins with prefix, in prefix's directory.
func decodeNames(b []byte, prefix string) []string {
	var all strings.Builder // names are parts of one text: there may be 10,000
	var names []string
	name := make([]byte, 0, wire.MaxFileName+1)
	for total := 0; len(b) > 0 && len(names) < maxNames && total < maxNamesBytes; total += len(name) {
		shared, n := binary.Uvarint(b)
		if n <= 0 || shared > uint64(len(name)) {
			break
		}
		b = b[n:]
		rest, n := binary.Uvarint(b)
		if n <= 0 || rest > uint64(len(b)-n) || shared+rest > wire.MaxFileName+1 {
			break
		}
		name = append(name[:shared], b[n:n+int(rest)]...)
		b = b[n+int(rest):]
		from := all.Len()
		all.Write(name)
		if s := all.String()[from:]; fits(s, prefix) {
			names = append(names, s)
		}
	}
	return names
}

// fits reports whether name is that of a file, or of a directory with a slash
// behind it, that stands in prefix's directory and begins with prefix.
func fits(name, prefix string) bool {
	if !strings.HasPrefix(name, prefix) {
		return false
	}
	base := strings.TrimSuffix(name[strings.LastIndexByte(prefix, '/')+1:], "/")
	if base == "" || strings.Contains(base, "/") {
		return false
	}
	if plain(base) {
		return len(base) <= wire.MaxComponent && base != "." && base != ".."
	}
	clean, err := wire.ParseFileName(strings.TrimSuffix(name, "/"))
	return err == nil && string(clean) == strings.TrimSuffix(name, "/")
}

// plain reports printable ASCII, which needs no closer look.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// sorted returns names in order and each once, without touching them.
func sorted(names []string) []string {
	for i := 1; i < len(names); i++ {
		if names[i] <= names[i-1] {
			names = slices.Clone(names)
			slices.Sort(names)
			return slices.Compact(names)
		}
	}
	return names
}

// abridged returns at most n of names, which are in order: all, or the first
// ones and the last, so that they begin in common with what all begin with.
func abridged(names []string, n int) []string {
	if len(names) <= n {
		return names
	}
	if n <= 0 {
		return nil
	}
	return append(slices.Clone(names[:n-1]), names[len(names)-1])
}

// merge returns what a or b hold, which are in order and hold each once, and
// so does it. It may return one of them.
func merge(a, b []string) []string {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch strings.Compare(a[0], b[0]) {
		case -1:
			out, a = append(out, a[0]), a[1:]
		case 1:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// within returns the part of sorted names that begins with prefix.
func within(names []string, prefix string) []string {
	from := sort.SearchStrings(names, prefix)
	n := sort.Search(len(names)-from, func(i int) bool { return !strings.HasPrefix(names[from+i], prefix) })
	return names[from : from+n : from+n]
}

// sharedPrefix returns how many bytes a and b begin with in common.
func sharedPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
