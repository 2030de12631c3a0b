package main

import (
	"fmt"
	"regexp"
	"strings"

	"minimega/shell"
)

// intro is how the commands are read.
const intro = "# Commands\n\n" +
	"Written by `scripts/manual` from the program's own table, which `help` prints too: do not edit it here.\n\n" +
	"In the forms below `<word>` must be given and `[word]` may be left out; behind `...` any number may follow, and\n" +
	"`(command)` is another command, to the end of the line. Words may be abbreviated as long as one command is meant:\n" +
	"`vm con disk` is `vm config disks`. Words with spaces stand in quotes; `#` begins a comment.\n"

// markdown returns docs/commands.md.
func markdown(chapters []chapter, flags []shell.Flag) string {
	var b strings.Builder
	b.WriteString(intro)
	contents(&b, chapters)
	for _, c := range chapters {
		fmt.Fprintf(&b, "\n## %s\n", c.title)
		for _, e := range c.entries {
			command(&b, e)
		}
	}
	b.WriteString("\n## Flags\n\nOf the program, `minimega [flags] [-e command]`.\n\n| flag | |\n|---|---|\n")
	for _, f := range flags {
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimSpace("-"+f.Name+" "+f.Argument), strings.ReplaceAll(prose(f.Help+whenLeft(f)), "|", `\|`))
	}
	return b.String()
}

// contents links all commands, a line a chapter.
func contents(b *strings.Builder, chapters []chapter) {
	for _, c := range chapters {
		links := make([]string, 0, len(c.entries))
		for _, e := range c.entries {
			links = append(links, fmt.Sprintf("[%s](#%s)", e.name, anchor(e.name)))
		}
		fmt.Fprintf(b, "\n**%s**: %s\n", c.title, strings.Join(links, ", "))
	}
	b.WriteString("\n**[Flags](#flags)** of the program\n")
}

// anchor returns what a heading is linked by.
func anchor(heading string) string {
	kept := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}

// command describes one command.
func command(b *strings.Builder, e entry) {
	fmt.Fprintf(b, "\n### %s\n\n%s.\n\n```\n%s\n```\n", e.name, prose(sentence(e.Help)), strings.Join(e.Usage, "\n"))
	if e.Long != "" {
		fmt.Fprintf(b, "\n%s\n", prose(strings.TrimSpace(e.Long)))
	}
	if e.Example != "" {
		fmt.Fprintf(b, "\nFor example:\n\n```\n%s\n```\n", e.Example)
	}
}

// sentence begins a line of help as a sentence does.
func sentence(help string) string { return strings.ToUpper(help[:1]) + help[1:] }

// whenLeft says what a flag that is left out stands for.
func whenLeft(f shell.Flag) string {
	if f.Default == "" {
		return ""
	}
	return fmt.Sprintf(" (default %s)", f.Default)
}

// prose escapes what Markdown would take for its own, except between
// backquotes.
func prose(text string) string {
	special := regexp.MustCompile(`[<>*_~\[\]\\]`)
	parts := strings.Split(text, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = special.ReplaceAllString(parts[i], `\$0`)
	}
	return strings.Join(parts, "`")
}
