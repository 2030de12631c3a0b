package shell

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// logged returns a node whose log goes to console, and the log.
func logged(t *testing.T, console *bytes.Buffer) (*node, *slog.Logger) {
	t.Helper()
	n := newNode(t, "foo")
	logs, err := NewLogs(console, "error", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { logs.Close() })
	n.cfg.Logs = logs
	return n, slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: logs.Level}))
}

func TestTheLogGoesWhereItIsSent(t *testing.T) {
	var console bytes.Buffer
	n, log := logged(t, &console)
	c := NewClient(nil, nil)
	path := filepath.Join(t.TempDir(), "log")
	for _, tt := range []struct{ line, want string }{
		{"log level", "foo: error\n"}, {"log level info", ""}, {"log level", "foo: info\n"},
		{"log ring", "Error (foo): cannot dump log ring, not enabled: log ring SIZE enables it\n"},
		{"log ring 2", ""}, {"log ring x", "Error (foo): log ring: must be 0 to 100000 lines, but is \"x\"\n"},
		{"log file " + path, ""}, {"log file", "foo: " + path + "\n"},
		{"log filter noise", ""}, {"log filter", "foo: noise\n"},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
	log.Info("one")
	log.Info("noise")
	log.Debug("small")
	n.run(t, c, "log stderr false")
	log.Info("two")
	log.Info("three")
	if text := console.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "msg=one") {
		t.Error(text)
	}
	if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), "msg=") != 3 {
		t.Error(string(text), err)
	}
	if got := n.run(t, c, "log ring"); strings.Contains(got, "one") || strings.Count(got, "msg=t") != 2 {
		t.Error(got)
	}
	expect(t, n.run(t, c, "clear log filter", "log filter", "clear log level", "log level"), "foo: error\n")
	expect(t, n.run(t, c, "clear log", "log file", "log stderr"), "foo: true\n")
	expect(t, n.run(t, c, "log level fatal", "log level"), "foo: fatal\n")
	log.Error("four")
	if strings.Contains(console.String(), "four") {
		t.Error(console.String())
	}
	if got := n.run(t, c, "log file "+t.TempDir()); !strings.Contains(got, "is a directory") {
		t.Error(got)
	}
}

func TestAClearedLogIsAsItBegan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var console bytes.Buffer
	logs, err := NewLogs(&console, "warn", path)
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	logs.SetStderr(true)
	if err := logs.SetFile(""); err != nil || logs.File() != "" {
		t.Error(err, logs.File())
	}
	for _, part := range logParts() {
		if err := logs.Reset(part); err != nil {
			t.Error(err)
		}
	}
	if logs.Stderr() || logs.File() != path || logs.LevelText() != "warn" {
		t.Error(logs.Stderr(), logs.File(), logs.LevelText())
	}
}
