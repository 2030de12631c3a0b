package term

import (
	"strings"
	"unicode"

	prompt "github.com/c-bata/go-prompt"
)

// bindings ties each private key to its function, which runs in the editing
// loop, between reading a key and drawing the line.
func (t *Terminal) bindings() []prompt.ASCIICodeBind {
	keys := map[string]func(*prompt.Buffer){
		keyStart:     t.start,
		keyTab:       t.complete,
		keyDone:      t.completed,
		keyRefresh:   t.completeAgain,
		keyPrint:     t.printMessages,
		keyResize:    t.resize,
		keyInterrupt: t.interrupt,
		keyEnd:       t.endOfInput,
		keyHangup:    t.hangup,
		keyAbort:     t.abort,
		keyOlder:     func(b *prompt.Buffer) { t.recall(b, -1) },
		keyNewer:     func(b *prompt.Buffer) { t.recall(b, +1) },
		keyWordLeft:  func(b *prompt.Buffer) { b.CursorLeft(wordBefore(b)) },
		keyWordRight: func(b *prompt.Buffer) { b.CursorRight(wordAfter(b)) },
		keyWordErase: func(b *prompt.Buffer) { b.DeleteBeforeCursor(wordBefore(b)) },
		keyWordCut:   func(b *prompt.Buffer) { b.Delete(wordAfter(b)) },
		keySearch:    t.searchOlder,
		keyPattern:   t.searchLonger,
		keyShorter:   t.searchShorter,
		keyFound:     t.searchFound,
		keyForget:    t.searchForget,
	}
	var binds []prompt.ASCIICodeBind
	for key, run := range keys {
		binds = append(binds, prompt.ASCIICodeBind{ASCIICode: []byte(key), Fn: func(b *prompt.Buffer) {
			defer t.in.done()
			run(b)
		}})
	}
	return binds
}

// start begins a line with what was kept of the one before a resize.
func (t *Terminal) start(b *prompt.Buffer) {
	t.buffer = b
	setLine(b, t.kept)
	t.kept = draft{}
}

// line returns what is to be drawn.
func (t *Terminal) line() (prefix, text string, cursor int) {
	if t.buffer == nil {
		return t.prefix, "", 0
	}
	text, cursor = lineOf(t.buffer)
	return t.prefix, text, cursor
}

// finish ends the line as if Enter had been typed.
func (t *Terminal) finish(how outcome) {
	t.outcome = how
	t.in.enter()
}

func (t *Terminal) interrupt(b *prompt.Buffer) {
	prompt.GoLineEnd(b)
	b.InsertText("^C", false, true)
	t.in.drop()
	t.finish(interrupted)
}

func (t *Terminal) endOfInput(b *prompt.Buffer) {
	if b.Text() != "" {
		b.Delete(1)
		return
	}
	t.finish(ended)
}

func (t *Terminal) hangup(*prompt.Buffer) { t.finish(ended) }

func (t *Terminal) abort(*prompt.Buffer) {
	if t.ctx.Err() != nil { // not one of a line before
		t.finish(aborted)
	}
}

// resize ends the drawing for the old size, unseen, and keeps the line for one
// of the new size.
func (t *Terminal) resize(b *prompt.Buffer) {
	t.searchForget(b)
	text, cursor := lineOf(b)
	t.kept = draft{text, runes(text[:cursor])}
	t.out.resized()
	setLine(b, draft{})
	t.finish(resized)
}

// printMessages prints what waits above the line.
func (t *Terminal) printMessages(*prompt.Buffer) {
	if text := t.takeMessages(); text != "" {
		t.out.clear()
		t.out.put(text)
	}
}

// setLine replaces the whole line.
func setLine(b *prompt.Buffer, d draft) {
	prompt.GoLineEnd(b)
	b.DeleteBeforeCursor(runes(b.Text()))
	b.InsertText(d.text, false, true)
	b.CursorLeft(runes(d.text) - d.cursor)
}

// wordBefore returns how many runes before the cursor make the last word and
// the space behind it.
func wordBefore(b *prompt.Buffer) int {
	before := b.Document().TextBeforeCursor()
	word := strings.TrimRightFunc(before, unicode.IsSpace)
	start := strings.LastIndexFunc(word, unicode.IsSpace) + 1
	return runes(before[start:])
}

// wordAfter returns how many runes behind the cursor make the next word and the
// space before it.
func wordAfter(b *prompt.Buffer) int {
	after := b.Document().TextAfterCursor()
	word := strings.TrimLeftFunc(after, unicode.IsSpace)
	end := strings.IndexFunc(word, unicode.IsSpace)
	if end < 0 {
		return runes(after)
	}
	return runes(after[:len(after)-len(word)+end])
}

// runes counts the runes of s.
func runes(s string) int { return len([]rune(s)) }
