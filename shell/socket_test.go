package shell

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"minimega/completion"
)

// serve serves n's socket until the test ends, and returns the base directory.
func serve(t *testing.T, n *node) string {
	t.Helper()
	base, err := os.MkdirTemp("", "mm") // short: a socket's path is bounded
	if err != nil {
		t.Fatal(err)
	}
	l, err := listenSocket(SocketPath(base))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, func() { l.Close() })
	done := make(chan error, 1)
	go func() { done <- n.accept(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		stop()
		os.RemoveAll(base)
	})
	return base
}

// program is a client as other people write them: raw JSON.
type program struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func connect(t *testing.T, base string) *program {
	t.Helper()
	conn, err := net.Dial("unix", SocketPath(base))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &program{t, conn, bufio.NewReader(conn)}
}

// send writes text as it is.
func (p *program) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Fatal(err)
	}
}

// line returns the next object as it came.
func (p *program) line() string {
	p.t.Helper()
	line, err := p.r.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%q %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

func TestSocketSpeaksTheProtocol(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has = []string{"big"}
	p := connect(t, serve(t, n))
	for _, tt := range []struct {
		request string
		want    []string
	}{
		{`{"Command":"echo <hi>"}`, []string{`{"Resp":[{"Host":"foo","Response":"\u003chi\u003e","Header":null,"Tabular":null,"Error":"","Data":null}],"Rendered":"foo: \u003chi\u003e","More":false,"Status":false}`}},
		{`{"Command":"# remark"}` + "\n", []string{`{"Resp":null,"Rendered":"","More":false,"Status":false}`}},
		{`{"Command":"file list"}`, []string{`{"Resp":[{"Host":"foo","Response":"","Header":["dir","name","size"],"Tabular":[],"Error":"","Data":null}],"Rendered":"","More":false,"Status":false}`}},
		{`{"Command":"file get big"}`, []string{`{"Resp":[{"Host":"foo","Response":"","Header":null,"Tabular":null,"Error":"","Data":null}],"Rendered":"","More":false,"Status":false}`}},
		{`{"Command":"file get nope"}`, []string{`{"Resp":[{"Host":"foo","Response":"","Header":null,"Tabular":null,"Error":"get nope: file not found","Data":null}],"Rendered":"","More":false,"Status":false}`}},
		{`{"Command":"file stream big"}`, []string{
			`{"Resp":[{"Host":"foo","Response":"","Header":null,"Tabular":null,"Error":"","Data":"b25l"}],"Rendered":"","More":true,"Status":false}`,
			`{"Resp":[{"Host":"foo","Response":"","Header":null,"Tabular":null,"Error":"","Data":"dHdv"}],"Rendered":"","More":true,"Status":false}`,
			`{"Resp":[{"Host":"foo","Response":"","Header":null,"Tabular":null,"Error":"","Data":"dGhyZWU="}],"Rendered":"","More":false,"Status":false}`,
		}},
		{`{"Suggest":"file lis"}`, []string{`{"Resp":null,"Rendered":"","More":false,"Status":false,"Suggest":["file list "]}`}},
		{`{}`, []string{`{"Resp":[{"Host":"foo","Response":"","Header":null,"Tabular":null,"Error":"must specify either command or suggest","Data":null}],"Rendered":"","More":false,"Status":false}`}},
		{`{"Command":"a","Suggest":"b"}`, []string{`{"Resp":[{"Host":"foo","Response":"","Header":null,"Tabular":null,"Error":"must specify either command or suggest","Data":null}],"Rendered":"","More":false,"Status":false}`}},
	} {
		p.send(tt.request)
		for _, want := range tt.want {
			if got := p.line(); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", tt.request, got, want)
			}
		}
	}
	p.send(`{"Command":"echo a"}{"Command":"echo b"}`)
	for _, want := range []string{"foo: a", "foo: b"} {
		if got := p.line(); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	p.send("nonsense")
	if got := p.line(); !strings.Contains(got, "must be a JSON object") {
		t.Error(got)
	}
	if _, err := p.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after nonsense: got %v, want the end", err)
	}
}

