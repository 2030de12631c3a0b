package grammar

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Failures of a line that cannot be split.
var (
	ErrQuote  = errors.New("missing terminal quote")
	ErrEscape = errors.New("bad escape")
)

// A LexError says what is wrong with a line and where. It wraps [ErrQuote] or
// [ErrEscape].
type LexError struct {
	Offset int // in bytes
	Text   string
	Kind   error
}

func (e *LexError) Error() string { return e.Text }

// Unwrap returns the class of e.
func (e *LexError) Unwrap() error { return e.Kind }

// A Word is one argument of a line.
type Word struct {
	Text  string // without quotes and escapes
	Start int    // byte offset in the line
	End   int    // byte offset behind it
	Quote rune   // the quote still open at the line's end, or 0
}

// A Line is a line that has been split.
type Line struct {
	Text    string // as typed
	Words   []Word
	End     int  // where the comment begins, or len(Text)
	Comment bool // there is one
}

// Blank reports whether l holds no command.
func (l Line) Blank() bool { return len(l.Words) == 0 }

// Rest returns the text of l from word i on, as typed, without the comment.
func (l Line) Rest(i int) string {
	if i >= len(l.Words) {
		return ""
	}
	return strings.TrimSpace(l.Text[l.Words[i].Start:l.End])
}

// Lex splits line. Its error is a *[LexError].
func Lex(line string) (Line, error) {
	x := lexer{line: line, end: len(line)}
	err := x.run()
	return Line{Text: line, Words: x.words, End: x.end, Comment: x.comment}, err
}

// lexer is the state of splitting one line.
type lexer struct {
	line    string
	pos     int // byte offset of what is read next
	words   []Word
	end     int // byte offset behind the last word's line
	comment bool

	inWord bool
	start  int // of the word being read
	quote  rune
	opened int // where quote was seen
	text   strings.Builder
}

// run reads to the end of the line or of what makes sense in it. On an open
// quote the unfinished word is kept, for completion.
func (x *lexer) run() error {
	for x.pos < len(x.line) {
		r, size := utf8.DecodeRuneInString(x.line[x.pos:])
		switch {
		case r == '\\':
			if err := x.escape(); err != nil {
				return err
			}
			continue
		case x.quote != 0:
			x.quoted(r, size)
		case r == '"' || r == '\'':
			x.begin()
			x.quote, x.opened = r, x.pos
		case r == '#':
			x.finish()
			x.end, x.comment = x.pos, true
			return nil
		case unicode.IsSpace(r):
			x.finish()
		default:
			x.begin()
			x.text.WriteString(x.line[x.pos : x.pos+size])
		}
		x.pos += size
	}
	x.finish()
	if x.quote != 0 {
		return &LexError{x.opened, "missing terminal " + string(x.quote), ErrQuote}
	}
	return nil
}

// quoted reads r inside quotes.
func (x *lexer) quoted(r rune, size int) {
	if r == x.quote {
		x.quote = 0
		return
	}
	x.text.WriteString(x.line[x.pos : x.pos+size])
}

// escape reads a backslash and what it escapes.
func (x *lexer) escape() error {
	at := x.pos
	x.begin()
	r, size := utf8.DecodeRuneInString(x.line[x.pos+1:])
	if size == 0 {
		return &LexError{at, "expected escape character", ErrEscape}
	}
	plain, ok := unescape(r)
	if !ok {
		return &LexError{at, fmt.Sprintf("unexpected escaped character: %s", x.line[at+1:at+1+size]), ErrEscape}
	}
	x.text.WriteRune(plain)
	x.pos += 1 + size
	return nil
}

// begin starts a word at the current position unless one is being read.
func (x *lexer) begin() {
	if !x.inWord {
		x.inWord, x.start = true, x.pos
	}
}

// finish ends the word that is being read, if any.
func (x *lexer) finish() {
	if !x.inWord {
		return
	}
	x.words = append(x.words, Word{x.text.String(), x.start, x.pos, x.quote})
	x.inWord = false
	x.text.Reset()
}

// unescape returns what \r stands for.
func unescape(r rune) (rune, bool) {
	switch r {
	case 'r':
		return '\r', true
	case 'n':
		return '\n', true
	case 't':
		return '\t', true
	case '\\', '"', '\'', '#':
		return r, true
	}
	return 0, false
}

// Quote returns word so that [Lex] reads it as this one word again.
func Quote(word string) string {
	if word == "" {
		return `""`
	}
	var b strings.Builder
	bare := true
	for i := 0; i < len(word); {
		r, size := utf8.DecodeRuneInString(word[i:])
		piece := word[i : i+size]
		switch r {
		case '\r':
			piece = `\r`
		case '\n':
			piece = `\n`
		case '\t':
			piece = `\t`
		case '\\', '"':
			piece = `\` + piece
		default:
			bare = bare && r != '\'' && r != '#' && !unicode.IsSpace(r)
		}
		b.WriteString(piece)
		i += size
	}
	if bare {
		return b.String()
	}
	return `"` + b.String() + `"`
}
