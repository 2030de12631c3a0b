package shell

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"minimega/transfer"
	"minimega/transfer/store"
)

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTutorialTablesAreReproduced(t *testing.T) {
	n := newNode(t, "foo")
	c := NewClient(nil, nil)
	n.files.status = []transfer.Status{{Name: "bigfile", Dir: "/tmp/minimega/files/transfer_442933642", Parts: 65, Total: 103}}
	expect(t, n.run(t, c, "file status"), strings.TrimLeft(`
host  | Filename | Temporary directory                    | Completed parts | Queued
foo   | bigfile  | /tmp/minimega/files/transfer_442933642 | 65/103          | false
`, "\n"))

	n.store.entries[""] = []store.Entry{file("bigfile", 1<<30)}
	expect(t, n.run(t, c, "file list"), strings.TrimLeft(`
host  | dir | name    | size
foo   |     | bigfile | 1073741824
`, "\n"))

	n.store.entries[""] = nil
	expect(t, n.run(t, c, "file delete bigfile", "file list"), "")

	n.store.entries[""] = []store.Entry{dir("releases", 60), dir("miniccc_responses", 40)}
	n.store.entries["releases"] = []store.Entry{dir("releases/14.04", 60)}
	n.store.entries["releases/14.04"] = []store.Entry{dir("releases/14.04/release", 60)}
	n.store.entries["releases/14.04/release"] = []store.Entry{
		file("releases/14.04/release/ubuntu-14.04-server-cloudimg-amd64-disk1.img", 259785216),
	}
	expect(t, n.run(t, c, ".annotate false", "file list", "file list releases", "file list releases/14.04", "file list releases/14.04/release/"),
		strings.TrimLeft(`
dir   | name              | size
<dir> | miniccc_responses | 40
<dir> | releases          | 60
dir   | name  | size
<dir> | 14.04 | 60
dir   | name    | size
<dir> | release | 60
dir  | name                                         | size
     | ubuntu-14.04-server-cloudimg-amd64-disk1.img | 259785216
`, "\n"))
}

