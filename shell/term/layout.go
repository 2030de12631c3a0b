package term

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"

	"minimega/completion"
)

// layout lists candidates for a window: with their help, one a line, where all
// have some and fit, otherwise in columns, read downwards, as ls does. What
// does not fit is counted; total, where it is more than the candidates, is how
// many there are at least.
func layout(candidates []completion.Candidate, total, columns, rows int) []string {
	texts := shown(candidates)
	if hasHelp(candidates) && len(texts) <= rows {
		return helped(texts, candidates, columns)
	}
	width := 0
	for _, text := range texts[:min(len(texts), columns*rows)] {
		width = max(width, runewidth.StringWidth(text)+2)
	}
	across := max(1, columns/width)
	fit := min(len(texts), across*(rows-1))
	switch {
	case total > len(texts):
		return append(inColumns(texts[:fit], across, width), fmt.Sprintf("… and at least %d more", total-fit))
	case len(texts) > across*rows:
		return append(inColumns(texts[:fit], across, width), fmt.Sprintf("… and %d more", len(texts)-fit))
	}
	return inColumns(texts, across, width)
}

// inColumns lays texts out downwards in as many columns.
func inColumns(texts []string, across, width int) []string {
	lines := make([]string, (len(texts)+across-1)/across)
	for i, text := range texts {
		row := i % len(lines)
		if i+len(lines) < len(texts) {
			text = runewidth.FillRight(text, width)
		}
		lines[row] += text
	}
	return lines
}

// helped lays out each text with its help, cut to the window.
func helped(texts []string, candidates []completion.Candidate, columns int) []string {
	width := 0
	for _, text := range texts {
		width = max(width, runewidth.StringWidth(text)+2)
	}
	lines := make([]string, len(texts))
	for i, text := range texts {
		line := strings.TrimRight(runewidth.FillRight(text, width)+candidates[i].Help, " ")
		lines[i] = runewidth.Truncate(line, columns-1, "…")
	}
	return lines
}

func hasHelp(candidates []completion.Candidate) bool {
	for _, c := range candidates {
		if c.Help == "" {
			return false
		}
	}
	return true
}

// shown returns what is printed of each candidate: only what follows the
// directory, the prefix such as file: or the part of a list that all share, and
// nothing that could act on the terminal.
func shown(candidates []completion.Candidate) []string {
	first, last := candidates[0].Text, candidates[len(candidates)-1].Text
	n := 0
	for n < len(first) && n < len(last) && first[n] == last[n] {
		n++
	}
	cut := strings.LastIndexAny(first[:n], "/:,") + 1
	if cut == len(first) {
		cut = 0 // the first would be nothing
	}
	texts := make([]string, len(candidates))
	for i, c := range candidates {
		texts[i] = strings.Map(visible, c.Text[cut:])
	}
	return texts
}

// visible replaces what does not print.
func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}
