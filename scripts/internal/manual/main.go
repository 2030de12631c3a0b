// Command manual writes docs/commands.md and the man page docs/minimega.1 from
// the program's own table of commands and flags. The package's test fails when
// they are out of date.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"minimega/shell"
)

func main() {
	dir := flag.String("dir", "docs", "where the documents are written")
	flag.Parse()
	if err := write(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

// write writes the documents.
func write(dir string) error {
	all, err := documents()
	if err != nil {
		return err
	}
	var errs []error
	for name, text := range all {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return errors.Join(errs...)
}

// documents returns the texts of the documents by their files' names.
func documents() (map[string]string, error) {
	entries, err := shell.Manual()
	if err != nil {
		return nil, err
	}
	chapters, flags := arrange(entries), shell.ManualFlags()
	return map[string]string{"commands.md": markdown(chapters, flags), "minimega.1": roff(chapters, flags)}, nil
}

// chapter is commands that belong together.
type chapter struct {
	title   string
	entries []entry
}

// entry is a command under its name.
type entry struct {
	name string // see nameOf
	shell.Entry
}

// titles are the chapters in order; what fits none goes to the last.
func titles() []string {
	return []string{"Files", "Mesh", "Virtual machines", "Output and settings", "Everything else"}
}

// title returns the chapter of a command.
func title(name string) string {
	all := titles()
	switch words := strings.Fields(name); {
	case words[0] == "file":
		return all[0]
	case words[0] == "mesh":
		return all[1]
	case slices.Contains(words, "vm"):
		return all[2]
	case strings.HasPrefix(name, "."):
		return all[3]
	}
	return all[4]
}

// arrange sorts commands into chapters, by name.
func arrange(entries []shell.Entry) []chapter {
	var chapters []chapter
	for _, t := range titles() {
		c := chapter{title: t}
		for _, e := range entries {
			if name := nameOf(e); title(name) == t {
				c.entries = append(c.entries, entry{name, e})
			}
		}
		slices.SortStableFunc(c.entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
		for i := len(c.entries) - 1; i > 0; i-- {
			if c.entries[i].name == c.entries[i-1].name {
				c.entries[i].name = c.entries[i].Usage[0] // a heading of its own
			}
		}
		if len(c.entries) > 0 {
			chapters = append(chapters, c)
		}
	}
	return chapters
}

// nameOf returns the words that a command's forms begin with; where no form
// has only those that they share, those of each.
func nameOf(e shell.Entry) string {
	shared := literals(e.Usage[0])
	var names []string
	for _, form := range e.Usage {
		words := literals(form)
		n := 0
		for n < min(len(shared), len(words)) && shared[n] == words[n] {
			n++
		}
		shared = shared[:n]
		if name := strings.Join(words, " "); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if all := strings.Join(shared, " "); slices.Contains(names, all) {
		return all
	}
	return strings.Join(names, ", ")
}

// literals returns the words that a form begins with.
func literals(form string) []string {
	words := strings.Fields(form)
	n := slices.IndexFunc(words, func(w string) bool { return strings.ContainsAny(w[:1], "<[(") })
	if n < 0 {
		n = len(words)
	}
	return words[:n]
}
