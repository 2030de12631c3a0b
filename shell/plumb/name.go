package plumb

import (
	"errors"
	"fmt"
	"strings"
)

// maxName is the longest name of a pipe, and of a namespace, in bytes.
const maxName = 128

// errName reports a name that no pipe can have.
var errName = errors.New("bad pipe name")

// Name names a pipe.
type Name struct {
	Space string // namespace
	Pipe  string
}

// ParseName reads PIPE, which is in the namespace space, or NAMESPACE//PIPE.
func ParseName(text, space string) (Name, error) {
	n := Name{space, text}
	if before, after, ok := strings.Cut(text, "//"); ok {
		n = Name{before, after}
	}
	if !isName(n.Space) || !isName(n.Pipe) {
		return Name{}, fmt.Errorf("%w: must be letters, digits, -, _, . and :, at most %d, but is %q: as in plumb foo bar",
			errName, maxName, text)
	}
	return n, nil
}

// isName reports whether text can be a part of a name.
func isName(text string) bool {
	bad := func(r rune) bool {
		return !strings.ContainsRune("-_.:", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	return text != "" && len(text) <= maxName && !strings.ContainsFunc(text, bad)
}
