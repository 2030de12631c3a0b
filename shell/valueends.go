package shell

import (
	"io"
	"slices"
	"strings"
)

// valueEnds reads JSON values for a decoder, which knows the end of a string, a
// number or a word such as null by the byte behind it alone. Where the decoder
// asks for that byte and such a value may be whole, outside of all others, it gets
// a space: what is no request is answered at once, and not when more comes.
type valueEnds struct {
	r       io.Reader
	depth   int    // of objects and arrays
	quoted  bool   // inside of a string
	escaped bool   // behind a backslash there
	bare    string // the beginning of a number or a word outside of all others
	ended   bool   // what was read last may be the end of a value outside of all others
}

// longestWord is that of false.
const longestWord = 5

// Read implements [io.Reader].
func (v *valueEnds) Read(p []byte) (int, error) {
	if v.ended && len(p) > 0 {
		v.note(' ')
		p[0] = ' '
		return 1, nil
	}
	n, err := v.r.Read(p)
	for _, c := range p[:n] {
		v.note(c)
	}
	return n, err
}

// note follows what is read.
func (v *valueEnds) note(c byte) {
	v.ended = false
	switch {
	case v.escaped:
		v.escaped = false
	case v.quoted:
		v.escaped, v.quoted = c == '\\', c != '"'
		v.ended = !v.quoted && v.depth == 0
	case strings.IndexByte(`"{}[] `+"\t\r\n", c) >= 0:
		v.quoted, v.bare = c == '"', ""
		v.depth += strings.Count("{[", string(rune(c))) - strings.Count("}]", string(rune(c)))
	case v.depth == 0:
		if len(v.bare) <= longestWord {
			v.bare += string(rune(c))
		}
		number := strings.IndexByte("-0123456789", v.bare[0]) >= 0
		v.ended = number && '0' <= c && c <= '9' || slices.Contains([]string{"true", "false", "null"}, v.bare)
	}
}
