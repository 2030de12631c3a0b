package shell

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"minimega/shell/plumb"
)

func TestPipesAndPipelinesAreSeenAndSet(t *testing.T) {
	n := newNode(t, "foo")
	t.Cleanup(func() { n.plumber.UnplumbAll(context.Background()) })
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, "pipe", "plumb"), "")
	expect(t, n.run(t, c, `pipe in "hello there"`, "pipe in mode round-robin", "pipe in log true", "pipe in via tr a-z A-Z", "pipe in", "pipe nothing"),
		"host  | name | mode        | readers | writers | count | lost | log  | via        | last\n"+
			"foo   | in   | round-robin | 0       | 0       | 1     | 0    | true | tr a-z A-Z | hello there\n")
	expect(t, n.run(t, c, "clear pipe in mode", "clear pipe in log", "clear pipe in via", ".columns mode,log,via pipe in"),
		"host  | mode | log   | via\nfoo   | all  | false |\n")
	expect(t, n.run(t, c, `plumb in "sed -u s/a/b/" out`, "plumb", ".columns name,readers,writers pipe"),
		"host  | pipeline               | state\nfoo   | in \"sed -u s/a/b/\" out | running\n"+
			"host  | name | readers | writers\nfoo   | in   | 1       | 0\nfoo   | out  | 0       | 1\n")
	expect(t, n.run(t, c, "clear plumb x", `clear plumb in "sed -u s/a/b/" out`, "plumb"),
		"Error (foo): clear plumb x: no such pipeline: plumb lists them\n")
	expect(t, n.run(t, c, "plumb in out", "clear pipe in", ".columns name pipe"), "host  | name\nfoo   | out\n")
	expect(t, n.run(t, c, "pipe 'a b' x"),
		"Error (foo): bad pipe name: must be letters, digits, -, _, . and :, at most 128, but is \"a b\": as in plumb foo bar\n")
	expect(t, n.run(t, c, "namespace other pipe in x", ".columns name,count pipe other//in", ".columns name namespace other pipe"),
		"host  | name | count\nfoo   | in   | 1\nhost  | name\nfoo   | in\n")
	expect(t, n.run(t, c, "namespace other plumb in out", "pipe kept x", "clear namespace other", "namespace other pipe", "namespace other plumb", ".columns name pipe kept"),
		"host  | name\nfoo   | kept\n")
	expect(t, n.run(t, c, "namespace other plumb in out", "clear all", "namespace other pipe", "namespace other plumb", "pipe"), "")
}

func TestTabKnowsPipesAndPipelines(t *testing.T) {
	n := newNode(t, "foo")
	t.Cleanup(func() { n.plumber.UnplumbAll(context.Background()) })
	n.run(t, NewClient(nil, nil), "plumb alpha 'cat -u' beta")
	for line, want := range map[string]string{
		"pipe al":       "pipe alpha ",
		"plumb be":      "plumb beta ",
		"plumb x be":    "plumb x beta ",
		"clear pipe al": "clear pipe alpha ",
		"clear plumb ":  `clear plumb "alpha \"cat -u\" beta" `,
	} {
		got := n.Suggest(t.Context(), nil, line)
		if len(got) != 1 || got[0] != want {
			t.Errorf("%q becomes %q, not %q", line, got, want)
		}
	}
	expect(t, n.run(t, NewClient(nil, nil), n.Suggest(t.Context(), nil, "clear plumb ")[0], "plumb"), "")
}

// readers waits until a pipe has so many.
func readers(t *testing.T, n *node, pipe string, count int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		all, _ := n.plumber.List(t.Context(), defaultNamespace, pipe)
		if len(all) == 1 && all[0].Readers == count {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s has %+v, not %d readers", pipe, all, count)
		}
	}
}

func TestPlumbPipeOfTheSocketIsStringsBothWays(t *testing.T) {
	n := newNode(t, "foo")
	base := serve(t, n)
	p, q := connect(t, base), connect(t, base)
	p.send(`{"Command":"echo first"}{"PlumbPipe":"x"}`)
	if !strings.Contains(p.line(), "first") {
		t.Error("the command before was not answered")
	}
	q.send(`{"PlumbPipe":"minimega//x"}`)
	readers(t, n, "x", 2)
	p.send(`"one\n""two <&>\nthree"` + "\n" + `""`)
	for _, want := range []string{`"one\n"`, `"two <&>\n"`, `"three\n"`, `"\n"`} {
		if got := q.line(); got != want {
			t.Errorf("the other end has %s, not %s", got, want)
		}
	}
	n.run(t, NewClient(nil, nil), "pipe x bye")
	for _, end := range []*program{p, q} {
		if got := end.line(); got != `"bye\n"` {
			t.Errorf("an end has %s", got) // not what it wrote itself
		}
	}
	if err := p.conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(p.r); err != nil || len(rest) > 0 {
		t.Errorf("after its end it has %q, %v", rest, err)
	}
	readers(t, n, "x", 1)
	n.run(t, NewClient(nil, nil), "clear pipe x")
	if got := q.line(); !strings.Contains(got, `"Error":"the pipe was cleared`) {
		t.Errorf("of its end it has %s", got)
	}
	if _, err := q.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("then it has %v", err)
	}
}

