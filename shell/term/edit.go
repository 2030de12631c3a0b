package term

import (
	"strings"
	"unicode"

	prompt "github.com/c-bata/go-prompt"
	"github.com/mattn/go-runewidth"
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
	setLine(b, t.kept)
	t.kept = draft{}
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
// of the new size: go-prompt learns the size only at a line's beginning.
func (t *Terminal) resize(b *prompt.Buffer) {
	t.searchForget(b)
	t.kept = draft{b.Text(), runes(b.Document().TextBeforeCursor())}
	t.toLineStart(b)
	t.out.EraseDown()
	_ = t.out.Flush() // a terminal that is gone shows in the next read
	t.out.muted = true
	setLine(b, draft{})
	t.finish(resized)
}

// printMessages prints what waits above the line.
func (t *Terminal) printMessages(b *prompt.Buffer) {
	text := t.takeMessages()
	if text == "" {
		return
	}
	row := t.toLineStart(b)
	t.out.EraseDown()
	t.out.put(text)
	t.toCursorRow(row)
}

// toLineStart moves the cursor to where the prompt begins and returns in which
// row below it was.
func (t *Terminal) toLineStart(b *prompt.Buffer) (row int) {
	row = t.rowOf(b.Document().TextBeforeCursor())
	t.out.CursorUp(row)
	t.out.put("\r")
	return row
}

// toCursorRow makes room below, so that go-prompt, which believes the cursor
// to be row rows below the prompt, draws in the row where it is now.
func (t *Terminal) toCursorRow(row int) { t.out.put(strings.Repeat("\n", row)) }

// rowOf returns in which row below the prompt's first the cursor is behind
// text.
func (t *Terminal) rowOf(text string) int {
	return runewidth.StringWidth(t.prefix+text) / int(t.in.GetWinSize().Col)
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
