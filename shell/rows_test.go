package shell

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"minimega/transfer"
	"minimega/transfer/store"
	"minimega/vmconfig"
)

// What people and programs know by heart: words, columns, defaults.

func TestTablesHaveTheColumnsThatProgramsKnow(t *testing.T) {
	n := newNode(t, "foo")
	n.store.entries[""] = []store.Entry{file("a", 1)}
	n.files.status = []transfer.Status{{Name: "big", Dir: "/files/transfer_1", Parts: 1, Total: 2}}
	c := NewClient(nil, nil)
	n.run(t, c, ".alias e=echo", ".env A b", "background true")
	defer n.processes.running.Wait()
	for line, want := range map[string]string{
		"file list":              "dir,name,size",
		"file list detail":       "dir,name,size,modified",
		"file list a":            "dir,name,size",
		"file status":            "Filename,Temporary directory,Completed parts,Queued",
		"mesh status":            "size,degree,peers,context,port",
		"host":                   "cpus,load,memused,memtotal,rx,tx,vms,vmlimit,androidvms,cpucommit,memcommit,netcommit,uptime",
		"background-status":      "ID,PID,RUNNING,ERROR,TIME_START,TIME_END,COMMAND",
		"debug":                  "goversion,goroutines,cgocalls",
		"namespace":              "namespace,vlans,active",
		".alias":                 "alias,expansion",
		".env":                   "key,value",
		"args":                   "attach,base",
		".columns name,dir f li": "name,dir",
	} {
		n.Exec(t.Context(), c, line, func(r Result) {
			if got := strings.Join(r.Responses[0].Header, ","); got != want {
				t.Errorf("%s: got %s, want %s", line, got, want)
			}
		})
	}
}

func TestEachFieldIsSetShownKeptAndCleared(t *testing.T) {
	defaults := map[string]string{
		"backchannel": "true", "bonds": "[]", "coschedule": "-1", "cores": "0", "sockets": "0", "threads": "0", "cpu": "host",
		"bidirectional-copy-paste": "false", "disks": "[]", "fifos": "0", "init": "[/init]", "memory": "2048", "networks": "[]",
		"qemu": "kvm", "serial-ports": "0", "snapshot": "true", "usb-use-xhci": "true", "vcpus": "1", "vga": "std",
		"android-no-window": "true", "android-writable-system": "false", "android-console-base-port": "0",
	}
	empty := strings.Fields("append cdrom colocate filesystem hostname initrd kernel machine preinit qemu-append qemu-override " +
		"schedule state tags tpm-socket uuid virtio-ports volume android-sdk android-emulator android-adb android-avd " +
		"android-avd-dir android-extra-args")
	for _, name := range empty {
		defaults[name] = ""
	}
	n := newNode(t, "foo")
	n.files.has = []string{"install.iso", "boot/vmlinuz", "boot/initrd", "saved/web.state", "foo.qcow2", "data", "tpm-socket"}
	c := NewClient(nil, nil)
	for _, f := range n.cfg.VM.Fields() {
		first, ok := defaults[f.Name]
		if delete(defaults, f.Name); !ok {
			t.Errorf("%s: is it in the list above?", f.Name)
		}
		if first != "" {
			first += "\n"
		}
		show, sample := "vm config "+f.Name, strings.Replace(f.Sample(), "tar:", "", 1)
		expect(t, n.run(t, c, show), first)
		if f.Kind == vmconfig.Bool {
			sample = fmt.Sprint(first != "true\n")
		}
		expect(t, n.run(t, c, show+" "+sample), "")
		set := n.run(t, c, show)
		if set == first || set == "" {
			t.Errorf("%s %s: shows %q", show, sample, set)
		}
		expect(t, n.run(t, c, "vm config save x", "clear vm config "+f.Name, show), first)
		expect(t, n.run(t, c, "vm config restore x", show), set)
		expect(t, n.run(t, c, "clear vm config", show), first)
	}
	for name := range defaults {
		t.Errorf("there is no field %s", name)
	}
}

