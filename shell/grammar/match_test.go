package grammar

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func testGrammar(t testing.TB) *Grammar {
	t.Helper()
	g, err := New([][]string{
		0:  {"file list", "file list <recursive,>", "file list <path> [recursive,]"},
		1:  {"file get <file>", "file get <file> <from,> <node>"},
		2:  {"file status"},
		3:  {"mesh send <clients:range or all> (command)"},
		4:  {"mesh status"},
		5:  {"vm config"},
		6:  {"vm config disks [diskspec]..."},
		7:  {"vm config snapshot [value:true,false]"},
		8:  {"vm config save <name>"},
		9:  {"help [command]..."},
		10: {"host [field]"},
		11: {"history"},
		12: {".csv [value:true,false]", ".csv <value:true,false> (command)"},
		13: {".columns <columns> (command)"},
		14: {"version"},
		15: {"vm config tag <key> [value]"},
		16: {"vm config tags"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// render returns m in one line.
func render(m *Match) string {
	if m == nil {
		return "nothing"
	}
	text := fmt.Sprint(m.Command)
	for _, key := range slices.Sorted(maps.Keys(m.Values)) {
		text += fmt.Sprintf(" %s=%s", key, m.Values[key])
	}
	for _, key := range slices.Sorted(maps.Keys(m.Lists)) {
		text += fmt.Sprintf(" %s=%q", key, m.Lists[key])
	}
	if m.Nested != nil {
		text += " (" + render(m.Nested) + ")"
	}
	return text
}

func TestParseUnderstandsAbbreviations(t *testing.T) {
	g := testGrammar(t)
	for line, want := range map[string]string{
		"":                        "nothing",
		"# file list":             "nothing",
		"file list":               "0",
		"f l":                     "0",
		"fi li rec":               "0 path=rec",
		"file list recursive":     "0 recursive,=recursive",
		"file list recursive rec": "0 path=recursive recursive,=recursive",
		"f g foo":                 "1 file=foo",
		"f g foo from kn1":        "1 file=foo from,=from node=kn1",
		"f s":                     "2",
		"mesh s":                  "4",
		"m s kn[1-2] f g x":       "3 clients=kn[1-2] (1 file=x)",
		"v conf dis a b":          `6 diskspec=["a" "b"]`,
		"vm config disk":          "6",
		"vm config snap t":        "7 value=true",
		"vm config tag":           "16",
		"vm config tags":          "16",
		"vm config tag k":         "15 key=k",
		"help a b":                `9 command=["a" "b"]`,
		".csv":                    "12",
		".csv true":               "12 value=true",
		".csv false .columns a,b mesh send x version": "12 value=false (13 columns=a,b (3 clients=x (14)))",
		`file get "a b"`: "1 file=a b",
		`file get ""`:    "1 file=",
	} {
		m, err := g.Parse(line)
		if got := render(m); err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", line, got, err, want)
		}
	}
}

func TestWhatYieldsIsMeantWhenSpelledOnly(t *testing.T) {
	g, err := New([][]string{{"file list [path]"}, {"file limit [rate]"}, {"file stream <file>"}})
	if err != nil {
		t.Fatal(err)
	}
	g.Yield(1)
	for line, want := range map[string]string{"f l": "0", "f li x": "0 path=x", "f lim": "1", "file limit 5": "1 rate=5"} {
		m, err := g.Parse(line)
		if got := render(m); err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", line, got, err, want)
		}
	}
}

func TestParseNamesWhatCouldBeMeant(t *testing.T) {
	g := testGrammar(t)
	for line, want := range map[string]string{
		"h":                      "invalid command: `h`: could be help [command]..., history or host [field]: type more of it",
		"hst":                    "invalid command: `hst`: `hst` is not known, did you mean `host`?",
		"frobnicate x":           "invalid command: `frobnicate x`: `frobnicate` is not known: type help for the list of commands",
		"file lsit":              "invalid command: `file lsit`: `lsit` is not known, did you mean `list`?",
		"file get":               "invalid command: `file get`: is not complete: type `file get <file>` or `file get <file> from <node>`",
		"file status now":        "invalid command: `file status now`: `now` is a word too many: type `file status`",
		"vm config snapshot yes": "invalid command: `vm config snapshot yes`: `yes` is not known here: must be false or true",
		"mesh send all":          "invalid command: `mesh send all`: is not complete: type `mesh send <range or all> (command)`",
		"mesh send all fil lsit": "invalid command: `fil lsit`: `lsit` is not known, did you mean `list`?",
		".csv maybe file list":   "invalid command: `.csv maybe file list`: `maybe` is not known here: must be false or true",
		`file get ""  "" `:       "invalid command: `file get \"\"  \"\"`: `` is not known here: must be from",
	} {
		_, err := g.Parse(line)
		var wrong *MatchError
		if !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", line, err, want)
		}
	}
}

func TestCompileRefusesWhatCannotMatch(t *testing.T) {
	for _, source := range []string{"", "<a>", "a [b] <c>", "a [b]... c", "a (b) c", "a <", "a <>", "a ()", "a (b", "a<b>", "a <:x>", "a <,>"} {
		if _, err := Compile(source); !errors.Is(err, ErrPattern) {
			t.Errorf("%q: got %v", source, err)
		}
	}
}

func TestNextTellsWhatMayFollow(t *testing.T) {
	g := testGrammar(t)
	for words, want := range map[string]string{
		"file":                    "get get list list list status",
		"file get x":              "from",
		"mesh send all file get":  "<file> <file>",
		"mesh send":               "<range or all>",
		".csv true vm config tag": "<key>",
		"help x y":                "[command]...",
		"version x":               "",
		"# x":                     "",
	} {
		var got []string
		for _, n := range g.Next(strings.Fields(words)) {
			got = append(got, n.Item.Source)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", words, strings.Join(got, " "), want)
		}
	}
}

func TestACommandThatIsSpelledInFullGoesOnAlone(t *testing.T) {
	g, err := New([][]string{{"vm init [value]"}, {"vm initrd [path]"}, {"vm <name> [rest]"}})
	if err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{"vm init": "[value] [rest]", "vm ini": "[value] [path] [rest]", "vm initr": "[path] [rest]"} {
		var got []string
		for _, n := range g.Next(strings.Fields(words)) {
			got = append(got, n.Item.Source)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", words, got, want)
		}
	}
}

func TestManyNestedCommandsAreNoTrap(t *testing.T) {
	g := testGrammar(t)
	for _, line := range []string{strings.Repeat(".c true ", 5000), strings.Repeat(".csv true .columns a ", 10)} {
		if _, err := g.Parse(line + "version"); err != nil && len(line) < 1000 {
			t.Error(err)
		}
		g.Next(strings.Fields(line))
	}
}

func FuzzCompile(f *testing.F) {
	g := testGrammar(f)
	f.Add("file get <file:a name> [x,y] [z]...", "file get a x b c")
	f.Add("a <b,> (c)", "a b version")
	f.Add("mesh send <x> (y)", ".csv true mesh send a .columns b f l")
	f.Fuzz(func(t *testing.T, source, line string) {
		if m, err := g.Parse(line); err == nil && m != nil && m.Pattern == "" {
			t.Fatalf("%q: matched nothing", line)
		}
		p, err := Compile(source)
		if err != nil {
			if !errors.Is(err, ErrPattern) {
				t.Fatalf("%q: %v", source, err)
			}
			return
		}
		own, err := New([][]string{{source}, {"version"}})
		if err != nil {
			t.Fatalf("%q compiles alone only: %v", source, err)
		}
		_, _ = own.Parse(line)
		own.Next(strings.Fields(line))
		if p.Usage() == "" {
			t.Fatalf("%q has no usage", source)
		}
	})
}
