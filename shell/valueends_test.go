package shell

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEachKindOfJSONValueIsAnsweredAtOnce(t *testing.T) {
	base := serve(t, newNode(t, "foo"))
	const neither = "must specify either command or suggest"
	for _, tt := range []struct {
		sent  string // and not a byte more
		want  string
		stays bool
	}{
		{`{"Command":"echo a"}`, "foo: a", true},
		{`{}`, neither, true},
		{`null`, neither, true},
		{` null`, neither, true},
		{`null{"Command":"echo a"}`, neither, true},
		{`"hello"`, "must be a JSON object with Command or Suggest, but is a JSON string", false},
		{`"he said \"no\" \\"`, "but is a JSON string", false},
		{`""`, "but is a JSON string", false},
		{`5`, "but is a JSON number", false},
		{`-1.5e+7`, "but is a JSON number", false},
		{`true`, "but is a JSON bool", false},
		{`false`, "but is a JSON bool", false},
		{`["hello"]`, "but is a JSON array", false},
		{`{"Command":5}`, "must be a JSON object", false},
		{`nonsense`, "must be a JSON object", false},
		{`}`, "must be a JSON object", false},
	} {
		p := connect(t, base)
		p.send(tt.sent)
		if got := p.line(); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.sent, got, tt.want)
		}
		if tt.stays {
			p.send(`{"Command":"echo still"}`)
			for got := p.line(); !strings.Contains(got, "foo: still"); got = p.line() {
				if !strings.Contains(got, "foo: a") {
					t.Errorf("%s: then %s", tt.sent, got)
				}
			}
		} else if _, err := p.r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: then %v, want the end", tt.sent, err)
		}
	}
}

func TestValuesAreTheSameHoweverTheyComeInPieces(t *testing.T) {
	const text = `{"a":[1,"}",{"b":"\"]"}]} null "x\\" true [null,"y"]{"c":12}"z"false` + "\n"
	want := values(t, strings.NewReader(text))
	got := values(t, &valueEnds{r: iotest.OneByteReader(strings.NewReader(text))})
	if len(want) != 8 || strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// values returns all values that r holds.
func values(t *testing.T, r io.Reader) (all []string) {
	for d := json.NewDecoder(r); ; {
		var v any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
}

func FuzzValueEnds(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `"x"`, `null 1`, `[[]`, `"\`, "\xff", `tru`, `}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 256 { // what a decoder reads at once
			return
		}
		plain, ended := json.NewDecoder(strings.NewReader(string(in))), json.NewDecoder(&valueEnds{r: strings.NewReader(string(in))})
		for {
			var want, got json.RawMessage
			failed := plain.Decode(&want)
			if err := ended.Decode(&got); (err == nil) != (failed == nil) || string(got) != string(want) {
				t.Fatalf("%q: got %q, %v, want %q, %v", in, got, err, want, failed)
			}
			if failed != nil {
				return
			}
		}
	})
}
