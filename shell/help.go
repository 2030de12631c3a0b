package shell

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"minimega/shell/grammar"
)

// Columns of what help prints.
const (
	helpWidth  = 79 // of a line
	usageWidth = 34 // of a list's first column; a longer pattern has a line of its own
)

// all returns the numbers of all commands.
func (s *Shell) all() []int {
	numbers := make([]int, len(s.commands))
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// listing returns the patterns of commands with their help, in columns.
func (s *Shell) listing(numbers []int) string {
	type line struct{ usage, help string }
	var lines []line
	width := 0
	for _, n := range numbers {
		for _, usage := range s.commands[n].usages() {
			lines = append(lines, line{usage, s.commands[n].Help})
			width = max(width, min(len(usage), usageWidth))
		}
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.usage, b.usage) })
	var b strings.Builder
	for _, l := range lines {
		first := l.usage
		if len(first) > width {
			b.WriteString(first + "\n")
			first = ""
		}
		for _, text := range wrap(l.help, helpWidth-width-2) {
			fmt.Fprintf(&b, "%-*s  %s\n", width, first, text)
			first = ""
		}
	}
	return b.String()
}

// entry returns all about one command.
func (s *Shell) entry(number int) string {
	command := &s.commands[number]
	var b strings.Builder
	b.WriteString("Usage:\n")
	for _, usage := range command.usages() {
		fmt.Fprintf(&b, "\t%s\n", usage)
	}
	for _, text := range []string{command.Help, command.Long} {
		if text != "" {
			fmt.Fprintf(&b, "\n%s\n", strings.Join(wrap(text, helpWidth), "\n"))
		}
	}
	if command.Example != "" {
		b.WriteString("\nExample:\n")
		for line := range strings.SplitSeq(command.Example, "\n") {
			fmt.Fprintf(&b, "\t%s\n", line)
		}
	}
	return b.String()
}

// usages returns c's patterns as people read them.
func (c *Command) usages() []string {
	var all []string
	for _, source := range c.Patterns {
		if p, err := grammar.Compile(source); err == nil {
			all = append(all, p.Usage())
		}
	}
	return all
}

// wrap breaks text between words into lines of at most width columns; a word
// that is longer has a line of its own. There is at least one line.
func wrap(text string, width int) []string {
	lines := []string{""}
	room := width
	for _, word := range strings.Fields(text) {
		size := utf8.RuneCountInString(word)
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
			room = width - size
		case size+1 <= room:
			*last += " " + word
			room -= size + 1
		default:
			lines = append(lines, word)
			room = width - size
		}
	}
	return lines
}
