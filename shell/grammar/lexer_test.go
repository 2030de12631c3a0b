package grammar

import (
	"errors"
	"slices"
	"testing"
)

func TestLexSplitsAsTheRulesSay(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"", nil}, {"  \t ", nil}, {"a b", []string{"a", "b"}}, {" a\u00a0b\u2003c ", []string{"a", "b", "c"}},
		{`"a b" 'c d'`, []string{"a b", "c d"}}, {`a"b c"d'e'`, []string{"ab cde"}}, {`""`, []string{""}}, {`'' a`, []string{"", "a"}},
		{`"it's"`, []string{"it's"}}, {`'a\'b\"c'`, []string{`a'b"c`}}, {`a\tb\nc\rd\\e\#f`, []string{"a\tb\nc\rd\\e#f"}},
		{"a#b c", []string{"a"}}, {"# all", nil}, {`"#" b # c`, []string{"#", "b"}},
		{"naïve 日本", []string{"naïve", "日本"}}, {"a\xffb", []string{"a\xffb"}},
	} {
		line, err := Lex(tt.line)
		var got []string
		for _, w := range line.Words {
			got = append(got, w.Text)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, %v, want %q", tt.line, got, err, tt.want)
		}
	}
}

func TestLexSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		line, want string
		kind       error
	}{
		{`a "b`, `missing terminal "`, ErrQuote}, {`'`, `missing terminal '`, ErrQuote},
		{`a\`, "expected escape character", ErrEscape}, {`a\x`, "unexpected escaped character: x", ErrEscape},
	} {
		_, err := Lex(tt.line)
		if err == nil || err.Error() != tt.want || !errors.Is(err, tt.kind) {
			t.Errorf("%q: got %v, want %s", tt.line, err, tt.want)
		}
	}
}

func TestRestIsTheLineWithoutComment(t *testing.T) {
	line, _ := Lex(`mesh send all  echo "a  b" # why`)
	if got := line.Rest(3); got != `echo "a  b"` {
		t.Errorf("got %q", got)
	}
}

func FuzzLexer(f *testing.F) {
	for _, seed := range []string{"file get a", `a "b c" 'd' \n#`, "", `\`, `"`, "a\xff\u2003b", `""''`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line, err := Lex(text)
		for _, w := range line.Words {
			if w.Start < 0 || w.End < w.Start || w.End > len(text) {
				t.Fatalf("%q: word %+v out of range", text, w)
			}
		}
		if err != nil {
			return
		}
		for _, w := range line.Words { // what is quoted reads as the same word again
			again, err := Lex(Quote(w.Text))
			if err != nil || len(again.Words) != 1 || again.Words[0].Text != w.Text {
				t.Fatalf("%q quoted is %s, reads as %v, %v", w.Text, Quote(w.Text), again.Words, err)
			}
		}
		SplitPartial(text)
	})
}
