package shell

import (
	"slices"
	"strings"

	"minimega/completion"
	"minimega/shell/grammar"
)

// Kinds of completion that are the shell's own.
const (
	localFiles     = completion.Own + iota // paths below the files directory, or any on this node from / on
	ownFiles                               // paths below the files directory of this node
	programs                               // what can be run on this node
	namespaceNames                         // the namespaces that there are
	aliasNames                             // the client's aliases
	aliasBody                              // the command behind NAME=
	stages                                 // programs that begin with what is typed: a pipeline is of pipes, too
	holderNames                            // nodes, and what they hold under the name two words before
	contentIDs                             // the contents that nodes hold under the name two words before
)

// tab is a shell's table as completion sees it.
type tab struct {
	s       *Shell
	aliases map[string]string // of the client
	holds   holds             // nil: nothing is known of that
}

// Grammar returns the commands as Tab sees them for a client, which may be nil.
func (s *Shell) Grammar(c *Client) completion.Grammar { return s.tab(c, nil) }

func (s *Shell) tab(c *Client, holds holds) tab { return tab{s, c.aliases(), holds} }

// Split implements [completion.Grammar].
func (t tab) Split(line string) ([]string, completion.Partial) {
	words, last, ok := grammar.SplitPartial(line)
	if !ok {
		words = []string{"#"} // begins no command
	}
	return words, completion.Partial{Text: last.Text, Start: last.Start, Quote: byte(last.Quote)}
}

// Slots implements [completion.Grammar].
func (t tab) Slots(words []string) []completion.Slot {
	var slots []completion.Slot
	if len(words) == 0 {
		slots = []completion.Slot{{Kind: completion.Word, Words: t.aliased()}}
	} else if full, ok := t.aliases[words[0]]; ok {
		begin, _, _ := grammar.SplitPartial(full + " ")
		words = append(begin, words[1:]...)
	}
	all := t.s.grammar.Next(words)
	for _, next := range all {
		command := &t.s.commands[next.Command]
		switch {
		case next.Item.Kind == grammar.Literal:
			slots = append(slots, t.literal(words, next, all))
		case next.Item.Kind == grammar.List && command.Hints[next.Item.Key] == completion.Command:
			slots = append(slots, t.fixed(next.Taken)...)
		case next.Item.Kind == grammar.List && command.Hints[next.Item.Key] == aliasBody && len(next.Taken) > 0:
			slots = append(slots, t.aliasBody(next.Taken)...)
		default:
			slots = append(slots, t.argument(words, command, next))
		}
	}
	return slots
}

// aliased returns the aliases.
func (t tab) aliased() []completion.Candidate {
	var all []completion.Candidate
	for name, full := range t.aliases {
		all = append(all, completion.Candidate{Text: name, Help: full})
	}
	return all
}

// sent reports whether words are those of a command that other nodes run.
func (t tab) sent(words []string) bool {
	for i := range len(words) - 1 {
		for _, command := range t.s.grammar.Find(words[i : i+2]) {
			if t.s.commands[command].is(meshSendPattern) {
				return true
			}
		}
	}
	return false
}

// literal returns the slot of a word that is typed as it stands. Where several
// commands go on with it, they are what it is about, unless one of them takes an
// argument there.
func (t tab) literal(words []string, next grammar.Next, all []grammar.Next) completion.Slot {
	text := next.Item.Options[0]
	help := t.s.commands[next.Command].Help
	if slices.ContainsFunc(all, func(o grammar.Next) bool { return o.Command != next.Command && isWord(o.Item, text) }) {
		help = t.follow(append(slices.Clone(words), text))
	}
	return completion.Slot{Kind: completion.Word, Words: []completion.Candidate{{Text: text, Help: help}}}
}

// follow says what words that several commands begin with are about.
func (t tab) follow(words []string) string {
	var fixed []string
	for _, n := range t.s.grammar.Next(words) {
		if n.Item.Kind != grammar.Literal && n.Item.Kind != grammar.Choice {
			return t.s.commands[n.Command].Help
		}
		fixed = append(fixed, n.Item.Options...)
	}
	slices.Sort(fixed)
	return strings.Join(slices.Compact(fixed), ", ")
}

// isWord reports whether item is the fixed word text.
func isWord(item grammar.Item, text string) bool {
	return item.Kind == grammar.Literal && item.Options[0] == text
}

// fixed returns the words of commands, but not of their arguments, that may
// follow words.
func (t tab) fixed(words []string) []completion.Slot {
	all := t.s.grammar.Next(words)
	var slots []completion.Slot
	for _, next := range all {
		switch {
		case next.Item.Kind == grammar.Literal:
			slots = append(slots, t.literal(words, next, all))
		case next.Item.Kind == grammar.Choice && !next.Item.Optional && len(next.Item.Options) == 1:
			slots = append(slots, t.argument(words, &t.s.commands[next.Command], next))
		}
	}
	return slots
}

// argument returns what may stand in an item of a command behind words.
func (t tab) argument(words []string, command *Command, next grammar.Next) completion.Slot {
	item := next.Item
	s := completion.Slot{Kind: completion.Word, Repeat: item.Kind == grammar.List}
	if item.Kind == grammar.Choice {
		s.Words = chosen(command, item.Options)
		return s
	}
	s.Options = command.Options[item.Key]
	s.Words = slices.Clone(command.Words[item.Key])
	if parts := command.Parts[item.Key]; parts != nil {
		s.Parts = func(before []string) []completion.Candidate { return parts(t.s, before) }
	}
	if offer := command.Offers[item.Key]; offer != nil {
		s.Words = append(s.Words, offer(t.s, words)...)
	}
	if kind := command.Hints[item.Key]; kind != completion.None {
		s.Kind = kind
	}
	switch {
	case s.Kind == aliasNames:
		s.Kind, s.Words = completion.Word, t.aliased()
	case s.Kind == contentIDs:
		s.Kind, s.Words = completion.Word, t.contents(words)
	case s.Kind == holderNames:
		s.Kind, s.Words = completion.Word, append(s.Words, t.holders(words)...)
	case s.Kind == ownFiles && t.sent(words):
		s.Kind = completion.MeshFile // what each of those nodes has is known to them
	case item.Key == "columns":
		s.Options = s.Words // one may follow the other
	}
	if s.Kind == programs && len(next.Taken) > 0 {
		s.Kind = completion.LocalFile // its arguments
	}
	return s
}

// aliasBody returns what may follow in a command whose first word stands behind
// NAME=.
func (t tab) aliasBody(words []string) []completion.Slot {
	_, first, ok := strings.Cut(words[0], "=")
	if !ok || first == "" {
		return nil
	}
	return tab{t.s, nil, t.holds}.Slots(append([]string{first}, words[1:]...))
}

// chosen returns the words of a choice. One that is no choice at all is about
// what its command is.
func chosen(command *Command, options []string) []completion.Candidate {
	all := candidates(options)
	for i := range all {
		all[i].Help = command.About[all[i].Text]
		if all[i].Help == "" && len(all) == 1 {
			all[i].Help = command.Help
		}
	}
	return all
}
