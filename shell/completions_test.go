package shell

import (
	"bytes"
	"strings"
	"testing"

	"minimega/shell/grammar"
)

func TestEachShellHasAScriptThatKnowsEveryFlag(t *testing.T) {
	for _, shell := range completionShells() {
		o, err := Parse([]string{"-completion", shell})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := o.Completion(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		for _, pair := range o.Args() {
			if !strings.Contains(out.String(), pair[0]) {
				t.Errorf("%s: nothing of -%s", shell, pair[0])
			}
		}
		if strings.Contains(out.String(), "@") && strings.Contains(out.String(), "FLAGS@") {
			t.Errorf("%s: something is left to fill in", shell)
		}
	}
}

func TestWordsBecomeALineThatGoesOn(t *testing.T) {
	for _, c := range [][]string{
		{"file", "get", ""}, {"file", "get", "two w"}, {"file", "get", "a#b"}, {"two words", `it's "so"`}, {`back\slash`, `on\`}, {""},
	} {
		line := unfinishedLine(c[:len(c)-1], c[len(c)-1])
		words, last, ok := grammar.SplitPartial(line)
		if got := append(words, last.Text); !ok || strings.Join(got, "|") != strings.Join(c, "|") {
			t.Errorf("%q became %q, which is %q", c, line, got)
		}
	}
}
