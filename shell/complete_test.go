package shell

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// meshFiles are names that all nodes have said.
type meshFiles []string

func (m meshFiles) Names(prefix string) []string {
	return slices.DeleteFunc(slices.Clone(m), func(name string) bool { return !strings.HasPrefix(name, prefix) })
}
func (m meshFiles) Ask(_ context.Context, prefix string) []string { return m.Names(prefix) }
func (meshFiles) Pending() bool                                   { return false }
func (meshFiles) Total() int                                      { return 0 }

// completing returns a node that knows files here and in the mesh, other nodes,
// and what has been configured.
func completing(t *testing.T) *node {
	n := newNode(t, "foo", newNode(t, "kn1"), newNode(t, "kn2"))
	n.cfg.LocalNames = func(prefix string, _ int) ([]string, int) {
		names := meshFiles{"here.img", "shared"}.Names(prefix)
		return names, len(names)
	}
	n.cfg.Names = meshFiles{"dir/", "fs.tar.gz", "image one", "root.tgz", "shared", "there.qcow2"}
	for _, name := range []string{"small", "large"} {
		if err := n.cfg.VM.Save(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, pair := range [][]string{{"owner", "me"}, {"role", "web"}} {
		if _, err := n.cfg.VM.Set("tags", pair); err != nil {
			t.Fatal(err)
		}
	}
	n.mesh.others = append(n.mesh.others, member("stranger", 77))
	return n
}

func TestTabKnowsEveryArgument(t *testing.T) {
	n := completing(t)
	dir := t.TempDir()
	for _, name := range []string{"prog", "text"} {
		mode := map[string]os.FileMode{"prog": 0o755, "text": 0o644}[name]
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv("TAB_TEST_ONE", "1")
	mesh := "dir/ fs.tar.gz image_one root.tgz shared there.qcow2"
	for line, want := range map[string]string{
		"file get ":                            mesh,
		"file stream ":                         mesh,
		"mesh send all file get ":              mesh,
		"file delete ":                         "here.img shared",
		"file list ":                           "detail here.img recursive shared",
		"file list s":                          "shared",
		"file get x from ":                     "kn1 kn2 newest stranger",
		"vm config disks ":                     "file: here.img http:// https:// shared",
		"vm config disks file:s":               "file:shared",
		"vm config disks a.img,v":              "a.img,virtio",
		"vm config disks a.img,ide,":           "a.img,ide,directsync a.img,ide,none a.img,ide,unsafe a.img,ide,writeback a.img,ide,writethrough",
		"vm config disks a.img,none,s":         "a.img,none,scsi a.img,none,sd",
		"vm config disks a.img,none,ide,":      "",
		"vm config filesystem tar:":            "tar:dir/ tar:fs.tar.gz tar:root.tgz",
		"vm config restore ":                   "large small",
		"vm config save s":                     "small",
		"vm config snapshot ":                  "false true",
		"vm config vga v":                      "virtio vmware",
		"vm config schedule k":                 "kn1 kn2",
		"vm config schedule l":                 "localhost",
		"vm config tags r":                     "role",
		"vm config volume ":                    "",
		"vm config volume /x h":                "here.img http:// https://",
		"clear vm config tags ":                "owner role",
		"clear vm config memory ":              "",
		"mesh send ":                           "all kn1 kn2 stranger",
		"mesh send kn1,k":                      "kn1,kn1 kn1,kn2",
		"mesh send kn[1-":                      "kn[1-2]",
		"mesh send kn[1-2] vers":               "version",
		"mesh hangup ":                         "kn1 kn2 stranger",
		"mesh dial ":                           "",
		"mesh list ":                           "all peers",
		"host mem":                             "memcommit memtotal memused",
		"log level ":                           "debug error fatal info warn",
		"log mesh k":                           "kn1 kn2",
		"log syslog ":                          "local remote",
		"clear log ":                           "file filter level mesh ring stderr syslog",
		"deploy ":                              "flags launch stderr stdout",
		"clear deploy ":                        "flags",
		"disk inject h":                        "here.img",
		"disk inject here.img ":                "delete files options",
		"disk inject here.img files s":         "shared",
		".csv ":                                "false true",
		".csv true file stat":                  "status",
		"help file s":                          "status stream",
		"help vm config sn":                    "snapshot",
		"help vm config snapshot ":             "",
		"help vm config sa":                    "save",
		"help mesh send ":                      "",
		"help he":                              "help",
		"shell pr":                             "prog",
		"shell te":                             "",
		"shell prog " + dir + "/t":             dir + "/text",
		"read " + dir + "/p":                   dir + "/prog",
		".env TAB_TEST":                        "TAB_TEST_ONE",
		"vm config qemu " + dir + "/":          dir + "/prog " + dir + "/text",
		"vm config kernel " + dir + "/":        dir + "/prog " + dir + "/text",
		"nonsense ":                            "",
		"file get x version ":                  "",
		"echo file:th":                         "file:there.qcow2",
		"shell cp file:th":                     "file:there.qcow2",
		"vm config append tar:":                "tar:dir/ tar:fs.tar.gz tar:root.tgz",
		"mesh send kn1 vm config disk file:/s": "file:/shared",
	} {
		var got []string
		for _, c := range n.Complete(line, len(line)).Candidates {
			got = append(got, strings.ReplaceAll(c.Text, " ", "_"))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%q: got %q, want %q", line, text, want)
		}
	}
}

func TestTabKnowsColumnsVariablesAndWhatOtherNodesHave(t *testing.T) {
	n := completing(t)
	t.Setenv("TAB_TEST_ONE", "1")
	for line, want := range map[string]string{
		".columns mod":                           "modified",
		".columns name,si":                       "name,size",
		".columns name,size file l":              "limit list",
		".filter nam":                            "name= namespace=",
		"status updates 1":                       "10s 1m 1s",
		"mesh send kn1 file delete ":             "dir/ fs.tar.gz image_one root.tgz shared there.qcow2",
		"m se kn1 file list th":                  "there.qcow2",
		".csv true mesh send kn1 file delete th": "there.qcow2",
		"mesh send kn[1":                         "kn[1-2] kn[1]",
		"ns add-hosts kn[2":                      "kn[2]",
		"echo $TAB_TEST":                         "$TAB_TEST_ONE",
		"vm config disk a/${TAB_TEST":            "a/${TAB_TEST_ONE}",
		"$TAB_TEST":                              "",
		"vm config disk h":                       "here.img http:// https://",
		"disk info h":                            "here.img http:// https://",
		".unalias ":                              "",
	} {
		expect(t, offered(n, line), want)
	}
	if c := n.Complete("background", len("background")).Candidates[0]; !strings.HasPrefix(c.Help, "start a program") {
		t.Errorf("background: %q", c.Help)
	}
}

// offered returns what Tab offers at the end of line.
func offered(n *node, line string) string {
	var got []string
	for _, c := range n.Complete(line, len(line)).Candidates {
		got = append(got, strings.ReplaceAll(c.Text, " ", "_"))
	}
	return strings.Join(got, " ")
}

func TestTabKnowsTheClientsAliases(t *testing.T) {
	n := completing(t)
	c := NewClient(nil, nil)
	n.atPrompt = c
	n.run(t, c, ".alias lsf=file list", ".alias dis=vm config disk")
	for line, want := range map[string]string{
		"ls":        "lsf",
		"lsf s":     "shared",
		"dis file":  "file:",
		".unalias":  ".unalias",
		".unalias ": "dis lsf",
	} {
		expect(t, offered(n, line), want)
	}
	expect(t, strings.Join(n.Suggest(t.Context(), c, "ls"), "|"), "lsf ")
	n.run(t, c, ".unalias lsf")
	expect(t, offered(n, "ls"), "")
	expect(t, offered(n, "lsf s"), "")
}

func TestTabKnowsTheClientsVariables(t *testing.T) {
	n := completing(t)
	t.Setenv("TAB_TEST_GONE", "1")
	c := NewClient(nil, nil)
	n.atPrompt = c
	n.run(t, c, ".env TAB_TEST_OWN x", `.env TAB_TEST_GONE ""`)
	expect(t, offered(n, "echo $TAB_TEST"), "$TAB_TEST_OWN")
	expect(t, offered(n, ".env TAB_TEST"), "TAB_TEST_OWN")
	expect(t, strings.Join(n.Suggest(t.Context(), c, "echo $TAB_TEST"), "|"), "echo $TAB_TEST_OWN ")
	expect(t, strings.Join(n.Suggest(t.Context(), nil, "echo $TAB_TEST"), "|"), "echo $TAB_TEST_GONE ")
}

func TestColumnsAreThoseOfTheTables(t *testing.T) {
	n := newNode(t, "foo")
	for i := range n.commands {
		command := &n.commands[i]
		if len(command.Columns) == 0 || !slices.Contains([]string{"file", "mesh", "host", "args", "namespace", ".env", "debug"}, strings.Fields(command.Patterns[0])[0]) {
			continue
		}
		for _, line := range strings.Split(command.Example, "\n") {
			n.Exec(t.Context(), NewClient(nil, nil), line, func(r Result) {
				for _, name := range r.Responses[0].Header {
					if !slices.Contains(command.Columns, name) {
						t.Errorf("%s: a column %s that Tab does not offer", line, name)
					}
				}
			})
		}
	}
}

func TestTabTellsWhatCommandsAreFor(t *testing.T) {
	n := completing(t)
	for line, want := range map[string]string{
		"":                        "delete, get, limit, list, status, stream",
		"file ":                   "get a file from the mesh",
		"vm config ":              "disk images",
		"vm config disks a.img,v": "interface",
		"host ":                   "memory in use",
		"file get x ":             "the node whose file is meant",
		"mesh send ":              "every other node",
	} {
		r := n.Complete(line, len(line))
		var all []string
		for _, c := range r.Candidates {
			all = append(all, c.Help)
		}
		if !slices.Contains(all, want) {
			t.Errorf("%q: %q, want %q among them", line, all, want)
		}
	}
}

func TestPathsOfALargeDirectoryKeepWhatAllBeginWith(t *testing.T) {
	dir := t.TempDir()
	names := []string{"zebra"}
	for i := range mostOffered {
		names = append(names, "a"+string(rune('0'+i%10))+strings.Repeat("x", i/10))
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(".", filepath.Join(dir, "a-link")); err != nil {
		t.Fatal(err)
	}
	got := paths(dir + "/")
	if len(got) != mostOffered || got[0] != dir+"/a-link/" || got[len(got)-1] != dir+"/zebra" {
		t.Errorf("%d paths, %q to %q", len(got), got[0], got[len(got)-1])
	}
}