func TestLinesAreReadAsTheyAlwaysWere(t *testing.T) {
	n := newNode(t, "foo")
	n.store.entries[""] = []store.Entry{file("a", 1)}
	c := NewClient(nil, nil)
	table := "host  | dir | name | size\nfoo   |     | a    | 1\n"
	for _, tt := range []struct{ line, want string }{
		{`echo a"b c"'d'  e`, "foo: ab cd e\n"},
		{`echo "" x`, "foo:  x\n"},
		{`echo \r\n\t\\\"\'\#`, "foo: \\r\n\t\\\"'#\n"},
		{`echo 'it\'s'`, "foo: it's\n"},
		{"echo a#b", "foo: a\n"}, {`echo "a#b"`, "foo: a#b\n"}, {"# echo", ""}, {"   ", ""}, {"echo # only", ""},
		{`echo \q`, "Error (foo): unexpected escaped character: q\n"},
		{`echo \`, "Error (foo): expected escape character\n"},
		{`echo "a`, "Error (foo): missing terminal \"\n"},
		{"f list", table}, {"fi li", table}, {".columns n,s fi li", "host  | name | size\nfoo   | a    | 1\n"},
		{"v conf mem", "2048\n"}, {"vm config disk", "[]\n"}, {"vm config net", "[]\n"}, {"vm config tag", ""},
		{".annotate f .headers f file list", "     | a  | 1\n"},
		{".csv t .headers f .annotate f file list", ",a,1\n"},
		{"vm config s", "Error (foo): invalid command: `vm config s`: "},
		{"file stream a*", "Error (foo): cannot stream a glob: name one file\n"},
		{`file delete ""`, "Error (foo): delete: must name a file, a directory or a glob, but names no file: * is all there is\n"},
		{"file delete $NO_SUCH_NAME", "Error (foo): delete: must name a file, a directory or a glob, but names no file: * is all there is\n"},
		{`mesh send "" echo`, "Error (foo): node range: must name nodes, as in kn[1-3,7],foo, but is \"\"\n"},
		{`ns add-hosts ""`, "Error (foo): node range: must name nodes, as in kn[1-3,7],foo, but is \"\"\n"},
		{`deploy launch ""`, "Error (foo): node range: must name nodes, as in kn[1-3,7],foo, but is \"\"\n"},
		{`.env "" x`, "Error (foo): .env: must be a name without =, but is \"\"\n"},
		{`.env a=b x`, "Error (foo): .env: must be a name without =, but is \"a=b\"\n"},
		{"host na", "foo: foo\n"}, {"host vms", "foo: 0\n"},
		{"host mem", "Error (foo): invalid command: `host mem`: `mem` could be memcommit, memtotal or memused\n"},
		{"host x", "Error (foo): invalid command: `host x`: "},
		{".columns c host", "Error (foo): ambiguous column `c`: could be cpus or cpucommit\n"},
		{`.columns "name, dir" file list`, "host  | name | dir\nfoo   | a    |\n"},
		{".columns ,dir file list", "Error (foo): no such column ``: must be one of dir, name, size\n"},
		{`read ""`, "Error (foo): read \"\": must name a file, but names none\n"},
		{"read /", "Error (foo): read /: must be a file, but is a directory or a device\n"},
		{"read /dev/zero", "Error (foo): read /dev/zero: must be a file, but is a directory or a device\n"},
		{"write $NO_SUCH_NAME", "Error (foo): write $NO_SUCH_NAME: must name a file, but names none\n"},
		{`debug memory ""`, "Error (foo): debug memory \"\": must name a file, but names none\n"},
		{`debug cpu start ""`, "Error (foo): debug cpu start \"\": must name a file, but names none\n"},
		{`mesh dot ""`, "Error (foo): mesh dot \"\": must name a file, but names none\n"},
		{"file stream b", "Error (foo): stream b: file not found\n"},
		{"vm config disk a#b", ""}, {"vm config disk", "[/files/a]\n"},
		{"vm config cores foo", "Error (foo): vm config cores: must be a whole number, 0 or more, but is \"foo\"\n"},
		{"status updates x", "Error (foo): invalid frequency duration provided: must be as in 3s, or 0 for never, but is \"x\"\n"},
		{"background-status 7", "Error (foo): provided id does not exist in background process table: background-status lists them\n"},
		{"debug cpu stop", "Error (foo): CPU profile not running: debug cpu start FILE begins one\n"},
		{"clear namespace x", "Error (foo): unknown namespace: x: namespace lists them\n"},
		{"mesh list", "foo: foo\n"}, {"mesh list all", "foo: foo\n"}, {"mesh list peers", ""},
	} {
		got := n.run(t, c, tt.line)
		if strings.HasSuffix(tt.want, ": ") && strings.HasPrefix(got, tt.want) {
			continue
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestNothingWaitsForTheOtherEndOfAPipe(t *testing.T) {
	n, _ := logged(t, &bytes.Buffer{})
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	c := NewClient(nil, nil)
	for _, line := range []string{"read", "write", "debug memory", "debug cpu start", "mesh dot"} {
		expect(t, n.run(t, c, line+" "+pipe), "Error (foo): "+pipe+": must be a file, but is a named pipe\n")
	}
	expect(t, n.run(t, c, "log file "+pipe), "Error (foo): log file: "+pipe+": must be a file, but is a named pipe\n")
}

func TestAliasesAreForWhatIsTyped(t *testing.T) {
	n := newNode(t, "foo")
	c := NewClient(nil, nil)
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("say it\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.run(t, c, ".alias say=echo well", ".alias echo=version")
	expect(t, n.run(t, c, "say it"), "foo: well it\n") // once, not again
	expect(t, n.run(t, c, "echo"), "foo: minimega test\n")
	expect(t, n.run(t, c, ".csv true say it"), "Error (foo): invalid command: `say it`: `say` is not known: type help for the list of commands\n")
	expect(t, n.run(t, c, "read "+path), "Error (foo): "+path+":1 invalid command: `say it`: `say` is not known: type help for the list of commands\n")
}

func TestTheHistoryIsBoundedAndWrittenByTheProgram(t *testing.T) {
	n := newNode(t, "foo")
	c := NewClient(nil, nil)
	for i := range maxHistory + 5 {
		c.remember(fmt.Sprint("echo ", i))
	}
	path := filepath.Join(t.TempDir(), "typed")
	expect(t, n.run(t, c, "write "+path), "")
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "echo 5\n") || strings.Count(string(text), "\n") != maxHistory {
		t.Errorf("%.20q %v", text, err)
	}
	expect(t, n.run(t, c, "clear history", "history"), "clear history\n")
	expect(t, n.run(t, c, "write /none/x"), "Error (foo): open /none/x: no such file or directory\n")
}

func TestJSONOfTheCommandsHasEveryKey(t *testing.T) {
	text, err := cli()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, entry := range all {
		for _, key := range []string{"help_short", "help_long", "patterns", "shared_prefix", "parsed_patterns"} {
			if value, ok := entry[key]; !ok || string(value) == "null" {
				t.Errorf("%s: no %s", entry["patterns"], key)
			}
		}
	}
}

func TestAFileMayBeginWithAByteOrderMark(t *testing.T) {
	n := newNode(t, "foo")
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("\xef\xbb\xbfecho one\necho two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, n.run(t, NewClient(nil, nil), "read "+path), "foo: one\nfoo: two\n")
}
