package shell

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeSSH puts an ssh and an scp into the path that act on directories of dir,
// a host each, and refuse the host down. What is run is a line of its log.
func fakeSSH(t *testing.T, dir string) (log func() string) {
	t.Helper()
	bin := t.TempDir()
	const head = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do case \"$1\" in StrictHostKeyChecking=no) exit 9;; ServerAliveInterval=*) ends=1;; esac; shift; done; shift; [ \"$ends\" ] || exit 8\n"
	for name, script := range map[string]string{
		"ssh": head + `host=${1#*@}; echo "ssh $1 $2" >>DIR/log; [ $host = down ] && { echo no route >&2; exit 255; }
case "$2" in mkdir*) mkdir -p DIR/$host;; esac`,
		"scp": head + `echo "scp $1 $2" >>DIR/log; host=${2%%:*}; cp "$1" DIR/${host#*@}/$(basename "${2#*:}")`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(strings.ReplaceAll(script, "DIR", dir)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return func() string {
		text, err := os.ReadFile(filepath.Join(dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "log")); err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func TestDeployCopiesTheProgramAndTheKeyAndStartsIt(t *testing.T) {
	dir := t.TempDir()
	log := fakeSSH(t, dir)
	key := filepath.Join(t.TempDir(), "k")
	if err := os.WriteFile(key, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := newNode(t, "foo")
	n.deploy.first = Deployment{Flags: []string{"-degree=3", "-nostdin=true", "-headnode=foo"}, Key: key}
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, "deploy launch kn1 admin"), "")
	for name, want := range map[string]string{"mesh.key": "secret", "minimega": "\x7fELF"} {
		text, err := os.ReadFile(filepath.Join(dir, "kn1", name))
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	lines := strings.Split(log(), "\n")
	_, made, _ := strings.Cut(lines[0], "mkdir -m 700 ")
	there := strings.Trim(made, "'")
	start := "'DIR/minimega' '-key=DIR/mesh.key' '-degree=3' '-nostdin=true' '-headnode=foo'"
	want := "ssh admin@kn1 chmod 700 'DIR/minimega' && " + start + " -version >/dev/null && { nohup " + start + " </dev/null >'/dev/null' 2>'/dev/null' & }"
	expect(t, lines[3], strings.ReplaceAll(want, "DIR", there))

	n.run(t, c, "deploy stdout /tmp/out", `deploy stderr "/tmp/it's"`, "deploy flags -port=0 -open")
	got := n.run(t, c, "deploy launch kn[1-2],down admin sudo")
	expect(t, got, "Error (foo): down: exit status 255: no route\n")
	text := log()
	for _, want := range []string{"ssh admin@kn1 ", "ssh admin@kn2 ", "sudo -n chown root '", "sudo -n -b nohup '", `>'/tmp/out' 2>'/tmp/it'\''s' &`, "'-port=0' '-open' '-nostdin=true'"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestDeployIsSetAndShown(t *testing.T) {
	n := newNode(t, "foo")
	n.deploy.first.Flags = []string{"-degree=3", "-nostdin=true"}
	c := NewClient(nil, nil)
	for _, tt := range []struct{ line, want string }{
		{"deploy flags", "foo: -degree=3 -nostdin=true\n"},
		{"deploy flags -degree=5 -nostdin=true", ""}, {"deploy flags", "foo: -degree=5 -nostdin=true\n"},
		{"deploy flags -nope", "Error (foo): deploy flags: usage: flag provided but not defined: -nope: see -help\n"},
		{"deploy flags -attach", "Error (foo): deploy flags: must start a node that stays, but are for something else: leave -e, -attach and the like out\n"},
		{"clear deploy flags", ""}, {"deploy flags", "foo: -degree=3 -nostdin=true\n"},
		{"deploy stdout", "foo: /dev/null\n"}, {"deploy stdout /tmp/o", ""}, {"deploy stdout", "foo: /tmp/o\n"}, {"deploy stderr", "foo: /dev/null\n"},
		{"deploy launch -oProxyCommand=x", "Error (foo): deploy launch: must be names of hosts and a user, but is \"-oProxyCommand=x\"\n"},
		{"deploy launch kn1 -x", "Error (foo): deploy launch: must be names of hosts and a user, but is \"-x\"\n"},
		{"deploy launch kn[1", "Error (foo): node range: unterminated '['\n"},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
}

func TestDeployBeginsWithTheFlagsThatWereGiven(t *testing.T) {
	o, err := Parse([]string{"-name", "foo", "-degree", "3", "-base", "/b", "-open", "-force", "-key", "/k"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := o.Deployment()
	if err != nil || strings.Join(d.Flags, " ") != "-base=/b -degree=3 -open=true -nostdin=true -headnode=foo" || d.Key != "" {
		t.Errorf("%+v %v", d, err)
	}
	o.Open = false
	if d, err := o.Deployment(); err != nil || d.Key != "/k" {
		t.Errorf("%+v %v", d, err)
	}
}

func TestAFlagOfOldHasAHint(t *testing.T) {
	_, err := Parse([]string{"-broadcast=10.0.0.255"})
	if err == nil || err.Error() != "usage: -broadcast: must be a flag of this program, but is not: nodes find each other by mDNS: leave it out, or name hosts with -join" {
		t.Error(err)
	}
	if o, err := Parse([]string{"-headnode", "kn1", "-name", "kn2", "-hashfiles"}); err != nil || o.Head != "kn1" || !o.Hash {
		t.Errorf("%+v %v", o, err)
	}
	if o, err := Parse([]string{"-headnode", "kn1", "-name", "kn1"}); err != nil || o.Head != "" {
		t.Errorf("%+v %v", o, err)
	}
}