func TestQuitClosesTheSocketWithoutAnAnswer(t *testing.T) {
	n := newNode(t, "foo")
	stopped := make(chan struct{})
	n.cfg.Stop = func() { close(stopped) }
	p := connect(t, serve(t, n))
	p.send(`{"Command":"quit"}`)
	if _, err := p.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end", err)
	}
	<-stopped
}

func TestAWaitingClientBlocksNobody(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has, n.files.hold = []string{"big"}, make(chan struct{})
	base := serve(t, n)
	waiting, other := connect(t, base), connect(t, base)
	waiting.send(`{"Command":"vm config disk file:big"}`)
	other.send(`{"Command":"echo hi"}`)
	if got := other.line(); !strings.Contains(got, "foo: hi") {
		t.Error(got)
	}
	waiting.send(`{"Cancel":true}`)
	if got := waiting.line(); !strings.Contains(got, "interrupted") {
		t.Error(got)
	}
	waiting.send(`{"Command":"echo still here"}`)
	if got := waiting.line(); !strings.Contains(got, "foo: still here") {
		t.Error(got)
	}
}

// sipper is a connection that counts the bytes written since it was last given
// time.
type sipper struct {
	t       *testing.T
	since   int
	written []byte
}

func (s *sipper) Read([]byte) (int, error)         { return 0, io.EOF }
func (s *sipper) Close() error                     { return nil }
func (s *sipper) SetWriteDeadline(time.Time) error { s.since = 0; return nil }

func (s *sipper) Write(b []byte) (int, error) {
	if s.since += len(b); s.since > writeSize {
		s.t.Errorf("%d bytes must be taken in one go", s.since)
	}
	s.written = append(s.written, b...)
	return len(b), nil
}

func TestALongReplyMayBeTakenSlowly(t *testing.T) {
	s := &sipper{t: t}
	text := strings.Repeat("x", 10*writeSize)
	if err := (&talk{shell: newNode(t, "foo").Shell, conn: s}).send(reply{Rendered: text}); err != nil {
		t.Fatal(err)
	}
	var got reply
	if err := json.Unmarshal(s.written, &got); err != nil || got.Rendered != text {
		t.Errorf("%d bytes, %v", len(got.Rendered), err)
	}
}

func TestClientThatClosesItsSideStillGetsItsAnswer(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has, n.files.hold = []string{"big"}, make(chan struct{})
	p := connect(t, serve(t, n))
	p.send(`{"Command":"echo file:big"}`)
	if err := p.conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	close(n.files.hold)
	if got := p.line(); !strings.Contains(got, "foo: /files/big") {
		t.Error(got)
	}
}

func TestSocketIsForItsUserAlone(t *testing.T) {
	n := newNode(t, "foo")
	base := serve(t, n)
	info, err := os.Stat(SocketPath(base))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	_, err = listenSocket("/tmp/" + strings.Repeat("x", 120))
	if err == nil || !strings.Contains(err.Error(), "use a shorter -base") {
		t.Error(err)
	}
}

func TestSocketIsRemovedWhileItIsOurs(t *testing.T) {
	n := newNode(t, "foo")
	base, err := os.MkdirTemp("", "mm")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	path := SocketPath(base)
	for _, taken := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- n.ServeSocket(ctx, path) }()
		err := ErrNotRunning
		for errors.Is(err, ErrNotRunning) { // the file is there a moment before it is listened at
			err = Execute(ctx, base, []string{"version"}, io.Discard, io.Discard)
		}
		if err != nil {
			t.Error(err)
		}
		if taken {
			if err := errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if (stat(path) != nil) != taken {
			t.Errorf("taken %v, there %v", taken, stat(path) != nil)
		}
	}
}

