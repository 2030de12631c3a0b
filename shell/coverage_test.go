package shell

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"minimega/shell/grammar"
)

// Every command is one that a user can find out about, and one that is tried.

func TestEveryCommandHasHelpAndExamplesThatAreIt(t *testing.T) {
	n := newNode(t, "foo")
	for i := range n.commands {
		command := &n.commands[i]
		name := command.Patterns[0]
		if command.Help == "" || command.Run == nil || strings.ContainsAny(command.Help, "\n") {
			t.Errorf("%s: must have one line of help, and run", name)
		}
		if command.Example == "" {
			t.Errorf("%s: must have an example", name)
			continue
		}
		for line := range strings.SplitSeq(command.Example, "\n") {
			m, err := n.grammar.Parse(line)
			if err != nil || m == nil || m.Command != i {
				t.Errorf("%s: the example %q must be this command, but is %+v, %v", name, line, m, err)
			}
		}
	}
}

func TestEveryCommandIsMentionedInATest(t *testing.T) {
	text := tests(t)
	n := newNode(t, "foo")
	for i := range n.commands {
		if !slices.ContainsFunc(n.commands[i].Patterns, func(source string) bool { return mentioned(t, text, source) }) {
			t.Errorf("%s: must be tried by a script in testdata/script, or by a test here", n.commands[i].Patterns[0])
		}
	}
}

// mentioned reports whether text holds the words that a pattern begins with.
func mentioned(t *testing.T, text, source string) bool {
	prefix := fixedWords(compiled(t, source))
	for rest := text; ; {
		before, after, found := strings.Cut(rest, prefix)
		if !found {
			return false
		}
		if begins(before) && (after == "" || strings.ContainsAny(after[:1], " \n\"`'\\")) {
			return true
		}
		rest = after
	}
}

func compiled(t *testing.T, source string) grammar.Pattern {
	t.Helper()
	p, err := grammar.Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fixedWords returns the words that p begins with, such as the create of
// <create,> too.
func fixedWords(p grammar.Pattern) string {
	words := p.Fixed()
	for _, item := range p.Items[len(words):] {
		if item.Kind != grammar.Choice || item.Optional || len(item.Options) != 1 {
			break
		}
		words = append(words, item.Options[0])
	}
	return strings.Join(words, " ")
}

// begins reports whether a command can follow text: at the beginning of a line
// or a string, behind a node's name, or in another command.
func begins(text string) bool {
	line := text[max(strings.LastIndexAny(text, "\n\"`")+1, len(text)-80):]
	if strings.TrimSpace(line) == "" {
		return true
	}
	words := strings.Fields(line)
	last := words[len(words)-1]
	return strings.HasSuffix(line, " ") && (strings.HasPrefix(last, "kn") || slices.Contains([]string{"true", "false", "all", "run", "test"}, last))
}

// tests returns the text of all scripts and of this package's other tests.
func tests(t *testing.T) string {
	t.Helper()
	scripts, err := filepath.Glob("../testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range append(scripts, here...) {
		if name == "coverage_test.go" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}
