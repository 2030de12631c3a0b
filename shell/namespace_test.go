package shell

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEachNamespaceHasItsOwnConfiguration(t *testing.T) {
	n := newNode(t, "foo")
	c, other := NewClient(nil, nil), NewClient(nil, nil)
	for _, tt := range []struct{ line, want string }{
		{"namespace", "host  | namespace | vlans | active\nfoo   | minimega  |       | true\n"},
		{"namespace test vm config memory 512", ""},
		{"vm config memory", "2048\n"},
		{"namespace test vm config memory", "512\n"},
		{"namespace test", ""},
		{"vm config memory", "512\n"},
		{"vm config save small", ""},
		{"namespace", "host  | namespace | vlans | active\nfoo   | minimega  |       | false\nfoo   | test      |       | true\n"},
		{"clear namespace", ""},
		{"vm config restore", "Error (foo): no vm configs saved: see help vm config save\n"},
		{"vm config memory", "2048\n"},
		{"clear namespace nope", "Error (foo): unknown namespace: nope: namespace lists them\n"},
		{"namespace a/b", "Error (foo): bad namespace: must be letters, digits, -, _ and ., at most 128, but is \"a/b\"\n"},
		{"namespace test .csv true .annotate false namespace", "namespace,vlans,active\nminimega,,false\ntest,,true\n"},
		{"namespace test", ""},
		{"clear namespace test", ""},
		{"namespace test vm config memory", "2048\n"},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
	n.run(t, c, "namespace test")
	expect(t, n.run(t, other, ".columns active .filter namespace=minimega namespace"), "host  | active\nfoo   | true\n")
	n.run(t, other, "clear namespace test")
	expect(t, n.run(t, c, "vm config memory 7", "vm config memory", "clear namespace vm config memory", ".columns active .filter active=true namespace"),
		"7\nError (foo): invalid command: `clear namespace vm config memory`: `config` is a word too many: type `clear namespace [name]`\nhost  | active\nfoo   | true\n")
	expect(t, n.run(t, other, "vm config memory"), "2048\n") // what is cleared below one's feet is made again, and nobody else's is touched
	flags := n.run(t, c, "deploy flags")
	n.run(t, c, "deploy flags -degree=9")
	expect(t, n.run(t, c, "clear all", "vm config memory"), "2048\n")
	expect(t, n.run(t, c, "deploy flags"), flags)
}

func TestNamespaceCommandsReachItsHosts(t *testing.T) {
	kn1, kn2 := newNode(t, "kn1"), newNode(t, "kn2")
	head := newNode(t, "head", kn1, kn2)
	c := NewClient(nil, nil)
	for _, tt := range []struct{ line, want string }{
		{"version", "head: minimega test\n"},
		{"ns hosts", "head: head\n"},
		{"vm config schedule kn1", "Error (head): host is not in namespace: kn1: ns hosts shows them, ns add-hosts kn1 adds it\n"},
		{"vm config schedule localhost", ""},
		{"namespace test", ""},
		{"ns hosts", "head: kn[1-2]\n"},
		{"version", "kn[1-2]: minimega test\n"},
		{"vm config schedule kn1", ""},
		{"ns add-hosts localhost", ""},
		{"version", "head,kn[1-2]: minimega test\n"},
		{"ns run echo hi", "head,kn[1-2]: hi\n"},
		{"ns run vm config vcpus 3", ""},
		{"vm config vcpus", "3\n"},
		{"mesh send kn1 vm config vcpus", "kn1: 3\n"},
		{"clear namespace mesh send kn1 vm config vcpus", "Error (head): invalid command: `clear namespace mesh send kn1 vm config vcpus`: `send` is a word too many: type `clear namespace [name]`\n"},
		{"namespace minimega mesh send kn1 vm config vcpus", "kn1: 1\n"},
		{".columns cpus,name host name", "head: head\nkn1: kn1\nkn2: kn2\n"},
		{"ns del-hosts kn[1-2]", ""},
		{"ns hosts", "head: head\n"},
		{"ns del-hosts kn1", "Error (head): unknown host: `kn1`: must be one of head\n"},
		{"ns add-hosts kn9", "Error (head): unknown host: `kn9`: kn9: node not reachable: see mesh list all\n"},
		{"ns run ns run echo", "Error (head): cannot run `ns run echo` using `ns run`: type it on each host\n"},
		{"ns run read x", "Error (head): cannot run `read x` using `ns run`: type it on each host\n"},
	} {
		expect(t, head.run(t, c, tt.line), tt.want)
	}
}

func TestAReadKeepsTheSettingsItRunsIn(t *testing.T) {
	n := newNode(t, "foo")
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("vm config memory 9\nargs\n.headers false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, "namespace test .csv true read "+path), "host,attach,base\nfoo,false,/tmp/x\n")
	expect(t, n.run(t, c, ".headers", ".csv", "vm config memory", "namespace test vm config memory"), "foo: true\nfoo: false\n2048\n9\n")
	if got := n.run(t, c, "read "+path, ".headers"); !strings.HasSuffix(got, "foo: false\n") {
		t.Error(got)
	}
}

func TestClientsOfTheSocketBeginInTheNamespaceNamed(t *testing.T) {
	o, err := Parse([]string{"-namespace", "test", "-e", "echo", "a b"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, strings.Join(o.Line(), "|"), `namespace test echo "a b"`)
	if _, err := Parse([]string{"-namespace", "test"}); !errors.Is(err, ErrUsage) {
		t.Error(err)
	}
	n := newNode(t, "foo")
	base := serve(t, n)
	var out, errOut strings.Builder
	user := &typist{lines: []string{"vm config memory 512", "namespace"}}
	if err := attach(t.Context(), TTY{Base: base, Namespace: "test"}, user, &out, &errOut); err != nil {
		t.Error(err)
	}
	if got := out.String() + errOut.String(); !strings.Contains(got, "foo   | test      |       | true\n") {
		t.Error(got)
	}
	if err := attach(t.Context(), TTY{Base: base, Namespace: "a/b"}, user, &out, &errOut); err == nil || !strings.Contains(err.Error(), "bad namespace") {
		t.Error(err)
	}
	expect(t, n.run(t, NewClient(nil, nil), "namespace test vm config memory", "vm config memory"), "512\n2048\n")
}

func TestThePromptShowsTheNamespace(t *testing.T) {
	n := newNode(t, "foo")
	expect(t, n.promptText(), "minimega$ ")
	n.atPrompt = NewClient(nil, nil)
	expect(t, n.promptText(), "minimega$ ")
	n.run(t, n.atPrompt, "namespace test")
	expect(t, n.promptText(), "minimega[test]$ ")
	expect(t, AttachPrompt("/b", "test"), "minimega:/b/minimega[test]$ ")
	expect(t, AttachPrompt("/b", ""), "minimega:/b/minimega$ ")
}

func TestANewNamespaceWaitsForTheMeshToBeKnown(t *testing.T) {
	n := newNode(t, "head", newNode(t, "kn1"))
	others := n.mesh.others
	n.mesh.others = nil
	n.mesh.settle = func() { n.mesh.others = others }
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, "namespace test ns hosts"), "head: kn1\n")
	n.mesh.settle = func() { t.Error("waited for nothing") }
	n.run(t, c, "namespace", "namespace test", "clear namespace")
}

func TestTabKnowsNamespacesAndSavedConfigurations(t *testing.T) {
	n := newNode(t, "foo")
	n.run(t, NewClient(nil, nil), "namespace test vm config save small")
	expect(t, strings.Join(n.Suggest(t.Context(), nil, "namespace t"), "|"), "namespace test ")
	expect(t, strings.Join(n.Suggest(t.Context(), nil, "clear namespace "), "|"), "clear namespace minimega |clear namespace test ")
	expect(t, strings.Join(n.Suggest(t.Context(), nil, "vm config restore "), "|"), "vm config restore small ")
}

func TestWarningsOfOtherNodesReachTheUser(t *testing.T) {
	head := newNode(t, "head", newNode(t, "kn1"))
	var warned []string
	c := NewClient(nil, func(text string) { warned = append(warned, text) })
	head.run(t, c, "vm config cdrom none", "mesh send kn1 vm config cdrom none", "namespace test ns add-hosts localhost", "namespace test ns run vm config cdrom none")
	slices.Sort(warned)
	expect(t, strings.Join(warned, "\n"), strings.Join([]string{
		"file does not exist: /files/none",
		"head: file does not exist: /files/none",
		"kn1: file does not exist: /files/none",
		"kn1: file does not exist: /files/none",
	}, "\n"))
}