func TestWhatIsNoLineEndsAPlumbPipe(t *testing.T) {
	base := serve(t, newNode(t, "foo"))
	for text, want := range map[string]string{
		`{"PlumbPipe":"a b"}`:                "bad pipe name",
		`{"PlumbPipe":"x"}{"Command":"x"}`:   "must be a JSON string",
		`{"PlumbPipe":"x"}null`:              "must be a JSON string",
		`{"PlumbPipe":"x"}7`:                 "must be a JSON string",
		`{"PlumbPipe":"x"}nonsense`:          "must be a JSON string",
		`{"PlumbPipe":"x","Command":"pipe"}`: "must specify either command or suggest",
	} {
		p := connect(t, base)
		p.send(text)
		if got := p.line(); !strings.Contains(got, want) {
			t.Errorf("%s is answered %s", text, got)
		}
	}
	long := connect(t, base)
	go io.WriteString(long.conn, `{"PlumbPipe":"x"}"`+strings.Repeat("x", maxLineJSON+writeSize)) // it is cut off
	if got := long.line(); !strings.Contains(got, "at most 1 MiB") {
		t.Errorf("a long line is answered %s", got)
	}
}

func TestALineOfAMebibyteCrossesTheSocketWhole(t *testing.T) {
	n := newNode(t, "foo")
	base := serve(t, n)
	p, q := connect(t, base), connect(t, base)
	p.send(`{"PlumbPipe":"x"}`)
	q.send(`{"PlumbPipe":"x"}`)
	readers(t, n, "x", 2)
	text := strings.Repeat("\x01", plumb.MaxLine-1) + "\n" // each a \u0001
	line, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	p.send(string(line))
	if got := q.line(); got != string(line) {
		t.Errorf("%d bytes came of %d", len(got), len(line))
	}
}

func TestAClientThatDoesNotReadItsPipeHoldsNobodyUp(t *testing.T) {
	n := newNode(t, "foo")
	base := serve(t, n)
	stuck, well := connect(t, base), connect(t, base)
	stuck.send(`{"PlumbPipe":"x"}`)
	well.send(`{"PlumbPipe":"x"}`)
	readers(t, n, "x", 2)
	line := strings.Repeat("x", 10_000)
	for range 3000 {
		if err := n.plumber.Write(t.Context(), plumb.Name{Space: defaultNamespace, Pipe: "x"}, line); err != nil {
			t.Fatal(err)
		}
		if got := well.line(); len(got) != len(line)+4 {
			t.Fatalf("%.40q came", got)
		}
	}
	if all, _ := n.plumber.List(t.Context(), defaultNamespace, "x"); all[0].Lost == 0 {
		t.Error("nothing is counted as lost")
	}
}

// terminal is an output that is read while it is written.
type terminal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *terminal) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *terminal) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func TestJoinPipeCarriesTheStandardStreams(t *testing.T) {
	n := newNode(t, "foo")
	base := serve(t, n)
	var out terminal
	ended := make(chan error, 1)
	go func() { ended <- JoinPipe(t.Context(), base, "x", nil, &out) }()
	readers(t, n, "x", 1)
	var own terminal
	if err := JoinPipe(t.Context(), base, "x", strings.NewReader("one\n\ntwo"), &own); err != nil {
		t.Error(err)
	}
	n.run(t, NewClient(nil, nil), "pipe x three", "clear pipe x")
	if err := <-ended; err == nil || !strings.HasPrefix(err.Error(), "the pipe was cleared") {
		t.Errorf("the reader ended with %v", err)
	}
	expect(t, out.String()+own.String(), "one\n\ntwo\nthree\n")

	if err := JoinPipe(t.Context(), base, "a b", nil, &own); err == nil || !strings.Contains(err.Error(), "bad pipe name") {
		t.Errorf("a bad name: %v", err)
	}
	if err := JoinPipe(t.Context(), t.TempDir(), "x", nil, &own); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { readers(t, n, "y", 1); cancel() }()
	if err := JoinPipe(ctx, base, "y", nil, &own); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestALineGoesOutBeforeTheNextHasCome(t *testing.T) {
	n := newNode(t, "foo")
	base := serve(t, n)
	reader := connect(t, base)
	reader.send(`{"PlumbPipe":"x"}`)
	readers(t, n, "x", 1)
	in, typed := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- JoinPipe(t.Context(), base, "x", in, io.Discard) }()
	for _, text := range []string{"one\nhalf of ", "two\n"} {
		if _, err := io.WriteString(typed, text); err != nil {
			t.Fatal(err)
		}
		if got := reader.line(); !strings.HasSuffix(text, "\n") && got != `"one\n"` || strings.HasPrefix(text, "two") && got != `"half of two\n"` {
			t.Errorf("after %q it has %s", text, got)
		}
	}
	typed.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWithoutAnInputOfItsOwnPipeOnlyReads(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if PipeInput(null) != nil {
		t.Error("/dev/null is read")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if PipeInput(r) == nil {
		t.Error("a pipe is not read")
	}
	if o := (Options{Pipe: "x", Space: "test"}); o.PipeName() != "test//x" {
		t.Errorf("in a namespace it is %s", o.PipeName())
	}
}
