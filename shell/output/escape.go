package output

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns text with every character that could act on a terminal or
// reorder a line spelled out, the new line and the tab in it excepted.
func Escape(text string) string { return escape(text, true) }

// EscapeLine is [Escape] for what must stay on one line: new lines and tabs are
// spelled out too.
func EscapeLine(text string) string { return escape(text, false) }

func escape(text string, lines bool) string {
	bad := func(r rune) bool {
		return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) &&
			!(lines && (r == '\n' || r == '\t'))
	}
	if !strings.ContainsFunc(text, bad) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case bad(r):
			b.WriteString(spelled(r))
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// spelled returns r as Go would write it.
func spelled(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\t':
		return `\t`
	case r == '\r':
		return `\r`
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// ErrorLine returns the error of host as front ends print it, without the new
// line at its end. Further lines of it are indented, so that none of them can
// pass for one of ours.
func ErrorLine(host, text string) string {
	text = strings.TrimRight(Escape(text), "\n")
	return "Error (" + EscapeLine(host) + "): " + strings.ReplaceAll(text, "\n", "\n  ")
}
