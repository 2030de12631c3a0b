package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// runLogs runs n's RunLogs until the test ends.
func runLogs(t *testing.T, n *node) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.RunLogs(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// lines is what a log is written to, for any number of goroutines.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	came chan struct{} // after each
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	l.text.Write(b)
	l.mu.Unlock()
	l.came <- struct{}{}
	return len(b), nil
}

func TestTheLogOfANodeGoesToAnother(t *testing.T) {
	there, got := newNode(t, "kn2"), &lines{came: make(chan struct{}, 100)}
	logs, err := NewLogs(got, "error", "")
	if err != nil {
		t.Fatal(err)
	}
	there.cfg.Logs = logs
	here := newNode(t, "kn1", there)
	if here.cfg.Logs, err = NewLogs(&bytes.Buffer{}, "error", ""); err != nil {
		t.Fatal(err)
	}
	c := NewClient(nil, nil)
	for _, tt := range []struct{ line, want string }{
		{"log mesh", "kn1: mesh logging disabled\n"},
		{"log mesh kn9", "Error (kn1): node kn9 not in mesh: mesh list peers lists them\n"},
		{"log mesh kn1", "Error (kn1): log mesh: must be another node, but is kn1 itself: clear log mesh sends nothing any more\n"},
		{"log mesh kn2", ""},
		{"log mesh", "kn1: sending all logs to node kn2\n"},
	} {
		expect(t, here.run(t, c, tt.line), tt.want)
	}
	runLogs(t, here)
	log := slog.New(slog.NewTextHandler(here.cfg.Logs, nil))
	log.Error("one\x1b")
	<-got.came
	if !strings.HasPrefix(got.text.String(), "kn1: time=") || !strings.Contains(got.text.String(), `msg="one\x1b"`) {
		t.Error(got.text.String())
	}
	here.run(t, c, "clear log mesh")
	log.Error("two")
	expect(t, here.run(t, c, "log mesh"), "kn1: mesh logging disabled\n")
	if here.cfg.Logs.mesh.add("x"); len(here.cfg.Logs.mesh.lines) > 0 {
		t.Error("lines are kept for nobody")
	}
}

func TestLogLinesThatNobodyTakesAreCountedAndBounded(t *testing.T) {
	q := newLogQueue()
	q.send("kn2")
	for i := range maxLogLines + 7 {
		q.add(fmt.Sprint(i, " ", strings.Repeat("é", maxLogLine)))
	}
	to, lines, lost := q.take()
	if !strings.HasPrefix(lines[0], "7 ") || !strings.HasPrefix(lines[len(lines)-1], "1006 ") {
		t.Errorf("from %.9q to %.9q are kept", lines[0], lines[len(lines)-1])
	}
	if to != "kn2" || len(lines) != maxLogLines || lost != 7 || len(lines[0]) > maxLogLine {
		t.Errorf("%s %d %d", to, len(lines), lost)
	}
	q.add("newest")
	q.back("kn3", []string{"of another"}, 1, errNoLogs)
	if got := q.waits(); got != "" {
		t.Error(got)
	}
	q.back("kn2", lines, lost, errTimedOut)
	if got := q.waits(); got != " (1000 lines wait, 8 are lost: timed out)" {
		t.Error(got)
	}
	_, again, lost := q.take()
	if lost != 8 || len(again) != maxLogLines || again[maxLogLines-1] != "newest" {
		t.Errorf("%d %d", len(again), lost)
	}
	if q.done("kn2"); q.waits() != "" {
		t.Error(q.waits())
	}
}

func TestTheLogGoesToASyslogServer(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	address := server.LocalAddr().String()
	n, log := logged(t, &bytes.Buffer{})
	c := NewClient(nil, nil)
	for _, tt := range []struct{ line, want string }{
		{"log syslog", "foo: syslog logging disabled\n"},
		{"log syslog remote tcp 10.0.0.1", ""}, {"log syslog", "foo: sending all logs to tcp 10.0.0.1:514\n"},
		{"log syslog remote tcp fd00::1", ""}, {"log syslog", "foo: sending all logs to tcp [fd00::1]:514\n"},
		{"log syslog remote tcp host:", "Error (foo): log syslog: must be HOST or HOST:PORT, but is \"host:\"\n"},
		{"log syslog remote tcp host:x", "Error (foo): log syslog: the port must be 1 to 65535, but is \"x\"\n"},
		{"log syslog remote udp 10.0.0.1:65536", "Error (foo): log syslog: the port must be 1 to 65535, but is \"65536\"\n"},
		{"log syslog remote udp :514", "Error (foo): log syslog: must be HOST or HOST:PORT, but is \":514\"\n"},
		{`log filter ""`, "Error (foo): log filter: must be a text, but is empty: log level fatal logs nothing\n"},
		{"log syslog local", ""}, {"log syslog", "foo: sending all logs to unixgram /dev/log\n"},
		{"log syslog remote udp " + address, ""}, {"log syslog", "foo: sending all logs to udp " + address + "\n"},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
	runLogs(t, n)
	log.Error("broken")
	if err := server.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	k, _, err := server.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(buf[:k]); !strings.HasPrefix(got, "<27>") || !strings.Contains(got, " foo minimega[") || !strings.HasSuffix(got, "msg=broken\n") {
		t.Errorf("%q", got)
	}
	expect(t, n.run(t, c, "clear log syslog", "log syslog"), "foo: syslog logging disabled\n")
}

func TestASyslogServerThatIsAwayHoldsNothingUp(t *testing.T) {
	path := t.TempDir() + "/none"
	l := &syslogLine{host: "foo"}
	if err := l.send(t.Context(), "unix "+path, logLines{Lines: []string{"x"}}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	server, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for err == nil { // until nothing more fits into the connection that nobody reads
		err = l.send(ctx, "unix "+path, logLines{Lines: []string{strings.Repeat("x", maxLogLine)}})
	}
	if l.conn != nil {
		t.Error("a broken connection is kept")
	}
}

func TestALineHasTheSeverityOfItsOwnLevel(t *testing.T) {
	for line, want := range map[string]int{
		"time=1 level=ERROR msg=broken":             3,
		`time=1 level=WARN msg="was level=ERROR"`:   4,
		`time=1 level=DEBUG msg="no level=WARN"`:    7,
		`time=1 level=INFO msg="see level=ERROR x"`: 6,
		"": 6,
	} {
		if got := severity(line); got != want {
			t.Errorf("%q: %d, not %d", line, got, want)
		}
	}
}
