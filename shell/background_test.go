package shell

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestBackgroundProgramsRunBesideCommands(t *testing.T) {
	n := newNode(t, "foo")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- n.RunBackground(ctx) }()
	c := NewClient(nil, nil)
	pipe := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(pipe, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n.run(t, c, ".env MM_BG "+pipe)
	expect(t, n.run(t, c, "background-status"), "")
	expect(t, n.run(t, c, `background sh -c "echo out; echo err >&2; exit 3"`), "foo: Started background process with id 1\n")
	n.processes.running.Wait()
	expect(t, n.run(t, c, "background sleep 600"), "foo: Started background process with id 2\n")
	row := regexp.MustCompile(`^host,ID,PID,RUNNING,ERROR,TIME_START,TIME_END,COMMAND\nfoo,1,\d+,false,exit status 3,\S+Z?,\S+,sh -c `)
	if got := n.run(t, c, ".csv true background-status 1"); !row.MatchString(got) {
		t.Error(got)
	}
	for _, tt := range []struct{ line, want string }{
		{"background-output 1", "foo: out\n"}, {"background-error 1", "foo: err\n"},
		{"background-output 2", "Error (foo): wait for process to finish before reading output: background-status tells when\n"},
		{"background-output 3", "Error (foo): provided id does not exist in background process table: background-status lists them\n"},
		{"background-status x", "Error (foo): background: must be an id, but is \"x\": background-status lists them\n"},
		{".columns ID,RUNNING,COMMAND background status 2", "host  | ID | RUNNING | COMMAND\nfoo   | 2  | true    | sleep 600\n"},
		{"clear background-status", "foo: Cleared 1 elements from background-status\n"},
		{"background-status 1", "Error (foo): provided id does not exist in background process table: background-status lists them\n"},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
	if got := n.run(t, c, "background no-such-program"); !strings.Contains(got, "executable file not found") {
		t.Error(got)
	}
	cancel()
	if err := <-done; err != nil { // with sleep 600 gone
		t.Error(err)
	}
	expect(t, n.run(t, c, "background true"), "Error (foo): background: the program is ending\n")
}

func TestDebugWritesProfiles(t *testing.T) {
	n := newNode(t, "foo")
	c := NewClient(nil, nil)
	dir := t.TempDir()
	if got := n.run(t, c, ".columns goversion,goroutines,cgocalls debug"); !strings.HasPrefix(got, "host  | goversion | goroutines | cgocalls\nfoo   | go1.") {
		t.Error(got)
	}
	for _, tt := range []struct{ line, want string }{
		{"debug memory " + dir + "/memory", ""}, {"debug goroutine " + dir + "/goroutine", ""},
		{"debug cpu stop", "Error (foo): CPU profile not running: debug cpu start FILE begins one\n"},
		{"debug cpu start " + dir + "/cpu", ""},
		{"debug cpu start " + dir + "/again", "Error (foo): CPU profile still running: debug cpu stop ends it\n"},
		{"debug cpu stop", ""},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
	for _, name := range []string{"memory", "goroutine", "cpu"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Error(name, info, err)
		}
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	n := newNode(t, "foo")
	t.Setenv("PATH", t.TempDir())
	expect(t, n.run(t, NewClient(nil, nil), "check"),
		"Error (foo): exec: \"qemu-img\": executable file not found in $PATH: disk commands need it: install it\n"+
			"  exec: \"qemu-nbd\": executable file not found in $PATH: disk inject commands need it: install it\n"+
			"  exec: \"partx\": executable file not found in $PATH: disk inject commands need it: install it\n"+
			"  exec: \"mount\": executable file not found in $PATH: disk inject commands need it: install it\n"+
			"  exec: \"umount\": executable file not found in $PATH: disk inject commands need it: install it\n"+
			"  exec: \"ssh\": executable file not found in $PATH: deploy commands need it: install it\n"+
			"  exec: \"scp\": executable file not found in $PATH: deploy commands need it: install it\n")
}

func TestStatusUpdatesAreTheClients(t *testing.T) {
	n := newNode(t, "foo")
	c := NewClient(nil, nil)
	for _, tt := range []struct{ line, want string }{
		{"status updates", "foo: status update frequency: 3s\n"}, {"status updates 1m", ""},
		{"status updates", "foo: status update frequency: 1m0s\n"}, {"status updates 0", ""},
		{"status updates", "foo: status updates disabled\n"},
		{"status updates soon", "Error (foo): invalid frequency duration provided: must be as in 3s, or 0 for never, but is \"soon\"\n"},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
	expect(t, n.run(t, NewClient(nil, nil), "status updates"), "foo: status update frequency: 3s\n")
}

func TestWhatAProgramPrintsIsBounded(t *testing.T) {
	n := newNode(t, "foo")
	line := fmt.Sprintf("shell head -c %d /dev/zero", maxOutput+7)
	n.Exec(t.Context(), NewClient(nil, nil), line, func(r Result) {
		got := r.Responses[0].Response
		if want := "\n(7 more bytes are left out: send them to a file)"; !strings.HasSuffix(got, want) || len(got) != maxOutput+len(want) {
			t.Errorf("%d bytes, the last %.60q", len(got), got[max(0, len(got)-60):])
		}
	})
}
