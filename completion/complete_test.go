package completion

import (
	"slices"
	"strings"
	"testing"
)

// toy is a grammar of a few commands, with the quoting of the real one.
type toy struct{}

func (toy) Split(line string) (words []string, last Partial) {
	last.Start = len(line)
	var word []byte
	in, escaped := false, false
	for i := 0; i < len(line); i++ {
		c := line[i]
		if !in && !isSpace(c) {
			in, last.Start = true, i
		}
		switch {
		case escaped:
			escaped = false
			word = append(word, unescape(c))
		case c == '\\':
			escaped = true
		case last.Quote != 0 && c == last.Quote:
			last.Quote = 0
		case last.Quote != 0:
			word = append(word, c)
		case c == '"' || c == '\'':
			last.Quote = c
		case isSpace(c):
			if in {
				words = append(words, string(word))
			}
			word, in, last.Start = nil, false, len(line)
		default:
			word = append(word, c)
		}
	}
	last.Text = string(word)
	return words, last
}

func isSpace(c byte) bool { return strings.IndexByte(" \t\r\n\v\f", c) >= 0 }

func unescape(c byte) byte {
	if i := strings.IndexByte("nrt", c); i >= 0 {
		return "\n\r\t"[i]
	}
	return c
}

func (g toy) Slots(words []string) []Slot {
	if len(words) >= 3 && words[0] == "mesh" && words[1] == "send" {
		return g.Slots(words[3:])
	}
	switch strings.Join(words, " ") {
	case "":
		return []Slot{{Kind: Word, Words: []Candidate{{Text: "file", Help: "files"}, {Text: "filter"}, {Text: "mesh"}, {Text: "vm"}}}}
	case "file":
		return []Slot{{Kind: Word, Words: []Candidate{{Text: "get"}, {Text: "list"}}}}
	case "file get":
		return []Slot{{Kind: MeshFile}, {Kind: MeshFile}}
	case "mesh":
		return []Slot{{Kind: Word, Words: []Candidate{{Text: "send"}}}}
	case "mesh send":
		return []Slot{{Kind: Node, Words: []Candidate{{Text: "all"}}}}
	case "vm":
		return []Slot{{Kind: LocalFile, Options: []Candidate{{"ide", "interface"}, {"unsafe", "cache"}, {"virtio", "interface"}, {"writeback", "cache"}}}}
	case "filter":
		return []Slot{{Kind: Command}}
	}
	return nil
}

// known is a fixed set of names.
type known map[Kind][]string

func (k known) Names(kind Kind, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(k[kind]), func(s string) bool { return !strings.HasPrefix(s, prefix) })
}

func world() known {
	return known{
		MeshFile:  {"foo.qc2", "foo.img", "foo.qc2", "dir/", "my file", "my disk", "ünï", "a#b", "it's"},
		LocalFile: {"local.img", "löcal"},

		MeshArchive: {"dir/", "fs.tar.gz"},
		Node:        {"kn1", "kn2", "kn10", "other"},
		Variable:    {"HOST", "HOME"},
	}
}

func TestCompleteInserts(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"fi", "fil"},
		{"file", "file "},
		{"m", "mesh "},
		{"", ""},
		{"file g", "file get "},
		{"file get f", "file get foo."},
		{"file get foo.q", "file get foo.qc2 "},
		{"file get d", "file get dir/"},
		{"file get m", `file get "my `},
		{"file get my", `file get "my `},
		{`file get "my f`, `file get "my file" `},
		{`file get 'my f`, `file get 'my file' `},
		{`file get "d`, `file get "dir/`},
		{"file get a", `file get "a#b" `},
		{"file get i", `file get "it's" `},
		{"file get 'i", `file get 'it\'s' `},
		{"file get ü", "file get ünï "},
		{"anything at all file:foo.q", "anything at all file:foo.qc2 "},
		{"vm file:/foo.q", "vm file:/foo.qc2 "},
		{`vm "file:my f`, `vm "file:my file" `},
		{"vm tar:d", "vm tar:dir/"},
		{"vm tar:f", "vm tar:fs.tar.gz "},
		{"vm tar:/f", "vm tar:/fs.tar.gz "},
		{"vm local.img,virtio,v", "vm local.img,virtio,v"},
		{"vm local.img,virtio,u", "vm local.img,virtio,unsafe "},
		{"vm local.img,writeback,u", "vm local.img,writeback,u"},
		{"vm file:", "vm file:"},
		{"vm lo", "vm local.img "},
		{"vm file:foo.qc2,vi", "vm file:foo.qc2,virtio "},
		{"vm local.img,virtio,w", "vm local.img,virtio,writeback "},
		{"mesh send kn1", "mesh send kn1"},
		{"mesh send kn[1,2],o", "mesh send kn[1,2],other "},
		{"mesh send kn[1,", "mesh send kn[1,"},
		{"mesh send kn[2-", "mesh send kn[2-10] "},
		{"mesh send other,kn[1,10", "mesh send other,kn[1,10] "},
		{"mesh send kn[10-", "mesh send kn[10-"},
		{"mesh send kn[7", "mesh send kn[7"},
		{"echo $HO", "echo $HO"},
		{"echo a/$HOM", "echo a/$HOME "},
		{"echo ${HOM", "echo ${HOME} "},
		{"$HOM", "$HOM"},
		{"echo $nothing", "echo $nothing"},
		{"mesh send a", "mesh send all "},
		{"mesh send all file get foo.i", "mesh send all file get foo.img "},
		{"mesh send all fil", "mesh send all fil"},
		{"filter m", "filter mesh "},
		{"nothing known ", "nothing known "},
	} {
		got := Complete(toy{}, test.line, len(test.line), world())
		if line := test.line[:got.Start] + got.Insert; line != test.want {
			t.Errorf("%q completes to %q (%d candidates), want %q", test.line, line, len(got.Candidates), test.want)
		}
	}
}

