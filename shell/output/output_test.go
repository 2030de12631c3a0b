package output

import (
	"errors"
	"strings"
	"testing"
)

func TestRender(t *testing.T) {
	list := func(host string, rows ...[]string) Response {
		return Response{Host: host, Header: []string{"name", "size"}, Tabular: rows}
	}
	text := func(host, s string) Response { return Response{Host: host, Response: s} }
	plain := func(change func(*Settings)) Settings {
		s := Defaults()
		change(&s)
		return s
	}
	for name, tt := range map[string]struct {
		in   Responses
		set  Settings
		want string
	}{
		"an empty table prints nothing": {Responses{list("a")}, Defaults(), ""},
		"tables of several hosts are one, sorted, numbers by value": {
			Responses{list("b", []string{"x", "10"}), list("a", []string{"x", "9"}, []string{"x", "10"})}, Defaults(),
			"host  | name | size\na     | x    | 9\na     | x    | 10\nb     | x    | 10",
		},
		"a long host widens its column": {Responses{list("longhost", []string{"x", "1"})}, Defaults(), "host     | name | size\nlonghost | x    | 1"},
		"wide characters count as two":  {Responses{list("a", []string{"日本", "1"}, []string{"b", "2"})}, Defaults(), "host  | name | size\na     | b    | 2\na     | 日本 | 1"},
		"control characters are spelled out": {
			Responses{list("a", []string{"x\x1b[31m\n", "1"})}, plain(func(s *Settings) { s.Annotate = false }),
			"name        | size\nx\\x1b[31m\\n | 1",
		},
		"order is kept where it is wanted": {Responses{list("b", []string{"y", "2"}, []string{"x", "1"})}, plain(func(s *Settings) { s.Sort, s.Headers = false, false }), "b     | y  | 2\nb     | x  | 1"},
		"csv":                              {Responses{list("a", []string{"x,y", `"q"`})}, plain(func(s *Settings) { s.CSV = true }), "host,name,size\na,\"x,y\",\"\"\"q\"\"\""},
		"texts have their host":            {Responses{text("a", "one\ntwo\n")}, Defaults(), "a: one\ntwo"},
		"a bare text has none":             {Responses{{Host: "a", Response: "x", Bare: true}}, Defaults(), "x"},
		"equal texts are printed once": {
			Responses{text("b", "same"), text("a", "same"), text("c", "other")},
			plain(func(s *Settings) { s.Condense = func(h []string) string { return "<" + strings.Join(h, "+") + ">" } }),
			"<b+a>: same\nc: other",
		},
		"groups are in the order of their hosts, not of their texts": {
			Responses{text("b", "1"), text("a", "2"), text("b", "2"), text("a", "0")},
			plain(func(s *Settings) { s.Annotate = false }),
			"0\n2\n1",
		},
		"texts come as they came where neither order nor groups are wanted": {
			Responses{text("b", "same"), text("a", "same")},
			plain(func(s *Settings) { s.Sort, s.Compress = false, false }),
			"b: same\na: same",
		},
		"a single answer is after its host": {Responses{text("a", "x")}, Defaults(), "a: x"},
		"compress is nothing to tables": {
			Responses{list("a", []string{"x", "1"}), list("b", []string{"x", "1"})}, Defaults(),
			"host  | name | size\na     | x    | 1\nb     | x    | 1",
		},
		"errors are left out":          {Responses{{Host: "a", Error: "no"}, text("b", "yes")}, Defaults(), "b: yes"},
		"texts and tables do not mix":  {Responses{text("a", "x"), list("b")}, Defaults(), "responses mix simple and tabular data"},
		"headers must agree":           {Responses{{Host: "a", Header: []string{"x"}}, list("b")}, Defaults(), "header mismatch, hosts: a, b"},
		"rows must be as the header":   {Responses{list("a", []string{"x"})}, Defaults(), "tabular width mismatch, host: a, row: 0"},
		"json has everything":          {Responses{{Host: "a", Error: "no"}}, plain(func(s *Settings) { s.JSON = true }), `[{"Host":"a","Response":"","Header":null,"Tabular":null,"Error":"no","Data":null}]`},
		"no responses are no json too": {nil, plain(func(s *Settings) { s.JSON = true }), ""},
	} {
		if got := Render(tt.in, tt.set); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, tt.want)
		}
	}
}

func TestErrorLinesCannotBeFaked(t *testing.T) {
	if got := ErrorLine("a\n", "x\nError (b): y\x1b[2J\n"); got != "Error (a\\n): x\n  Error (b): y\\x1b[2J" {
		t.Errorf("%q", got)
	}
}

func TestColumnsAreFoundByTheirBeginning(t *testing.T) {
	header := []string{"id", "idle", "name", "Memory"}
	for name, want := range map[string]int{"id": 0, "idl": 1, "n": 2, "MEM": 3, "i": -1, "x": -1} {
		i, err := Column(header, name)
		if want < 0 && !errors.Is(err, ErrColumn) || want >= 0 && (err != nil || i != want) {
			t.Errorf("%s: got %d, %v", name, i, err)
		}
	}
}

func TestSelectLeavesItsInputAlone(t *testing.T) {
	in := Responses{{Host: "a", Header: []string{"x", "tags"}, Tabular: [][]string{{"1", "[k v]"}, {"2", ""}}}}
	f, err := ParseFilter("tags=K")
	if err != nil {
		t.Fatal(err)
	}
	host, _ := ParseFilter("host=A")
	out, err := in.Select(Settings{Columns: []string{"tags", "host"}, Filters: []Filter{f, host}})
	if err != nil || len(out[0].Tabular) != 1 || out[0].Tabular[0][0] != "[k v]" || len(out[0].Header) != 1 {
		t.Errorf("%v %v", out, err)
	}
	if len(in[0].Tabular) != 2 || len(in[0].Header) != 2 {
		t.Errorf("input changed: %v", in)
	}
}

func FuzzTerminalEscape(f *testing.F) {
	f.Add("a\x1b[31mb\r\n\u202e\xff\u2028")
	f.Fuzz(func(t *testing.T, text string) {
		for _, out := range []string{Escape(text), EscapeLine(text)} {
			for _, r := range out {
				if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0x202e {
					t.Fatalf("%q became %q", text, out)
				}
			}
			if again := Escape(out); again != out {
				t.Fatalf("%q is escaped twice: %q", out, again)
			}
		}
	})
}