func TestFilePrefixIsReplacedByTheLocalPath(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has = []string{"foo.qcow2", "br one.txt", "img/a", "img/b"}
	c := NewClient(nil, nil)
	for _, tt := range []struct{ line, want string }{
		{"vm config disk file:foo.qcow2", ""},
		{"vm config disk", "[/files/foo.qcow2]\n"},
		{"vm con dis file:/foo.qcow2,virtio,writeback", ""},
		{"vm config disks", "[/files/foo.qcow2,virtio,writeback]\n"},
		{"vm config disk", "[/files/foo.qcow2,virtio,writeback]\n"},
		{"vm config disk file:nope", "Error (foo): get nope: file not found\n"},
		{"vm config disk", "[/files/foo.qcow2,virtio,writeback]\n"},
		{`echo "file:br one.txt" FILE:foo.qcow2 x=file:foo.qcow2`, "foo: /files/br one.txt /files/foo.qcow2 x=file:foo.qcow2\n"},
		{"echo file:img/*", "foo: /files/img/a /files/img/b\n"},
		{"echo file:", "Error (foo): get: must name a file, a directory or a glob, but names no file: * is all there is\n"},
		{".preprocess false echo file:foo.qcow2", "foo: file:foo.qcow2\n"},
		{".csv true echo file:foo.qcow2", "foo: /files/foo.qcow2\n"},
		{"vm config kernel relative", ""},
		{"vm config kernel", "/files/relative\n"},
		{"clear vm config disk", ""},
		{"vm config disk", "[]\n"},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
}

func TestPrefixOfAFileOfThisNodeFetchesNothing(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has = []string{"foo.qcow2"}
	expect(t, n.run(t, NewClient(nil, nil), "file delete file:foo.qcow2"), "")
	if len(n.files.got) > 0 || len(n.files.deleted) != 1 || n.files.deleted[0] != "foo.qcow2" {
		t.Errorf("fetched %q, deleted %q", n.files.got, n.files.deleted)
	}
}

func TestInterruptEndsAWaitingCommandOnly(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has, n.files.hold = []string{"big"}, make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	watching := make(chan struct{})
	c := NewClient(func(rows func() []transfer.Progress) func() {
		if got := rows()[0].Name; got != "big" {
			t.Errorf("progress of %q", got)
		}
		close(watching)
		return func() {}
	}, nil)
	go func() { <-watching; cancel() }()
	var got string
	n.Exec(ctx, c, "vm config disk file:big", func(r Result) { got += r.Responses[0].Error })
	expect(t, got, "get big: interrupted: the transfer goes on, see file status")
	expect(t, n.run(t, c, "vm config disk"), "[]\n")
}

func TestATransferThatOutlivesItsCommandIsStillToldOf(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has, n.files.hold = []string{"big"}, make(chan struct{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	interrupted := func(followed func(string, Job)) *fakeJob {
		c := NewClient(nil, nil)
		c.started = followed
		x := &execution{shell: n.Shell, client: c}
		job := &fakeJob{name: "big", done: n.files.hold}
		if err := x.wait(gone, "big", job); !errors.Is(err, ErrInterrupted) {
			t.Error(err)
		}
		return job
	}
	if interrupted(nil).followed {
		t.Error("nobody tells of its failure, and it is not logged either")
	}
	var told string
	if !interrupted(func(name string, _ Job) { told = name }).followed || told != "big" {
		t.Errorf("the prompt was told of %q", told)
	}
}

func TestMeshSendRunsElsewhereAndNamesWhoFails(t *testing.T) {
	kn1, kn2, kn3 := newNode(t, "kn1"), newNode(t, "kn2"), newNode(t, "kn3")
	head := newNode(t, "head", kn1, kn2, kn3)
	kn2.files.has = []string{"foo"}
	c := NewClient(nil, nil)
	for _, tt := range []struct{ line, want string }{
		{"mesh send all version", "kn[1-3]: minimega test\n"},
		{"mesh send kn[1-2] version", "kn[1-2]: minimega test\n"},
		{".compress false mesh send kn[1-2] version", "kn1: minimega test\nkn2: minimega test\n"},
		{"mesh send kn[1-2],head version", "kn[1-2]: minimega test\n"},
		{"mesh send head version", "Error (head): cannot mesh send yourself: type the command without mesh send\n"},
		{"mesh send kn1,all version", "Error (head): wildcard included amongst list of recipients: all alone names every other node\n"},
		{"mesh send kn9 version", "Error (kn9): kn9: node not reachable: see mesh list all\n"},
		{"mesh send kn[1 version", "Error (head): node range: unterminated '['\n"},
		{"mesh send kn[1-2] vm config disk file:foo", "Error (kn1): get foo: file not found\n"},
		{"mesh send all vm config disk", "kn2: [/files/foo]\nkn[1,3]: []\n"},
		{"mesh send kn1 mesh send kn2 version", "Error (head): cannot run `mesh send kn2 version` via meshage: type it on that node\n"},
		{"mesh send kn1 .csv true read x", "Error (head): cannot run `read x` via meshage: type it on that node\n"},
		{"mesh send all nonsense", "Error (head): invalid command: `nonsense`: `nonsense` is not known: type help for the list of commands\n"},
		{"mesh send all .columns name args", "Error (kn1): no such column `name`: must be one of attach, base\nError (kn2): no such column `name`: must be one of attach, base\nError (kn3): no such column `name`: must be one of attach, base\n"},
		{".columns base mesh send all args", "host  | base\nkn1   | /tmp/x\nkn2   | /tmp/x\nkn3   | /tmp/x\n"},
		{"mesh send kn[1-2] .columns base args", "host  | base\nkn1   | /tmp/x\nkn2   | /tmp/x\n"},
		{"mesh send kn1 echo $MM_UNSET '#' \"a b\"", "kn1:  # a b\n"},
		{"mesh send kn1 file get foo", "Error (kn1): get foo: file not found\n"},
	} {
		expect(t, head.run(t, c, tt.line), tt.want)
	}
}

func TestMeshTimeoutNamesTheSilentNode(t *testing.T) {
	kn1, kn2 := newNode(t, "kn1"), newNode(t, "kn2")
	head := newNode(t, "head", kn1, kn2)
	delete(head.mesh.nodes, head.mesh.others[1].ID)
	c := NewClient(nil, nil)
	head.timeout.Store(int64(time.Millisecond))
	expect(t, head.run(t, c, "mesh send all version"), "kn1: minimega test\nError (kn2): timed out\n")
}

func TestCommandsThatNeedTheMeshWaitUntilItIsKnown(t *testing.T) {
	late := newNode(t, "kn1")
	n := newNode(t, "head", late)
	others := n.mesh.others
	n.mesh.others = nil
	n.mesh.settle = func() { n.mesh.others = others }
	expect(t, n.run(t, NewClient(nil, nil), "mesh send all version"), "kn1: minimega test\n")
	n.mesh.settle = func() { t.Error("waited for nothing") }
	n.run(t, NewClient(nil, nil), "echo hi", "file list", "vm config")
}

func TestMeshCommandsPrintTheMesh(t *testing.T) {
	n := newNode(t, "head", newNode(t, "kn2"), newNode(t, "kn1"))
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, "mesh status"), "host  | size | degree | peers | context  | port\nhead  | 3    | 4      | 2     | minimega | 9000\n")
	expect(t, n.run(t, c, "mesh list peers", "mesh list all"), "head: kn[1-2]\nhead: head,kn[1-2]\n")
	expect(t, n.run(t, c, "mesh list"), "head: head\n |--kn2\n |--kn1\nkn2\n |--head\nkn1\n |--head\n")
	expect(t, n.run(t, c, "mesh degree", "mesh degree 7", "mesh degree"), "head: 4\nhead: 7\n")
	expect(t, n.run(t, c, "mesh degree abc"), "Error (head): mesh degree: must be 0 to 1023: strconv.ParseUint: parsing \"abc\": invalid syntax\n")
	expect(t, n.run(t, c, "mesh timeout", "mesh timeout 5", "mesh timeout"), "head: unlimited\nhead: 5s\n")
	dot := filepath.Join(t.TempDir(), "mesh.dot")
	expect(t, n.run(t, c, "mesh dot "+dot), "")
	if text, err := os.ReadFile(dot); err != nil || !strings.Contains(string(text), `"head" -- "kn1"`) {
		t.Errorf("%v %s", err, text)
	}
}

func TestOutputCommands(t *testing.T) {
	n := newNode(t, "foo")
	n.store.entries[""] = []store.Entry{file("b", 10), file("a", 9), dir("d", 0)}
	c := NewClient(nil, nil)
	for _, tt := range []struct{ line, want string }{
		{".csv true file list", "host,dir,name,size\nfoo,,a,9\nfoo,,b,10\nfoo,<dir>,d,0\n"},
		{".headers false .annotate false file list", "      | a  | 9\n      | b  | 10\n<dir> | d  | 0\n"},
		{".columns size,name file list", "host  | size | name\nfoo   | 0    | d\nfoo   | 9    | a\nfoo   | 10   | b\n"},
		{".columns nope file list", "Error (foo): no such column `nope`: must be one of dir, name, size\n"},
		{".filter name=A file list", "host  | dir | name | size\nfoo   |     | a    | 9\n"},
		{".filter dir!=<dir> .filter size~0 file list", "host  | dir | name | size\nfoo   |     | b    | 10\n"},
		{".filter nonsense file list", "Error (foo): invalid filter, see help .filter\n"},
		{".sort false .columns name file list", "host  | name\nfoo   | b\nfoo   | a\nfoo   | d\n"},
		{".sort", "foo: true\n"}, {".headers", "foo: true\n"}, {".annotate", "foo: true\n"}, {".compress", "foo: true\n"},
		{".columns", ""}, {".columns a,b .columns", "foo: a,b\n"}, {".filter", ""}, {".filter a!~b .filter c=d .filter", "foo: a!~b\nc=d\n"},
		{".record", "foo: true\n"}, {".preprocess", "foo: true\n"}, {".csv", "foo: false\n"}, {".json", "foo: false\n"},
		{".json true echo hi", `[{"Host":"foo","Response":"hi","Header":null,"Tabular":null,"Error":"","Data":null}]` + "\n"},
		{".csv true", ""}, {".json", "foo: false\n"}, {".json true", ""}, {".csv false", ""}, {".json false", ""},
		{".annotate false", ""}, {"echo hi", "hi\n"}, {".annotate true", ""},
		{".env MM_X 5", ""}, {"echo $MM_X ${MM_X}0", "foo: 5 50\n"}, {`.env MM_X ""`, ""}, {"echo -$MM_X-", "foo: --\n"},
		{".alias say=echo well", ""}, {"say it", "foo: well it\n"}, {".alias", "host  | alias | expansion\nfoo   | say   | echo well\n"},
		{".unalias say", ""}, {".alias nonsense", "Error (foo): expected alias of format `alias=expansion`: as in .alias fl=file list\n"},
		{".alias \"two words=echo\"", "Error (foo): alias: must be one word in front of the `=`, but is \"two words\"\n"},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
}

func TestClientsKeepTheirSettingsApart(t *testing.T) {
	n := newNode(t, "foo")
	a, b := NewClient(nil, nil), NewClient(nil, nil)
	n.run(t, a, ".annotate false", ".alias e=echo", ".env MM_Y 1", "mesh timeout 9")
	expect(t, n.run(t, a, "e $MM_Y"), "1\n")
	expect(t, n.run(t, b, "echo -$MM_Y-"), "foo: --\n")
	expect(t, n.run(t, b, "mesh timeout"), "foo: 9s\n") // the node's, as all of the mesh is
	if got := n.run(t, b, "e 1"); !strings.HasPrefix(got, "Error (foo): invalid command: `e 1`") && got != "foo: 1\n" {
		t.Error(got)
	}
	expect(t, n.run(t, b, "history"), "echo -$MM_Y-\nmesh timeout\ne 1\n")
}

func TestHistoryHoldsWhatWasTyped(t *testing.T) {
	n := newNode(t, "foo")
	c := NewClient(nil, nil)
	n.run(t, c, "# remark", "   ", "echo a # b", "nonsense", ".record false echo c", ".csv true echo d", "file get missing")
	expect(t, n.run(t, c, "history"), "# remark\necho a # b\n.csv true echo d\nfile get missing\n")
	path := filepath.Join(t.TempDir(), "script")
	n.run(t, c, "clear history", "echo one", "write "+path)
	expect(t, n.run(t, NewClient(nil, nil), "read "+path), "foo: one\n")
}

func TestReadRunsLinesAndStopsAtNonsense(t *testing.T) {
	n := newNode(t, "foo")
	path := filepath.Join(t.TempDir(), "s")
	script := "echo one\n\n# remark\nfile get nope\necho two\nnonsense\necho three\n"
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, n.run(t, NewClient(nil, nil), "read "+path),
		"foo: one\nError (foo): "+path+":4 get nope: file not found\nfoo: two\nError (foo): "+path+":6 invalid command: `nonsense`: `nonsense` is not known: type help for the list of commands\n")
	expect(t, n.run(t, NewClient(nil, nil), "read "+path+" check"),
		"Error (foo): "+path+":6 invalid command: `nonsense`: `nonsense` is not known: type help for the list of commands\n")
	if err := os.WriteFile(path, []byte(".csv true read x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, n.run(t, NewClient(nil, nil), "read "+path), "Error (foo): "+path+":1 cannot run nested `read` commands: put the lines of that file here\n")
}

func TestShellKeepsTheOutputOfWhatFails(t *testing.T) {
	n := newNode(t, "foo")
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, `shell sh -c "echo out; echo err >&2; exit 3"`), "foo: out\nError (foo): exit status 3: err\n")
	expect(t, n.run(t, c, `shell sh -c "printf '\\033[31m'"`), "foo: \\x1b[31m\n")
	if got := n.run(t, c, "shell no-such-program"); !strings.Contains(got, "executable file not found") {
		t.Error(got)
	}
}

func TestHelpNamesCommands(t *testing.T) {
	n := newNode(t, "foo")
	c := NewClient(nil, nil)
	all := n.run(t, c, "help")
	for _, want := range []string{"Display help on a command. Here is a list of commands:\n", "file get <file>", "mesh send <hostname or range or all> (command)", "vm config disks [diskspec]..."} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	expect(t, n.run(t, c, "help mesh degree"), "Usage:\n\tmesh degree [degree]\n\nshow or set how many links this node keeps\n\nExample:\n\tmesh degree 6\n")
	expect(t, n.run(t, c, "help nonsense"), "Error (foo): no help entry for `nonsense`: `nonsense` is not known: type help for the list of commands\n")
	expect(t, n.run(t, c, "help mesh send kn2 .csv true file delete x"), n.run(t, c, "help file delete"))
	expect(t, n.run(t, c, "help mesh send kn2 file"), n.run(t, c, "help file"))
	expect(t, n.run(t, c, "help mesh send kn2"), n.run(t, c, "help mesh send"))
	expect(t, n.run(t, c, "help mesh send kn2 fiel"), "Error (foo): no help entry for `mesh send kn2 fiel`: `fiel` is not known, did you mean `file`?\n")
	expect(t, n.run(t, c, "help file gte"), "Error (foo): no help entry for `file gte`: `gte` is not known, did you mean `get`?\n")
	if got := n.run(t, c, "help file get"); !strings.HasPrefix(got, "Usage:\n\tfile get <file>\n\tfile get <file> from <node or newest>\n") {
		t.Error(got)
	}
	for i := range n.commands {
		if n.commands[i].Help == "" || n.commands[i].Run == nil {
			t.Errorf("%q has no help or does nothing", n.commands[i].Patterns)
		}
	}
}
