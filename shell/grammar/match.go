package grammar

import "slices"

// A Grammar is a set of patterns. The index of a command in it is the
// command's number.
type Grammar struct {
	forms  []form
	yields map[int]bool // commands that give way
}

// form is one pattern of one command.
type form struct {
	command int
	pattern Pattern
}

// New returns the grammar of commands, each given by its patterns.
func New(commands [][]string) (*Grammar, error) {
	g := &Grammar{}
	for number, patterns := range commands {
		for _, source := range patterns {
			p, err := Compile(source)
			if err != nil {
				return nil, err
			}
			g.forms = append(g.forms, form{number, p})
		}
	}
	return g, nil
}

// Yield lets the command of that number give way to others where a line could be
// either: people have shortened those for longer than it exists.
func (g *Grammar) Yield(command int) {
	if g.yields == nil {
		g.yields = map[int]bool{}
	}
	g.yields[command] = true
}

// A Match is a line that has been understood.
type Match struct {
	Command int    // number of the command
	Pattern string // that fits
	Text    string // as typed, without the comment

	Values  map[string]string   // key → word, for free words and choices
	Lists   map[string][]string // key → words that were left
	Chosen  map[string]bool     // options of choices that were typed
	Nested  *Match              // the command in the command, or nil
	closest []closeness         // a word each
}

// Has reports whether option was chosen.
func (m *Match) Has(option string) bool { return m.Chosen[option] }

// closeness of a word to what a pattern has in its place; more is closer.
type closeness int

const (
	no closeness = iota
	shortened
	free
	full
)

// Parse splits line and matches it. Its errors are a *[LexError] or a
// *[MatchError]. A line without a command gives a nil Match.
func (g *Grammar) Parse(line string) (*Match, error) {
	split, err := Lex(line)
	if err != nil {
		return nil, err
	}
	if split.Blank() {
		return nil, nil
	}
	p := parser{g: g, line: split, known: map[int]outcome{}}
	return p.match(0, maxNesting)
}

// maxNesting is how many commands may stand in one another.
const maxNesting = 32

// parser is the matching of one line. Commands in commands are matched once
// for each word that they may begin at, however many forms lead there.
type parser struct {
	g     *Grammar
	line  Line
	known map[int]outcome // first word → what it begins
}

type outcome struct {
	match *Match
	err   error
}

// match understands the words from index first on.
func (p *parser) match(first, depth int) (*Match, error) {
	if o, ok := p.known[first]; ok {
		return o.match, o.err
	}
	m, err := p.choose(first, depth)
	p.known[first] = outcome{m, err}
	return m, err
}

// choose returns the closest match.
func (p *parser) choose(first, depth int) (*Match, error) {
	text := p.line.Rest(first)
	if depth == 0 {
		return nil, &MatchError{Line: text, Why: "too many commands in one another"}
	}
	best, inner := p.candidates(first, depth)
	if len(best) > 1 {
		best = p.g.prior(best)
	}
	switch {
	case len(best) == 1:
		return best[0], nil
	case len(best) > 1:
		return nil, p.g.ambiguous(text, best)
	case inner != nil:
		return nil, inner
	}
	return nil, p.g.unknown(text, p.line.Words[first:])
}

// prior returns those of several matches that do not give way, or all.
func (g *Grammar) prior(several []*Match) []*Match {
	var stay []*Match
	for _, m := range several {
		if !g.yields[m.Command] {
			stay = append(stay, m)
		}
	}
	if len(stay) == 0 {
		return several
	}
	return stay
}

// candidates returns the closest matches, one a command, and the error of the
// commands in them where only those do not fit.
func (p *parser) candidates(first, depth int) (best []*Match, inner error) {
	words := p.line.Words[first:]
	for i := range p.g.forms {
		f := &p.g.forms[i]
		scores, ok := f.fits(words)
		if !ok {
			continue
		}
		m := f.bind(words, scores)
		m.Text = p.line.Rest(first)
		if n := f.nested(); n >= 0 {
			sub, err := p.match(first+n, depth-1)
			if err != nil {
				inner = err
				continue
			}
			m.Nested = sub
			m.closest = slices.Concat(m.closest, sub.closest)
		}
		best = keep(best, m)
	}
	return best, inner
}

// keep adds m to best, whose members are equally close, if it is as close.
func keep(best []*Match, m *Match) []*Match {
	if len(best) == 0 {
		return []*Match{m}
	}
	switch slices.Compare(m.closest, best[0].closest) {
	case 1:
		return []*Match{m}
	case -1:
		return best
	}
	for _, other := range best {
		if other.Command == m.Command {
			return best
		}
	}
	return append(best, m)
}

// nested returns the index of f's (command), or -1.
func (f *form) nested() int {
	last := len(f.pattern.Items) - 1
	if f.pattern.Items[last].Kind == Nested {
		return last
	}
	return -1
}

// fits reports whether words fill f, and how close each one is. The words of a
// command in it are not looked at.
func (f *form) fits(words []Word) ([]closeness, bool) {
	n := f.reach(words)
	stop := f.nested()
	if stop >= 0 && n == stop && n < len(words) {
		return f.scores(words[:n]), true
	}
	if n < len(words) || !f.pattern.complete(n) {
		return nil, false
	}
	return f.scores(words), true
}

// reach returns how many of words fit f from the start on, up to its (command).
func (f *form) reach(words []Word) int {
	for i, w := range words {
		item, ok := f.pattern.at(i)
		if !ok || item.closeness(w.Text) == no {
			return i
		}
	}
	return len(words)
}

func (f *form) scores(words []Word) []closeness {
	all := make([]closeness, len(words))
	for i, w := range words {
		item, _ := f.pattern.at(i)
		all[i] = item.closeness(w.Text)
	}
	return all
}

// closeness of word to item.
func (item *Item) closeness(word string) closeness {
	switch item.Kind {
	case Free, List:
		return free
	case Literal, Choice:
		if slices.Contains(item.Options, word) {
			return full
		}
		if len(begins(item.Options, word)) == 1 {
			return shortened
		}
	}
	return no
}

// begins returns the options that begin with word, which is not empty.
func begins(options []string, word string) []string {
	var all []string
	for _, option := range options {
		if word != "" && len(word) <= len(option) && option[:len(word)] == word {
			all = append(all, option)
		}
	}
	return all
}

// bind gives the words to the keys of f.
func (f *form) bind(words []Word, scores []closeness) *Match {
	m := &Match{
		Command: f.command, Pattern: f.pattern.Source, closest: scores,
		Values: map[string]string{}, Lists: map[string][]string{}, Chosen: map[string]bool{},
	}
	for i := range scores {
		item, _ := f.pattern.at(i)
		word := words[i].Text
		switch item.Kind {
		case Free:
			m.Values[item.Key] = word
		case List:
			m.Lists[item.Key] = append(m.Lists[item.Key], word)
		case Choice:
			option := item.spelled(word)
			m.Chosen[option] = true
			m.Values[item.Key] = option
		}
	}
	return m
}

// spelled returns the option that word means.
func (item *Item) spelled(word string) string {
	if slices.Contains(item.Options, word) {
		return word
	}
	return begins(item.Options, word)[0]
}