func TestExecutePrintsAndFailsWithTheCommand(t *testing.T) {
	n := newNode(t, "foo")
	base := serve(t, n)
	for _, tt := range []struct {
		args        []string
		out, errOut string
		err         error
	}{
		{[]string{"echo", "a b", "c"}, "foo: a b c\n", "", nil},
		{[]string{`echo "a  b"`}, "foo: a  b\n", "", nil},
		{[]string{"file", "get", "nope"}, "", "Error (foo): get nope: file not found\n", ErrFailed},
	} {
		var out, errOut bytes.Buffer
		err := Execute(t.Context(), base, tt.args, &out, &errOut)
		if out.String() != tt.out || errOut.String() != tt.errOut || !errors.Is(err, tt.err) {
			t.Errorf("%q: got %q %q %v", tt.args, out.String(), errOut.String(), err)
		}
	}
	var out bytes.Buffer
	if err := Execute(t.Context(), base, []string{"quit"}, &out, &out); err != nil {
		t.Error(err)
	}
	if err := Execute(t.Context(), t.TempDir(), []string{"echo"}, &out, &out); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	if err := Execute(t.Context(), base, nil, &out, &out); err == nil {
		t.Error("an empty command was taken")
	}
}

// typist is a terminal at which lines are typed.
type typist struct {
	lines   []string
	givenUp func() bool // nil: never

	mu      sync.Mutex
	printed []string
	forgot  int // times
}

func (t *typist) ReadLine(ctx context.Context) (string, error) {
	if len(t.lines) == 0 {
		return "", io.EOF
	}
	line := t.lines[0]
	t.lines = t.lines[1:]
	return line, ctx.Err()
}

func (*typist) Interrupted() {}

func (t *typist) GivenUp() bool { return t.givenUp != nil && t.givenUp() }

func (t *typist) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forgot++
}

func (t *typist) Print(msg string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.printed = append(t.printed, msg)
}

