package term

import (
	"fmt"
	"strings"

	prompt "github.com/c-bata/go-prompt"
)

// search is a search backwards in the history, by Ctrl-R.
type search struct {
	on      bool
	pattern string
	at      int    // the line found last
	before  draft  // the line as it was
	prefix  string // the prompt as it was
}

// searchOlder begins a search, or finds the next older line.
func (t *Terminal) searchOlder(b *prompt.Buffer) {
	if !t.search.on {
		before := draft{b.Text(), runes(b.Document().TextBeforeCursor())}
		t.search = search{on: true, at: len(t.past.lines), before: before, prefix: t.prefix}
		t.in.setCapture(true)
		t.find(b, len(t.past.lines)-1)
		return
	}
	t.find(b, t.search.at-1)
}

// searchLonger adds what was typed to the pattern.
func (t *Terminal) searchLonger(b *prompt.Buffer) {
	t.search.pattern += t.in.pattern()
	t.find(b, min(t.search.at, len(t.past.lines)-1))
}

// searchShorter takes the last character off the pattern and starts again.
func (t *Terminal) searchShorter(b *prompt.Buffer) {
	if r := []rune(t.search.pattern); len(r) > 0 {
		t.search.pattern = string(r[:len(r)-1])
	}
	t.find(b, len(t.past.lines)-1)
}

// find shows the newest line, from one on, that holds the pattern.
func (t *Terminal) find(b *prompt.Buffer, from int) {
	failed := "failed "
	for i := from; i >= 0 && t.search.pattern != ""; i-- {
		if strings.Contains(t.past.lines[i], t.search.pattern) {
			t.search.at, failed = i, ""
			setLine(b, draft{t.past.lines[i], runes(t.past.lines[i])})
			break
		}
	}
	if t.search.pattern == "" {
		failed = ""
	}
	t.prefix = fmt.Sprintf("(%sreverse-i-search)`%s': ", failed, t.search.pattern)
}

// searchFound ends the search with the line that it found.
func (t *Terminal) searchFound(*prompt.Buffer) {
	t.in.setCapture(false)
	if t.search.on {
		t.prefix = t.search.prefix
		t.past.at = min(t.search.at, len(t.past.lines))
	}
	t.search = search{}
}

// searchForget ends the search with the line as it was.
func (t *Terminal) searchForget(b *prompt.Buffer) {
	if t.search.on {
		setLine(b, t.search.before)
	}
	t.search.at = len(t.past.lines)
	t.searchFound(b)
}
