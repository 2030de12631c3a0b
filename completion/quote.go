package completion

import (
	"strings"
	"unicode"
)

// quote writes text as the shell reads it. With an open quote it stays in that
// one, otherwise it takes a double quote where it needs any. A word that is
// done gets its closing quote and a space.
func quote(text string, open byte, done bool) string {
	if open == 0 && strings.ContainsFunc(text, special) {
		open = '"'
	}
	if open == 0 {
		if done {
			return text + " "
		}
		return text
	}
	var b strings.Builder
	b.WriteByte(open)
	for i := range len(text) {
		writeQuoted(&b, text[i], open)
	}
	if done {
		b.WriteByte(open)
		b.WriteByte(' ')
	}
	return b.String()
}

// special reports what does not stand for itself outside of quotes.
func special(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"'\\#", r) }

// writeQuoted writes one byte of a quoted word; the escapes are those that the
// shell knows, in either quote.
func writeQuoted(b *strings.Builder, c, open byte) {
	switch c {
	case '\n':
		b.WriteString(`\n`)
	case '\r':
		b.WriteString(`\r`)
	case '\t':
		b.WriteString(`\t`)
	case '\\', open:
		b.WriteByte('\\')
		b.WriteByte(c)
	default:
		b.WriteByte(c)
	}
}
