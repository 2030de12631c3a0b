package shell

import (
	"minimega/completion"
	"minimega/shell/grammar"
)

// Kinds of completion that are the shell's own.
const (
	// localFiles are paths below the files directory, then any on this node.
	localFiles = completion.Own + iota
	// namespaceNames are the namespaces that there are.
	namespaceNames
	// savedConfigs are names that vm configurations were saved under.
	savedConfigs
)

// tab is a shell's table as completion sees it.
type tab struct{ s *Shell }

// Grammar returns the shell's commands as Tab sees them.
func (s *Shell) Grammar() completion.Grammar { return tab{s} }

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
	for _, next := range t.s.grammar.Next(words) {
		slots = append(slots, slot(&t.s.commands[next.Command], next.Item))
	}
	return slots
}

// slot returns what may stand in an item of a command.
func slot(command *Command, item grammar.Item) completion.Slot {
	s := completion.Slot{
		Kind:    command.Hints[item.Key],
		Words:   command.Words[item.Key],
		Options: command.Options[item.Key],
		Repeat:  item.Kind == grammar.List,
	}
	switch item.Kind {
	case grammar.Literal:
		return completion.Slot{Kind: completion.Word, Words: []completion.Candidate{{Text: item.Options[0], Help: command.Help}}}
	case grammar.Choice:
		return completion.Slot{Kind: completion.Word, Words: candidates(item.Options)}
	}
	if s.Kind == completion.None && len(s.Words) > 0 {
		s.Kind = completion.Word
	}
	return s
}
