package term

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	prompt "github.com/c-bata/go-prompt"
)

// Private keys. They begin with a NUL, which the parser passes on from no
// terminal.
const (
	keyStart     = "\x00start"     // a line begins
	keyTab       = "\x00tab"       // complete
	keyDone      = "\x00done"      // a completion has been worked out
	keyRefresh   = "\x00refresh"   // more may be known than at the last Tab
	keyPrint     = "\x00print"     // a message waits
	keyResize    = "\x00resize"    // the window has another size
	keyInterrupt = "\x00interrupt" // Ctrl-C
	keyEnd       = "\x00end"       // Ctrl-D
	keyHangup    = "\x00hangup"    // the input is over
	keyAbort     = "\x00abort"     // the context has ended
	keyOlder     = "\x00older"
	keyNewer     = "\x00newer"
	keyWordLeft  = "\x00wordleft"
	keyWordRight = "\x00wordright"
	keyWordErase = "\x00worderase"
	keyWordCut   = "\x00wordcut" // the word behind the cursor
	keySearch    = "\x00search"  // Ctrl-R
	keyFound     = "\x00found"   // leave the search with what it found
	keyForget    = "\x00forget"  // leave the search with the line as it was
	keyPattern   = "\x00pattern"
	keyShorter   = "\x00shorter"
)

// keyEnter ends a line.
const keyEnter = "\r"

// remapped gives our meaning of what terminals send.
func remapped(key string) (string, bool) {
	switch key {
	case "\t":
		return keyTab, true
	case "\x03":
		return keyInterrupt, true
	case "\x04":
		return keyEnd, true
	case "\x12":
		return keySearch, true
	case "\x10", "\x1b[A", "\x1bOA":
		return keyOlder, true
	case "\x0e", "\x1b[B", "\x1bOB":
		return keyNewer, true
	case "\x1bb", "\x1b[1;5D", "\x1b[1;3D", "\x1b[5D":
		return keyWordLeft, true
	case "\x1bf", "\x1b[1;5C", "\x1b[1;3C", "\x1b[5C":
		return keyWordRight, true
	case "\x1b\x7f", "\x1b\x08":
		return keyWordErase, true
	case "\x1bd", "\x1b[3;5~", "\x1b[3;3~":
		return keyWordCut, true
	}
	return key, false
}

// searching gives the meaning of a key during a search; "" leaves the search
// and then takes the key as it is.
func searching(key string) string {
	switch key {
	case keySearch:
		return keySearch
	case "\x7f", "\x08":
		return keyShorter
	case keyInterrupt, "\x07":
		return keyForget
	}
	return ""
}

// token is what stands at the beginning of a queue of input.
type token struct {
	size int    // bytes of the queue; 0 where more must come first
	text string // printable, to be inserted
	key  string // or one key; "" with no text either is nothing that we know
}

// scan returns the first token of queue. With all set nothing more will come
// that belongs to it, so that an Escape is the key of that name.
func scan(queue []byte, all bool) token {
	switch c := queue[0]; {
	case c == '\r' && bytes.HasPrefix(queue, []byte("\r\n")):
		return token{size: 2, key: keyEnter}
	case c == '\r' || c == '\n':
		return token{size: 1, key: keyEnter}
	case c == '\t' && pasted(queue):
		return token{size: 1, text: " "}
	case c == 0x1b:
		return scanEscape(queue, all)
	case c < ' ' || c == 0x7f:
		return token{size: 1, key: meaning(queue[:1])}
	}
	return scanText(queue, all)
}

// pasted reports a queue that goes on over the end of the line: nobody types
// so fast.
func pasted(queue []byte) bool { return bytes.ContainsAny(queue, "\r\n") }

// scanText returns the printable run that queue begins with.
func scanText(queue []byte, all bool) token {
	var b strings.Builder
	n := 0
	for n < len(queue) && queue[n] >= ' ' && queue[n] != 0x7f {
		if !all && !utf8.FullRune(queue[n:]) {
			break
		}
		r, size := utf8.DecodeRune(queue[n:])
		if unicode.IsPrint(r) || unicode.In(r, unicode.Mn, unicode.Zs) || r == joiner || r == nonJoiner {
			b.WriteRune(r)
		}
		n += size
	}
	return token{size: n, text: b.String()}
}

// scanEscape returns the escape sequence that queue begins with.
func scanEscape(queue []byte, all bool) token {
	n := escapeSize(queue)
	if n == 0 {
		if !all {
			return token{}
		}
		n = len(queue)
	}
	return token{size: n, key: meaning(queue[:n])}
}

// escapeSize returns the length of the sequence at the beginning of queue, 0
// where it is not all there: ESC [ parameters final, ESC O final, ESC key.
func escapeSize(queue []byte) int {
	if len(queue) < 2 {
		return 0
	}
	switch queue[1] {
	case '[':
		for i, c := range queue[2:] {
			if c >= 0x40 && c <= 0x7e && !(i == 0 && c == '[') || c < ' ' {
				return i + 3
			}
		}
		return 0
	case 'O':
		if len(queue) < 3 {
			return 0
		}
		return 3
	case 0x1b:
		return 1
	}
	return 2
}

// meaning returns the key that a sequence stands for: ours, go-prompt's, or ""
// for none.
func meaning(sequence []byte) string {
	if key, ok := remapped(string(sequence)); ok {
		return key
	}
	if prompt.GetKey(sequence) == prompt.NotDefined || sequence[0] == 0 {
		return ""
	}
	if prompt.GetKey(sequence) == prompt.BackTab {
		return ""
	}
	return string(sequence)
}
