package grammar

import (
	"errors"
	"fmt"
	"strings"
)

// ErrPattern reports a pattern that does not follow the rules of the package
// comment.
var ErrPattern = errors.New("bad pattern")

// Kind tells what an [Item] takes.
type Kind int

// Kinds of item.
const (
	Literal Kind = iota // the one word in Options
	Choice              // one of Options
	Free                // any word
	List                // all words that are left
	Nested              // a command, to the end of the line
)

// An Item is one place of a pattern.
type Item struct {
	Kind     Kind
	Key      string   // by which the program finds the argument
	Options  []string // of Literal and Choice
	Optional bool
	Source   string // as written in the pattern
}

// A Pattern is one form of a command.
type Pattern struct {
	Source string
	Items  []Item
}

// Compile reads a pattern. Every error wraps [ErrPattern].
func Compile(source string) (Pattern, error) {
	p := Pattern{Source: source}
	for rest := strings.TrimSpace(source); rest != ""; rest = strings.TrimSpace(rest) {
		item, tail, err := nextItem(rest)
		if err != nil {
			return p, fmt.Errorf("%w: %q: %w", ErrPattern, source, err)
		}
		if err := p.add(item); err != nil {
			return p, fmt.Errorf("%w: %q: %w", ErrPattern, source, err)
		}
		rest = tail
	}
	if len(p.Items) == 0 || p.Items[0].Kind != Literal {
		return p, fmt.Errorf("%w: %q: must begin with a word", ErrPattern, source)
	}
	return p, nil
}

// add appends item where the rules allow it.
func (p *Pattern) add(item Item) error {
	if n := len(p.Items); n > 0 {
		switch last := p.Items[n-1]; {
		case last.Kind == List, last.Kind == Nested:
			return fmt.Errorf("%s must stand last", last.Source)
		case last.Optional && !item.Optional:
			return fmt.Errorf("%s must not follow what is optional", item.Source)
		}
	}
	p.Items = append(p.Items, item)
	return nil
}

// at returns the item that takes word i.
func (p *Pattern) at(i int) (Item, bool) {
	last := len(p.Items) - 1
	switch {
	case i <= last:
		return p.Items[i], true
	case p.Items[last].Kind == List:
		return p.Items[last], true
	}
	return Item{}, false
}

// complete reports whether n words fill p.
func (p *Pattern) complete(n int) bool {
	return n >= len(p.Items) || p.Items[n].Optional
}

// nextItem reads the item that source begins with, and returns what follows.
func nextItem(source string) (Item, string, error) {
	switch source[0] {
	case '<':
		return bracketed(source, '>', false)
	case '[':
		return bracketed(source, ']', true)
	case '(':
		body, tail, ok := strings.Cut(source[1:], ")")
		if !ok || body == "" {
			return Item{}, "", errors.New("'(' must have its ')' and a name between")
		}
		return Item{Kind: Nested, Key: body, Source: "(" + body + ")"}, tail, nil
	}
	word := source
	if i := strings.IndexAny(source, " \t"); i >= 0 {
		word = source[:i]
	}
	if strings.ContainsAny(word, "<>[]()") {
		return Item{}, "", fmt.Errorf("%q: brackets must stand apart from words", word)
	}
	return Item{Kind: Literal, Key: word, Options: []string{word}, Source: word}, source[len(word):], nil
}

// bracketed reads <…> or […], with ... behind it where it is a list.
func bracketed(source string, end byte, optional bool) (Item, string, error) {
	i := strings.IndexByte(source, end)
	if i < 2 {
		return Item{}, "", fmt.Errorf("%q must have its %q and a name between", source[:1], end)
	}
	body, tail := source[1:i], source[i+1:]
	tail, list := strings.CutPrefix(tail, "...")
	item := Item{Kind: Free, Optional: optional}
	key, text, named := strings.Cut(body, ":")
	item.Key = key
	if !named {
		text = body
	}
	item.Source = source[:1] + text + string(end)
	if list {
		item.Kind = List
		item.Source += "..."
	} else if strings.Contains(text, ",") {
		item.Kind = Choice
		item.Options = options(text)
		item.Source = source[:1] + strings.Join(item.Options, ",") + string(end)
		if len(item.Options) == 1 && !optional {
			item.Source = item.Options[0] // no choice at all
		}
	}
	if item.Key == "" || item.Kind == Choice && len(item.Options) == 0 {
		return Item{}, "", fmt.Errorf("%q must hold a name", source[:i+1])
	}
	return item, tail, nil
}

// options splits the words of a choice.
func options(text string) []string {
	var all []string
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// Usage returns p as people read it, without the keys.
func (p Pattern) Usage() string {
	words := make([]string, len(p.Items))
	for i, item := range p.Items {
		words[i] = item.Source
	}
	return strings.Join(words, " ")
}

// Fixed returns the words that p begins with as they stand.
func (p Pattern) Fixed() []string {
	var words []string
	for _, item := range p.Items {
		if item.Kind != Literal {
			break
		}
		words = append(words, item.Options[0])
	}
	return words
}
