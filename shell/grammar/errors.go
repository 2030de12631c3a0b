package grammar

import (
	"fmt"
	"slices"
	"strings"
)

// A MatchError is a line that is no command, or could be several.
type MatchError struct {
	Line       string   // as typed
	Why        string   // what is wrong, then what to type
	Candidates []string // that could stand where it went wrong, sorted
	Nearest    string   // of the candidates, where one looks meant, or ""
}

func (e *MatchError) Error() string {
	return fmt.Sprintf("invalid command: `%s`: %s", e.Line, e.Why)
}

// ambiguous is the error of a line that means several commands.
func (g *Grammar) ambiguous(line string, meant []*Match) error {
	e := &MatchError{Line: line}
	for _, m := range meant {
		p, _ := Compile(m.Pattern)
		e.Candidates = append(e.Candidates, p.Usage())
	}
	slices.Sort(e.Candidates)
	e.Candidates = slices.Compact(e.Candidates)
	e.Why = "could be " + either(e.Candidates) + ": type more of it"
	return e
}

// unknown is the error of words that no pattern takes.
func (g *Grammar) unknown(line string, words []Word) error {
	deepest, stuck := g.stuck(words)
	e := &MatchError{Line: line}
	if deepest == len(words) {
		e.Why = "is not complete: " + usages(stuck)
		e.Candidates = expected(stuck, deepest)
		return e
	}
	word := words[deepest].Text
	e.Candidates = expected(stuck, deepest)
	e.Nearest = Nearest(word, e.Candidates)
	e.Why = e.reason(word, stuck, deepest)
	return e
}

// mostNamed is how many candidates an error names; of more it names none.
const mostNamed = 16

// reason says why word does not fit the stuck forms at index i.
func (e *MatchError) reason(word string, stuck []*form, i int) string {
	several := begins(e.Candidates, word)
	switch {
	case len(e.Candidates) == 0:
		return fmt.Sprintf("`%s` is a word too many: %s", word, usages(stuck))
	case len(several) > 1:
		return fmt.Sprintf("`%s` could be %s", word, either(several))
	case e.Nearest != "":
		return fmt.Sprintf("`%s` is not known, did you mean `%s`?", word, e.Nearest)
	case i == 0:
		return fmt.Sprintf("`%s` is not known: type help for the list of commands", word)
	case len(e.Candidates) > mostNamed:
		return fmt.Sprintf("`%s` is not known here: see help %s", word, firstWord(stuck[0]))
	}
	return fmt.Sprintf("`%s` is not known here: must be %s", word, either(e.Candidates))
}

// stuck returns the forms that take most of words, and how many they take.
func (g *Grammar) stuck(words []Word) (deepest int, stuck []*form) {
	for i := range g.forms {
		f := &g.forms[i]
		switch n := f.reach(words); {
		case n > deepest:
			deepest, stuck = n, []*form{f}
		case n == deepest:
			stuck = append(stuck, f)
		}
	}
	return deepest, stuck
}

// expected returns the fixed words that forms have at index i.
func expected(forms []*form, i int) []string {
	var all []string
	for _, f := range forms {
		if item, ok := f.pattern.at(i); ok {
			all = append(all, item.Options...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// usages returns a hint with the forms that could have been meant.
func usages(forms []*form) string {
	const most = 3
	var all []string
	for _, f := range forms {
		all = append(all, f.pattern.Usage())
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > most {
		return fmt.Sprintf("see help %s", firstWord(forms[0]))
	}
	return "type `" + strings.Join(all, "` or `") + "`"
}

func firstWord(f *form) string { return f.pattern.Items[0].Options[0] }

// either joins words for people: a, b or c.
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
