package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"minimega/shell"
)

func TestDocumentsAreWhatTheTableOfCommandsSays(t *testing.T) {
	all, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range all {
		got, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", name))
		if err != nil || string(got) != want {
			t.Errorf("docs/%s: must say what the commands and flags are, but is out of date (%v): run scripts/manual", name, err)
		}
	}
}

func TestEveryCommandIsInBothDocuments(t *testing.T) {
	entries, err := shell.Manual()
	if err != nil || len(entries) == 0 {
		t.Fatal(len(entries), err)
	}
	all, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if nameOf(e) == "" {
			t.Errorf("%q: its forms share no word", e.Usage)
		}
		for _, form := range e.Usage {
			if !strings.Contains(all["commands.md"], "\n"+form+"\n") {
				t.Errorf("commands.md lacks %q", form)
			}
			if !strings.Contains(all["minimega.1"], "\n.B "+plain(form)+"\n") {
				t.Errorf("minimega.1 lacks %q", form)
			}
		}
	}
}

func TestEveryLinkOfTheContentsLeadsToAHeading(t *testing.T) {
	all, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	text := all["commands.md"]
	headings := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^##+ (.*)$`).FindAllStringSubmatch(text, -1) {
		headings[anchor(m[1])]++
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(text, -1) {
		if headings[m[1]] != 1 {
			t.Errorf("#%s is the name of %d headings", m[1], headings[m[1]])
		}
	}
}

func TestProseKeepsItsSignsInBothFormats(t *testing.T) {
	if got, want := prose("a*b `c*d` <e>"), "a\\*b `c*d` \\<e\\>"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := plain("a … b"); got != "a ... b" {
		t.Errorf("%q is not what every roff can print", got)
	}
	if got, want := plain(".csv true\n-e a\\b"), "\\&.csv true\n\\-e a\\eb"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
