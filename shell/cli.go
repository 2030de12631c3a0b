package shell

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"minimega/shell/grammar"
	"minimega/vmconfig"
)

// Bits of an item's type in the JSON of -cli.
const (
	cliOptional = 1 << iota
	cliLiteral
	cliCommand
	cliString
	cliChoice
	cliList
)

// cliEntry is a line of the table in the JSON of -cli. Every key is always
// present, and no list is null.
type cliEntry struct {
	HelpShort      string      `json:"help_short"`
	HelpLong       string      `json:"help_long"`
	Patterns       []string    `json:"patterns"`
	SharedPrefix   string      `json:"shared_prefix"` // fixed words that all patterns begin with
	ParsedPatterns [][]cliItem `json:"parsed_patterns"`
}

// cliItem is a place of a pattern.
type cliItem struct {
	Type    int      `json:"type"`    // bits
	Key     string   `json:"key"`     // by which programs name the argument
	Text    string   `json:"text"`    // as people read it
	Options []string `json:"options"` // of a choice
}

// printCLI prints the table of commands for -cli.
func printCLI(out io.Writer) error {
	text, err := cli()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", text)
	return err
}

// cli returns the table of commands as JSON, for programs that write clients.
// Its error wraps [grammar.ErrPattern].
func cli() ([]byte, error) {
	s := &Shell{cfg: Config{VM: vmconfig.New("/")}}
	entries := []cliEntry{}
	for _, command := range s.table() {
		entry, err := command.cli()
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return nil, fmt.Errorf("-cli: %w", err)
	}
	return text, nil
}

// cli returns c as -cli prints it.
func (c *Command) cli() (cliEntry, error) {
	entry := cliEntry{HelpShort: c.Help, HelpLong: c.Long, Patterns: []string{}}
	var compiled []grammar.Pattern
	for _, source := range c.Patterns {
		p, err := grammar.Compile(source)
		if err != nil {
			return entry, err
		}
		compiled = append(compiled, p)
		entry.Patterns = append(entry.Patterns, p.Usage())
		entry.ParsedPatterns = append(entry.ParsedPatterns, cliItems(p))
	}
	entry.SharedPrefix = strings.Join(sharedPrefix(compiled), " ")
	return entry, nil
}

func cliItems(p grammar.Pattern) []cliItem {
	items := []cliItem{}
	for _, item := range p.Items {
		one := cliItem{Type: cliType(item.Kind), Key: strings.TrimRight(item.Key, ","), Text: item.Source, Options: []string{}}
		if item.Optional {
			one.Type |= cliOptional
		}
		if item.Kind == grammar.Choice {
			one.Options = slices.Clone(item.Options)
		}
		items = append(items, one)
	}
	return items
}

func cliType(k grammar.Kind) int {
	switch k {
	case grammar.Literal:
		return cliLiteral
	case grammar.Nested:
		return cliCommand
	case grammar.Choice:
		return cliChoice
	case grammar.List:
		return cliList
	}
	return cliString
}

// sharedPrefix returns the fixed words that all patterns begin with.
func sharedPrefix(all []grammar.Pattern) []string {
	var shared []string
	for i, p := range all {
		words := p.Fixed()
		if i == 0 {
			shared = words
		}
		n := 0
		for n < len(shared) && n < len(words) && shared[n] == words[n] {
			n++
		}
		shared = shared[:n]
	}
	return shared
}
