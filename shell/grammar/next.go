package grammar

import "slices"

// Next is something that may follow a number of words.
type Next struct {
	Item    Item
	Command int      // whose item it is
	Taken   []string // words that Item, a List, has taken already
}

// Next returns what may follow words, of commands that they spell in full alone
// where there are any, inside a command in a command what may
// follow there. An item whose Kind is Nested never stands in it: what begins a
// command stands there instead.
func (g *Grammar) Next(words []string) []Next {
	all := make([]Word, len(words))
	for i, text := range words {
		all[i].Text = text
	}
	return g.next(all, maxNesting)
}

func (g *Grammar) next(words []Word, depth int) []Next {
	if depth == 0 {
		return nil
	}
	var all []Next
	var inner []int // first words of commands in this one
	full := g.spelled(words)
	for i := range g.forms {
		f := &g.forms[i]
		n := f.reach(words)
		if f.shortens(words, full) {
			continue
		}
		if n == f.nested() {
			if !slices.Contains(inner, n) {
				inner = append(inner, n)
			}
			continue
		}
		if n < len(words) {
			continue
		}
		if item, ok := f.pattern.at(n); ok {
			all = append(all, Next{item, f.command, taken(item, words, len(f.pattern.Items)-1)})
		}
	}
	for _, n := range inner {
		all = append(all, g.next(words[n:], depth-1)...)
	}
	return all
}

// spelled reports of each word whether it is the whole of a fixed word in its
// place, of a command that all words fit.
func (g *Grammar) spelled(words []Word) []bool {
	full := make([]bool, len(words))
	for i := range g.forms {
		f := &g.forms[i]
		if f.reach(words) < len(words) {
			continue
		}
		for k, item := range f.pattern.Items[:min(len(words), len(f.pattern.Items))] {
			full[k] = full[k] || item.Kind == Literal && item.Options[0] == words[k].Text
		}
	}
	return full
}

// shortens reports whether f has a longer word where others are spelled in full.
func (f *form) shortens(words []Word, full []bool) bool {
	for k, item := range f.pattern.Items[:min(len(words), len(f.pattern.Items))] {
		if item.Kind == Literal && full[k] && item.Options[0] != words[k].Text {
			return true
		}
	}
	return false
}

// taken returns the words from index first on, where item is a list, which
// begins there.
func taken(item Item, words []Word, first int) []string {
	var all []string
	for ; item.Kind == List && first < len(words); first++ {
		all = append(all, words[first].Text)
	}
	return all
}

// SplitPartial splits the part of a line before the cursor: the words that are
// complete and the one that the cursor stands at the end of. ok is false in a
// comment, and behind what cannot be split.
func SplitPartial(line string) (words []string, last Word, ok bool) {
	split, err := Lex(line)
	open := Word{Start: len(line), End: len(line)}
	if n := len(split.Words); n > 0 && split.Words[n-1].End == len(line) {
		open = split.Words[n-1]
		split.Words = split.Words[:n-1]
	}
	if split.Comment || err != nil && open.Quote == 0 {
		return nil, Word{Start: len(line), End: len(line)}, false
	}
	for _, w := range split.Words {
		words = append(words, w.Text)
	}
	return words, open, true
}

// Find returns the numbers of the commands that begin with words: those whose
// fixed words are spelled in full where there are any, else those that words
// shorten. Arguments may follow the fixed words. Where words go on into a command
// in the command, that one is meant.
func (g *Grammar) Find(words []string) []int { return g.find(words, maxNesting) }

func (g *Grammar) find(words []string, depth int) []int {
	if depth == 0 {
		return nil
	}
	all := make([]Word, len(words))
	for i, text := range words {
		all[i].Text = text
	}
	var best []closeness
	var found []int
	inner := 0 // first word of the command in this one; 0: there is none
	for i := range g.forms {
		f := &g.forms[i]
		if n := f.reach(all); n < len(all) {
			if n == f.nested() {
				inner = n
			}
			continue
		}
		scores := f.scores(all)
		switch c := slices.Compare(scores, best); {
		case c > 0:
			best, found = scores, []int{f.command}
		case c == 0:
			found = append(found, f.command)
		}
	}
	if found == nil && inner > 0 {
		return g.find(words[inner:], depth-1)
	}
	slices.Sort(found)
	return slices.Compact(found)
}