func TestCompleteListsEachOnceSorted(t *testing.T) {
	got := Complete(toy{}, "file get ", 9, world())
	var texts []string
	for _, c := range got.Candidates {
		texts = append(texts, c.Text)
	}
	want := []string{"a#b", "dir/", "foo.img", "foo.qc2", "it's", "my disk", "my file", "ünï"}
	if !slices.Equal(texts, want) {
		t.Errorf("candidates %q, want %q", texts, want)
	}
	if r := Complete(toy{}, "file", 2, world()); r.Candidates[0].Help != "files" {
		t.Error("help is lost")
	}
}

func TestCompleteInsideLineKeepsWhatFollows(t *testing.T) {
	line := "file ge foo"
	got := Complete(toy{}, line, 7, world())
	if full := line[:got.Start] + got.Insert + line[7:]; full != "file get foo" {
		t.Errorf("got %q", full)
	}
}

// FuzzComplete: what is inserted always extends what was there.
func FuzzComplete(f *testing.F) {
	for _, line := range []string{"", "fi", "file get my", `file get "my f`, "mesh send kn[1-2],o", "vm file:foo.qc2,v", `a\`, "file get 'i", "file get \xc3", "vm l\xf0", `fi"le" g`, "file get a#", "x ${H", "mesh send kn[1-"} {
		f.Add(line, len(line), "name with space")
		f.Add(line, 3, "ü\xff/x")
	}
	f.Fuzz(func(t *testing.T, line string, cursor int, name string) {
		w := world()
		w[MeshFile] = append(w[MeshFile], name)
		got := Complete(toy{}, line, cursor, w)
		cut := clampToRune(line, cursor)
		if got.Start < 0 || got.Start > cut {
			t.Fatalf("Start %d is not in 0..%d", got.Start, cut)
		}
		before, old := toy{}.Split(line[:cut])
		after, last := toy{}.Split(line[:got.Start] + got.Insert)
		words := append(after, last.Text)
		if !slices.Equal(words[:len(before)], before) || !strings.HasPrefix(words[len(before)], old.Text) {
			t.Fatalf("%q became %q: words %q %q became %q", line[:cut], line[:got.Start]+got.Insert, before, old.Text, words)
		}
		for i, c := range got.Candidates {
			if !strings.HasPrefix(c.Text, old.Text) || i > 0 && c.Text <= got.Candidates[i-1].Text {
				t.Fatalf("candidate %d, %q, is out of order or place", i, c.Text)
			}
		}
	})
}

// asking notes what it is asked for.
type asking map[string]bool

func (a asking) Names(_ Kind, prefix string) []string {
	a[prefix] = true
	return []string{prefix + "x"}
}

func TestThePathBehindFileIsAllThatTheMeshIsAskedFor(t *testing.T) {
	for line, want := range map[string]string{"file get file:im": "im", "file get im": "im", "echo file:im": "im"} {
		asked := asking{}
		if r := Complete(toy{}, line, len(line), asked); len(r.Candidates) != 1 {
			t.Errorf("%q: %v", line, r.Candidates)
		}
		if len(asked) != 1 || !asked[want] {
			t.Errorf("%q: asked for %v, not for %q alone", line, asked, want)
		}
	}
}
