package shell

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"minimega/transfer/store"
)

// ask sends a request and returns the replies to it, each cut to what it
// answers.
func (p *program) ask(request string) (all []reply) {
	p.t.Helper()
	p.send(request)
	for {
		var r reply
		if err := json.Unmarshal([]byte(p.line()), &r); err != nil {
			p.t.Fatal(err)
		}
		if all = append(all, r); !r.More {
			return all
		}
	}
}

// linesFile writes a file for read and returns its path.
func linesFile(t *testing.T, text ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lines.mm")
	if err := os.WriteFile(path, []byte(strings.Join(text, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadAnswersEachLineBeforeItRunsTheNext(t *testing.T) {
	n := newNode(t, "kn1")
	p := connect(t, serve(t, n))
	path := linesFile(t, "echo one", "# then one that waits", "", "shell sleep 1000", "echo never")
	p.send(`{"Command":"read ` + path + `"}`)
	want := `{"Resp":[{"Host":"kn1","Response":"one","Header":null,"Tabular":null,"Error":"","Data":null}],"Rendered":"kn1: one","More":true,"Status":false}`
	expect(t, p.line(), want)

	p.send(`{"Cancel":true}`)
	want = `{"Resp":[{"Host":"kn1","Response":"","Header":null,"Tabular":null,"Error":"` + path + `:4 interrupted","Data":null}],"Rendered":"","More":false,"Status":false}`
	expect(t, p.line(), want)
	if got := p.ask(`{"Command":"echo after"}`); len(got) != 1 || got[0].Rendered != "kn1: after" {
		t.Errorf("the connection goes on with %+v", got)
	}
}

func TestReadEndsWithAReplyThatNoneFollows(t *testing.T) {
	n := newNode(t, "kn1")
	p := connect(t, serve(t, n))
	for _, text := range [][]string{
		{"echo one", "echo two", "# done", ""},
		{"# nothing", ""},
		{"echo one", "bogus", "echo two"},
		{"echo one", "file stream f", "file get nosuch"},
	} {
		all := p.ask(`{"Command":"read ` + linesFile(t, text...) + `"}`)
		for i, r := range all {
			if last := i == len(all)-1; r.More == last {
				t.Errorf("%q: reply %d of %d: More is %t", text, i, len(all), r.More)
			}
		}
	}
}

func TestProgramsGetTheRowsAndColumnsThatTheyAskFor(t *testing.T) {
	kn2 := newNode(t, "kn2")
	head := newNode(t, "head", kn2)
	for _, n := range []*node{head, kn2} {
		n.store.entries[""] = []store.Entry{file("a", 1), file("b", 2)}
	}
	p := connect(t, serve(t, head))
	for _, command := range []string{
		".columns name .filter size=1 file list",
		".filter size=1 .columns name file list",
		".columns name .filter size=1 mesh send all file list",
	} {
		r := p.ask(`{"Command":"` + command + `"}`)[0].Resp
		if len(r) != 1 || !slices.Equal(r[0].Header, []string{"name"}) || len(r[0].Tabular) != 1 || !slices.Equal(r[0].Tabular[0], []string{"a"}) {
			t.Errorf("%s: is answered with %+v", command, r)
		}
	}
}

func TestReadKeepsCredentialsOutOfTheHistory(t *testing.T) {
	n, c := newNode(t, "foo"), NewClient(nil, nil)
	n.run(t, c, "read "+linesFile(t, "echo http://ann:secret@host/x", "# http://ann:secret@host/y"), "echo http://ann:secret@host/z")
	expect(t, n.run(t, c, "history"), "echo http://***@host/x\n# http://***@host/y\necho http://***@host/z\n")
}

func TestALineWithBreaksIsOneLineOfTheHistory(t *testing.T) {
	n, c := newNode(t, "foo"), NewClient(nil, nil)
	expect(t, n.run(t, c, "echo \"a\nquit\"\n b"), "foo: a\nquit b\n")
	n.run(t, c, "# remark\nquit", "echo plain  'as it is' # remark")
	want := "echo a\\nquit b\n# remark quit\necho plain  'as it is' # remark\n"
	expect(t, n.run(t, c, "history"), want)

	path := filepath.Join(t.TempDir(), "written.mm")
	n.run(t, c, "write "+path)
	expect(t, n.run(t, NewClient(nil, nil), "read "+path), "foo: a\nquit b\nfoo: plain as it is\n"+want)
}
