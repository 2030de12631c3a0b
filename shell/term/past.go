package term

import (
	"slices"

	prompt "github.com/c-bata/go-prompt"
)

// maxPast is how many lines are remembered.
const maxPast = 10_000

// past is the history as the arrow keys walk it.
type past struct {
	lines []string // oldest first
	at    int      // where the walk is; len(lines) is the line being written
	draft string   // that line, while the walk is elsewhere
}

func newPast(lines []string) past {
	lines = slices.Clone(lines[max(0, len(lines)-maxPast):])
	return past{lines: lines, at: len(lines)}
}

// add appends a line, unless it is empty or the last one again, and ends the
// walk.
func (p *past) add(line string) {
	if line != "" && (len(p.lines) == 0 || p.lines[len(p.lines)-1] != line) {
		if len(p.lines) >= maxPast {
			p.lines = slices.Clone(p.lines[maxPast/10:])
		}
		p.lines = append(p.lines, line)
	}
	p.at, p.draft = len(p.lines), ""
}

// step walks one line, older (-1) or newer (+1). It returns the line there and
// whether there is one.
func (p *past) step(by int, now string) (string, bool) {
	to := p.at + by
	if to < 0 || to > len(p.lines) {
		return "", false
	}
	if p.at == len(p.lines) {
		p.draft = now
	}
	p.at = to
	if to == len(p.lines) {
		return p.draft, true
	}
	return p.lines[to], true
}

// recall shows an older or a newer line.
func (t *Terminal) recall(b *prompt.Buffer, by int) {
	if line, ok := t.past.step(by, b.Text()); ok {
		setLine(b, draft{line, runes(line)})
	}
}

// Forget erases the history. A line that is being edited still has it.
func (t *Terminal) Forget() {
	t.mu.Lock()
	t.forgets = true
	t.mu.Unlock()
	t.cfg.Erase()
}

// forgetPast empties the history that the keys walk, where Forget was called.
func (t *Terminal) forgetPast() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.forgets {
		t.past, t.forgets = newPast(nil), false
	}
}
