package shell

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"minimega/vmconfig"
)

func TestHelpFitsATerminal(t *testing.T) {
	n := newNode(t, "foo")
	n.cfg.VM = vmconfig.New("/files")
	c := NewClient(nil, nil)
	texts := []string{n.run(t, c, "help")}
	for i := range n.commands {
		texts = append(texts, n.entry(i))
	}
	for _, text := range texts {
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if width := utf8.RuneCountInString(line); width > helpWidth && strings.Contains(line, "  ") {
				t.Errorf("%d columns: %s", width, line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("white space at the end of %q", line)
			}
		}
	}
	if all := texts[0]; !strings.Contains(all, "\nfile stream <file>                  hand a file to the program at the socket\n") ||
		!strings.Contains(all, "\nmesh send <hostname or range or all> (command)\n                                    run a command on other nodes\n") {
		t.Errorf("the list is not in columns:\n%s", all)
	}
}

func TestWrapBreaksBetweenWords(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"one", []string{"one"}},
		{"one two\nthree", []string{"one two", "three"}},
		{"one two three", []string{"one two", "three"}},
		{"longerthanaline b", []string{"longerthanaline", "b"}},
		{"äöü äöü", []string{"äöü äöü"}},
	} {
		if got := wrap(tt.text, 7); !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestAMistypedWordGetsTheNearest(t *testing.T) {
	n, c := newNode(t, "foo"), NewClient(nil, nil)
	expect(t, n.run(t, c, "FILE list"), "Error (foo): invalid command: `FILE list`: `FILE` is not known, did you mean `file`?\n")
	expect(t, n.run(t, c, "clear vm config mmeory"), "Error (foo): unknown field: \"mmeory\": did you mean `memory`?\n")
	expect(t, n.run(t, c, "clear vm config tagss key"), "Error (foo): unknown field: \"tagss\": did you mean `tags`?\n")
}
