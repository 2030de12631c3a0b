package shell

import (
	"context"
	"embed"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"minimega/completion"
	"minimega/shell/grammar"
	"minimega/shell/output"
)

// scripts are completion scripts, one for each shell, without the flags.
//
//go:embed scripts
var scripts embed.FS

// What the scripts ask for, in the place of a shell's name: what may stand at the
// end of the words behind -e, or what the line that is its only word may become.
const (
	completionWords = "words"
	completionLine  = "line"
)

// completionShells are the shells that there is a script for.
func completionShells() []string { return []string{"bash", "fish", "zsh"} }

// Completion writes what -completion asks for: the script of a shell, or, a
// line each, what may stand at the end of the words behind -e, or of that line,
// with a tab and what it is for. The latter asks the program that serves the base directory;
// its error wraps [ErrNotRunning] where there is none.
func (o Options) Completion(ctx context.Context, out io.Writer) error {
	switch o.Complete {
	case completionWords:
		return completeWords(ctx, o.Base, o.Execute, out)
	case completionLine:
		return completeLine(ctx, o.Base, strings.Join(o.Execute, " "), out)
	}
	script, err := scripts.ReadFile("scripts/minimega." + o.Complete)
	if err != nil {
		return err
	}
	fill := strings.NewReplacer(
		"@FLAGS@", strings.Join(o.eachFlag(func(f *flag.Flag, _, _ string) string { return "-" + f.Name }), " "),
		"@BASH_VALUES@", strings.Join(o.eachFlag(bashValue), "\n"),
		"@ZSH_FLAGS@", strings.Join(o.eachFlag(zshFlag), "\n"),
		"@FISH_FLAGS@", strings.Join(o.eachFlag(fishFlag), "\n"),
	)
	_, err = fill.WriteString(out, string(script))
	return err
}

// eachFlag returns what write makes of each flag, of the name of its value, ""
// where it takes none, and of its help, without what is empty.
func (o Options) eachFlag(write func(f *flag.Flag, value, help string) string) []string {
	var all []string
	o.flags.VisitAll(func(f *flag.Flag) {
		value, help := flag.UnquoteUsage(f)
		if text := write(f, value, help); text != "" {
			all = append(all, text)
		}
	})
	return all
}

// flagWords returns the values that a flag has, where they are few.
func flagWords(name string) string {
	switch name {
	case "completion":
		return strings.Join(completionShells(), " ")
	case "level":
		return strings.Join(levelNames(), " ")
	}
	return ""
}

// bashValue returns the case of a flag that takes a value.
func bashValue(f *flag.Flag, value, _ string) string {
	action := "COMPREPLY=($(compgen -W '" + flagWords(f.Name) + "' -- \"$cur\"))"
	switch value {
	case "":
		return ""
	case "directory":
		action = "_minimega_paths -d"
	case "file":
		action = "_minimega_paths -f"
	}
	return fmt.Sprintf("\t-%s | --%s) %s ;;", f.Name, f.Name, action)
}

// zshFlag returns a flag as _arguments takes it.
func zshFlag(f *flag.Flag, value, help string) string {
	help = strings.NewReplacer("'", `'\''`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(help)
	action := "(" + flagWords(f.Name) + ")"
	switch value {
	case "":
		return fmt.Sprintf("\t\t'-%s[%s]'", f.Name, help)
	case "directory":
		action = "_files -/"
	case "file":
		action = "_files"
	}
	return fmt.Sprintf("\t\t'-%s=[%s]:%s:%s'", f.Name, help, value, action)
}

// fishFlag returns the line of a flag.
func fishFlag(f *flag.Flag, value, help string) string {
	help = strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(help)
	takes := " -x -a '" + flagWords(f.Name) + "'"
	switch value {
	case "":
		takes = ""
	case "directory":
		takes = " -x -a '(__fish_complete_directories)'"
	case "file":
		takes = " -r -F"
	}
	return fmt.Sprintf("complete -c minimega -n 'not __minimega_behind_e' -o %s -d '%s'%s", f.Name, help, takes)
}

// completeWords writes what may stand in the place of the last of words.
func completeWords(ctx context.Context, base string, words []string, out io.Writer) error {
	line := ""
	if len(words) > 0 {
		last := len(words) - 1
		line = unfinishedLine(words[:last], words[last])
	}
	found, err := askEnd(ctx, base, line)
	if err != nil {
		return err
	}
	return writeCandidates(out, found.Candidates)
}

// completeLine writes what a line may become. What it may go on behind ends in a
// space. Where a word must be quoted all are, so that they begin alike.
func completeLine(ctx context.Context, base, line string, out io.Writer) error {
	found, err := askEnd(ctx, base, line)
	if err != nil {
		return err
	}
	quote := slices.ContainsFunc(found.Candidates, func(c completion.Candidate) bool { return grammar.Quote(c.Text) != c.Text })
	for i, c := range found.Candidates {
		word := grammar.Quote(c.Text)
		if quote && word == c.Text {
			word = `"` + word + `"`
		}
		if completion.Unfinished(c.Text) {
			word = strings.TrimSuffix(word, `"`)
		} else {
			word += " "
		}
		found.Candidates[i].Text = line[:found.Start] + word
	}
	return writeCandidates(out, found.Candidates)
}

// askEnd has a line completed at its end.
func askEnd(ctx context.Context, base, line string) (completion.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	return askCompletion(ctx, base, line, len(line))
}

// writeCandidates writes each on a line, with a tab and its help.
func writeCandidates(out io.Writer, all []completion.Candidate) error {
	for _, c := range all {
		if _, err := fmt.Fprintf(out, "%s\t%s\n", output.EscapeLine(c.Text), output.EscapeLine(c.Help)); err != nil {
			return err
		}
	}
	return nil
}

// unfinishedLine returns the line of words, of which the last goes on.
func unfinishedLine(words []string, last string) string {
	line := lexed(words)
	if len(words) > 0 {
		line += " "
	}
	if last == "" {
		return line
	}
	quoted := grammar.Quote(last)
	if strings.HasPrefix(quoted, `"`) {
		quoted = strings.TrimSuffix(quoted, `"`)
	}
	return line + quoted
}

// askCompletion has the program that serves base complete a line at a cursor.
func askCompletion(ctx context.Context, base, line string, cursor int) (completion.Result, error) {
	found := completion.Result{Start: cursor}
	c, err := dial(ctx, base)
	if err != nil {
		return found, err
	}
	defer c.Close()
	err = c.ask(request{Complete: &line, Cursor: cursor}, func(r incoming) { r.complete(cursor, &found) })
	return found, err
}

// complete sets found to what r says of a line before a cursor, if it does.
func (r incoming) complete(cursor int, found *completion.Result) {
	if r.Completion != nil && r.Completion.Start >= 0 && r.Completion.Start <= cursor {
		*found = *r.Completion
	}
}