func TestAttachRunsLinesUntilTheUserLeaves(t *testing.T) {
	n := newNode(t, "foo")
	base := serve(t, n)
	var out, errOut bytes.Buffer
	user := &typist{lines: []string{"echo a", "", "file get nope", "quit", "echo b", "quit", "disconnect", "echo never"}}
	if err := Attach(t.Context(), base, user, &out, &errOut); err != nil {
		t.Fatal(err)
	}
	want := banner + "\nfoo: a\n" + strings.Repeat("CAUTION: calling 'quit' will cause the minimega daemon to exit\nIf you really want to stop the minimega daemon, enter 'quit' again\n", 2)
	want = strings.Replace(want, "again\nCAUTION", "again\nfoo: b\nCAUTION", 1)
	expect(t, out.String(), want)
	expect(t, errOut.String(), "Error (foo): get nope: file not found\n")

	user = &typist{lines: []string{"quit", "quit", "echo never"}}
	if err := Attach(t.Context(), base, user, io.Discard, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestClearHistoryReachesThePromptItself(t *testing.T) {
	n := newNode(t, "foo")
	base := serve(t, n)
	local, attached := &typist{}, &typist{}
	for user, run := range map[*typist]func(Terminal) error{
		local:    func(t Terminal) error { return n.RunPrompt(context.Background(), t, io.Discard, io.Discard, nil) },
		attached: func(t Terminal) error { return Attach(context.Background(), base, t, io.Discard, io.Discard) },
	} {
		user.lines = []string{"echo a", ".alias gone=clear hist", "gone", "namespace web clear history", "clear all", "history"}
		if err := run(user); err != nil || user.forgot != 3 {
			t.Errorf("forgot %d times, %v", user.forgot, err)
		}
	}
	client := connect(t, base)
	client.send(`{"Command":"clear history"}`)
	if got := client.line(); strings.Contains(got, "Forget") {
		t.Errorf("a client that understands no more than answers got %s", got)
	}
}

func TestPromptRunsLinesUntilTheUserLeaves(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has = []string{"big"}
	var out, errOut bytes.Buffer
	user := &typist{lines: []string{"echo a", "nonsense", "file get big"}}
	if err := n.RunPrompt(t.Context(), user, &out, &errOut, nil); err != nil {
		t.Fatal(err)
	}
	expect(t, out.String(), "foo: a\n")
	expect(t, errOut.String(), "Error (foo): invalid command: `nonsense`: `nonsense` is not known: type help for the list of commands\n")
	user = &typist{lines: []string{"quit", "echo never"}}
	if err := n.RunPrompt(t.Context(), user, &out, &errOut, nil); err != nil || len(user.lines) != 1 {
		t.Errorf("%v %q", err, user.lines)
	}
}

func TestPipeNumbersItsErrors(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has, n.files.fate = []string{"x"}, errors.New("x: source changed")
	for _, tt := range []struct {
		in, out, errOut string
		late            bool // what is got fails when it is waited for
		err             error
	}{
		{"echo a\n\n# x\necho b", "foo: a\nfoo: b\n", "", false, nil},
		{"echo a\nfile get nope\r\nnonsense\necho b\n", "foo: a\nfoo: b\n", "line 2: Error (foo): get nope: file not found\nline 3: Error (foo): invalid command: `nonsense`: `nonsense` is not known: type help for the list of commands\n", false, ErrFailed},
		{"echo a\nquit\necho b\n", "foo: a\n", "", false, nil},
		{"nonsense\nquit\n", "", "line 1: Error (foo): invalid command: `nonsense`: `nonsense` is not known: type help for the list of commands\n", false, ErrFailed},
		{"file get x\necho a\n", "foo: a\n", "line 1: Error (foo): get x: source changed\n", false, ErrFailed},
		{"file get x\necho a\n", "foo: a\n", "line 1: Error (foo): get x: source changed\n", true, ErrFailed},
		{"file get x\nquit\n", "", "line 1: warning: get x: not finished\n", true, nil},
		{"echo " + strings.Repeat("x", maxLine), "", "line 1: Error (foo): must be at most 1048576 bytes, but is longer\n", false, ErrFailed},
	} {
		if n.files.hold = nil; tt.late {
			n.files.hold = make(chan struct{})
		}
		var out, errOut bytes.Buffer
		err := n.RunPipe(t.Context(), strings.NewReader(tt.in), &out, &errOut)
		if out.String() != tt.out || errOut.String() != tt.errOut || !errors.Is(err, tt.err) {
			t.Errorf("%.40q: got %q %q %v", tt.in, out.String(), errOut.String(), err)
		}
	}
}

func TestBaseDirectoryHasOneOwner(t *testing.T) {
	base := filepath.Join(t.TempDir(), "a", "base")
	release, err := ClaimBase(base, false)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(base); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	_, err = ClaimBase(base, false)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "(pid ") || !strings.Contains(err.Error(), "-force") {
		t.Errorf("a second claim: %v", err)
	}
	again, err := ClaimBase(base, true)
	if err != nil {
		t.Fatalf("with force: %v", err)
	}
	if err := errors.Join(again(), release()); err != nil {
		t.Error(err)
	}

	// A crash leaves the files but not the lock.
	for _, name := range []string{pidFile, "minimega"} {
		if err := os.WriteFile(filepath.Join(base, name), []byte("999999\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	release, err = ClaimBase(base, false)
	if err != nil {
		t.Fatalf("after a crash: %v", err)
	}
	if _, err := os.Stat(SocketPath(base)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket of the crashed process is still there: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ClaimBase(plain, false); err == nil {
		t.Error("a file was taken for a directory")
	}
}

func TestBaseDirectoryOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	base := t.TempDir()
	if err := os.Chown(base, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := ClaimBase(base, false); !errors.Is(err, ErrForeign) {
		t.Error(err)
	}
}

func TestFlagsAreRead(t *testing.T) {
	o, err := Parse([]string{"-base", "/b", "-name", "kn1", "-port", "0", "-join", "a, b:1", "-nostdin", "-e", "file", "list", "-x"})
	if err != nil {
		t.Fatal(err)
	}
	if o.FilePath != "/b/files" || o.Name != "kn1" || strings.Join(o.Join, " ") != "a b:1" || strings.Join(o.Execute, " ") != "file list -x" || !o.NoStdin || o.Degree != 4 {
		t.Errorf("%+v", o)
	}
	if o, err := Parse(nil); err != nil || o.Base != "/tmp/minimega" || o.FilePath != "/tmp/minimega/files" || o.Port != 9000 || o.Execute != nil || o.Name == "" {
		t.Errorf("%+v %v", o, err)
	}
	for _, args := range [][]string{{"-nope"}, {"stray"}, {"-port", "70000"}, {"-degree", "-1"}, {"-name", "a b"}, {"-name", "all"}, {"-level", "loud"}, {"-base", ""}, {"-help"}} {
		if _, err := Parse(args); !errors.Is(err, ErrUsage) {
			t.Errorf("%q: got %v", args, err)
		}
	}
	if args := o.Args(); !slices.Contains(args, [2]string{"base", "/b"}) || !slices.IsSortedFunc(args, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) }) {
		t.Errorf("%q", args)
	}
}

func TestTabKnowsTheCommands(t *testing.T) {
	kn1, kn2 := newNode(t, "kn1"), newNode(t, "kn2")
	n := newNode(t, "foo", kn1, kn2)
	n.cfg.LocalNames = func(prefix string, _ int) ([]string, int) {
		var all []string
		for _, name := range []string{"disk one.qcow2", "foo.qcow2", "images/"} {
			if strings.HasPrefix(name, prefix) {
				all = append(all, name)
			}
		}
		return all, len(all)
	}
	for line, want := range map[string]string{
		"fil":                           "file ",
		"file ge":                       "get ",
		"file get f":                    "foo.qcow2 ",
		"file get di":                   `"disk one.qcow2" `,
		"file get i":                    "images/",
		"vm config disk file:f":         "file:foo.qcow2 ",
		"vm config disks f":             "f",
		"vm config disk foo.qcow2,virt": "foo.qcow2,virtio ",
		"mesh send k":                   "kn",
		"mesh send kn1 file get f":      "foo.qcow2 ",
		".csv true file sta":            "status ",
		"vm config snap":                "snapshot ",
		"vm config snapshot t":          "true ",
		"clear vm config dis":           "disks ",
		"echo file:f":                   "file:foo.qcow2 ",
		"# file g":                      "",
		"frobnicate f":                  "",
		`file get "di`:                  `"disk one.qcow2" `,
		"file get foo.qcow2 from ":      "",
		"file get foo.qcow2 from n":     "newest ",
		"mesh send kn1,kn":              "kn1,kn",
	} {
		if got := n.Complete(line, len(line)).Insert; got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	if got := n.Complete("", 0).Candidates; len(got) < 20 {
		t.Errorf("only %d commands", len(got))
	}
	var _ completion.Sources = n.Shell
}

// script is a connection from which bytes come and to which some go.
type script struct {
	io.Reader
	bytes.Buffer
}

func (s *script) Read(b []byte) (int, error)       { return s.Reader.Read(b) }
func (s *script) Close() error                     { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

func FuzzSocketJSON(f *testing.F) {
	for _, seed := range []string{
		`{"Command":"echo hi"}{"Suggest":"fil"}`, `{"Command":"# x"}`, `{}`, `[`, `{"Command":5}`, `{"Cancel":true}`,
		`{"Complete":"file l","Cursor":3}`, `{"Complete":"é","Cursor":-9}`, `{"PlumbPipe":"x"}`, `{"Command":".json true mesh status","Status":true}`,
		"\xff", `{"Command":"file stream nope"}`, `{"Command":"file get nope","Notify":true}`, strings.Repeat("[", 20000),
	} {
		f.Add([]byte(seed))
	}
	n := newNode(f, "foo")
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, word := range []string{"sh", "w", "r", "q", "do", "\\", "$", "\""} { // nothing that acts on the machine
			if bytes.Contains(bytes.ToLower(in), []byte(word)) {
				return
			}
		}
		conn := &script{Reader: bytes.NewReader(in)}
		n.serveClient(t.Context(), conn)
		for line := range bytes.Lines(conn.Buffer.Bytes()) {
			var keys map[string]json.RawMessage
			if err := json.Unmarshal(line, &keys); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			for _, key := range []string{"Resp", "Rendered", "More", "Status"} {
				if _, ok := keys[key]; !ok {
					t.Fatalf("%q: no %s", line, key)
				}
			}
		}
	})
}

func TestAnInterruptBeforeTheCommandBeginsEndsIt(t *testing.T) {
	n := newNode(t, "foo")
	var out, errOut bytes.Buffer
	user := &typist{lines: []string{"shell sleep 60", "echo on"}}
	user.givenUp = func() bool { return len(user.lines) == 1 } // the first
	begin := time.Now()
	if err := n.RunPrompt(t.Context(), user, &out, &errOut, nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("the command went on for %v", took)
	}
	expect(t, out.String(), "foo: on\n")
	expect(t, errOut.String(), "Error (foo): interrupted\n")
}
