package shell

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"minimega/transfer"
)

func TestAClientIsToldHowItsTransfersEnd(t *testing.T) {
	for _, tt := range []struct {
		fate error
		want string
	}{
		{nil, `{"Resp":[{"Host":"foo","Response":"get big: done, 1.0 GiB","Header":null,"Tabular":null,"Error":"","Data":null}],"Rendered":"foo: get big: done, 1.0 GiB","More":false,"Status":true,"Notice":true}`},
		{errors.New("big: source changed"), `{"Resp":[{"Host":"foo","Response":"","Header":null,"Tabular":null,"Error":"get big: source changed","Data":null}],"Rendered":"Error (foo): get big: source changed","More":false,"Status":true,"Notice":true}`},
	} {
		n := newNode(t, "foo")
		n.files.has, n.files.hold, n.files.fate = []string{"big"}, make(chan struct{}), tt.fate
		base := serve(t, n)
		told, other := connect(t, base), connect(t, base)
		told.send(`{"Command":"file get big","Status":true,"Notify":true}`)
		other.send(`{"Command":"file get big","Status":true}`)
		for _, p := range []*program{told, other} {
			if got := p.line(); !strings.Contains(got, `"Error":""`) {
				t.Error(got)
			}
		}
		close(n.files.hold)
		expect(t, told.line(), tt.want)
		for _, p := range []*program{told, other} {
			p.send(`{"Command":"echo next","Status":true,"Notify":true}`)
			if got := p.line(); !strings.Contains(got, `"Rendered":"foo: next","More":false,"Status":false,"Namespace":"minimega"`) {
				t.Errorf("the next answer is %s", got)
			}
		}
	}
}

func TestAClientIsToldOfAnInterruptedWaitAndNotOfWhatWasDeleted(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has, n.files.hold = []string{"big"}, make(chan struct{})
	p := connect(t, serve(t, n))
	p.send(`{"Command":"status updates 1ms"}{"Command":"echo file:big","Status":true,"Notify":true}`)
	p.line()
	p.line() // how far it is
	p.send(`{"Cancel":true}`)
	got := p.line()
	for strings.Contains(got, `"Status":true`) {
		got = p.line()
	}
	if !strings.Contains(got, "the transfer goes on") {
		t.Error(got)
	}
	close(n.files.hold)
	if got := p.line(); !strings.Contains(got, `"Rendered":"foo: get big: done, 1.0 GiB"`) {
		t.Error(got)
	}
	n.files.hold, n.files.fate = make(chan struct{}), transfer.ErrCanceled
	p.send(`{"Command":"file get big","Notify":true}`)
	p.line()
	close(n.files.hold)
	p.send(`{"Command":"echo next"}`)
	if got := p.line(); !strings.Contains(got, "foo: next") {
		t.Error(got)
	}
}

func TestAClientThatDoesNotReadItsNoticesIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, "foo")
		n.files.has, n.files.hold = []string{"big"}, make(chan struct{})
		here, there := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			n.serveClient(t.Context(), there)
		}()
		r := bufio.NewReader(here)
		if _, err := io.WriteString(here, `{"Command":"file get big","Status":true,"Notify":true}`); err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		close(n.files.hold)
		synctest.Wait()
		expect(t, n.run(t, NewClient(nil, nil), "echo hi"), "foo: hi\n")
		begin := time.Now()
		<-served
		if took := time.Since(begin); took != writeWithin {
			t.Errorf("it was served for %v", took)
		}
		if _, err := r.ReadString('\n'); err == nil {
			t.Error("its connection goes on")
		}
	})
}

func TestWhoHasGoneIsNotToldAndTheLogIs(t *testing.T) {
	n := newNode(t, "foo")
	job := &fakeJob{done: make(chan struct{}), followed: true}
	told := n.newEndings(t.Context(), nil)
	told.follow(NewClient(nil, nil), "big", job)
	told.stop()
	if job.followed {
		t.Error("the log is not to tell of its failure, nor does anybody else")
	}
}

func TestNoMoreEndingsAreWaitedForThanMay(t *testing.T) {
	n := newNode(t, "foo")
	var warned []string
	c := NewClient(nil, func(text string) { warned = append(warned, text) })
	told := n.newEndings(t.Context(), nil)
	defer told.stop()
	jobs := make([]*fakeJob, maxFollowed+1)
	for i := range jobs {
		jobs[i] = &fakeJob{done: make(chan struct{}), followed: true}
		told.follow(c, "big", jobs[i])
	}
	expect(t, strings.Join(warned, "|"), "get big: how it ends will not be told, as 1024 others are waited for: see file status")
	if jobs[maxFollowed].followed {
		t.Error("the log is not to tell of the last one's failure")
	}
}

func TestAPipeOfTheSocketHasNoNoticesInIt(t *testing.T) {
	n := newNode(t, "foo")
	n.files.has, n.files.hold = []string{"big"}, make(chan struct{})
	p := connect(t, serve(t, n))
	p.send(`{"Command":"file get big","Status":true,"Notify":true}{"PlumbPipe":"x"}`)
	p.line()
	readers(t, n, "x", 1)
	close(n.files.hold)
	n.run(t, NewClient(nil, nil), "pipe x hello")
	expect(t, p.line(), `"hello\n"`)
}

// listener is a terminal at which each line is typed when there is something to
// type it for.
type listener struct {
	typist
	heard chan string // what is printed
	steps []func() string
}

func (l *listener) Print(msg string) { l.heard <- msg }

func (l *listener) ReadLine(ctx context.Context) (string, error) {
	if len(l.steps) == 0 {
		return "", io.EOF
	}
	step := l.steps[0]
	l.steps = l.steps[1:]
	return step(), ctx.Err()
}

func TestBothPromptsTellHowTransfersEndInTheSameWords(t *testing.T) {
	for _, fate := range []error{nil, errors.New("big: source changed")} {
		var told []string
		for _, prompt := range []string{"own", "attached"} {
			n := newNode(t, "foo")
			n.files.has, n.files.hold, n.files.fate = []string{"big"}, make(chan struct{}), fate
			user := &listener{heard: make(chan string, 1)}
			user.steps = []func() string{
				func() string { return "file get big" },
				func() string { close(n.files.hold); told = append(told, <-user.heard); return "echo next" },
			}
			var out strings.Builder
			var err error
			if prompt == "own" {
				err = n.RunPrompt(t.Context(), user, &out, &out, nil)
			} else {
				err = Attach(t.Context(), serve(t, n), user, &out, &out)
			}
			if err != nil || !strings.HasSuffix(out.String(), "foo: next\n") || strings.Contains(out.String(), "get big") {
				t.Errorf("%s: %v, %q", prompt, err, out.String())
			}
		}
		want := "foo: get big: done, 1.0 GiB"
		if fate != nil {
			want = "Error (foo): get big: source changed"
		}
		if !slices.Equal(told, []string{want, want}) {
			t.Errorf("they tell %q, want %q", told, want)
		}
	}
}

func TestTabOfAnAttachedPromptKnowsWhatItHasSet(t *testing.T) {
	n := newNode(t, "foo")
	a := &attached{to: TTY{Base: serve(t, n)}}
	var got []string
	tab := func(line string) { got = append(got, a.complete(t.Context(), line, len(line)).Insert) }
	user := &listener{steps: []func() string{
		func() string { tab("ls"); return ".alias lsf=file list" },
		func() string { tab("ls"); tab("lsf rec"); tab(".unalias "); return ".env TAB_TEST_OWN x" },
		func() string { tab("echo $TAB_TEST_O"); return "namespace web" },
		func() string {
			tab("namespace w")
			tab("file lis")
			got = append(got, a.prompt())
			return "clear namespace"
		},
		func() string { tab("disc"); got = append(got, a.prompt()); return ".unalias lsf" },
		func() string { tab("ls"); return "disconnect" },
	}}
	if err := a.serve(t.Context(), user, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	socket := SocketPath(a.to.Base)
	want := []string{"", "lsf ", "recursive ", "lsf ", "$TAB_TEST_OWN ", "web ", "list ", "minimega:" + socket + "[web]$ ", "disconnect ", "minimega:" + socket + "$ ", ""}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// stage is the program's end of a conversation that a test plays.
type stage struct {
	t    *testing.T
	conn net.Conn
	in   *json.Decoder
}

// onStage begins a conversation with the test.
func onStage(t *testing.T, notice func(incoming)) (*conversation, *stage) {
	t.Helper()
	base := t.TempDir()
	l, err := net.Listen("unix", SocketPath(base))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	v, err := converse(t.Context(), base, notice)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.close)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return v, &stage{t, conn, json.NewDecoder(conn)}
}

// hears waits for a request.
func (s *stage) hears() (r request) {
	s.t.Helper()
	if err := s.in.Decode(&r); err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *stage) says(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.conn, text+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

func TestAnswersOfAConversationReachWhoAsked(t *testing.T) {
	var notices []string
	v, program := onStage(t, func(r incoming) { notices = append(notices, r.Rendered) })
	impatient, leave := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	var late, answer []string
	asking.Go(func() {
		err := v.askIdle(impatient, request{Suggest: "late"}, func(r incoming) { late = append(late, r.Rendered) })
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	program.hears()
	leave()
	asking.Wait()
	if err := v.askIdle(t.Context(), request{Suggest: "busy"}, nil); !errors.Is(err, errBusy) {
		t.Error(err)
	}
	v.hurry()
	asking.Go(func() {
		if err := v.ask(t.Context(), request{Command: "two"}, func(r incoming) { answer = append(answer, r.Rendered) }); err != nil {
			t.Error(err)
		}
	})
	if r := program.hears(); !r.Cancel {
		t.Errorf("%+v", r)
	}
	if r := program.hears(); r.Command != "two" {
		t.Errorf("%+v", r)
	}
	for _, reply := range []string{
		`{"Rendered":"of one"}`, `{"Rendered":"notice","Status":true,"Notice":true}`, `{"Rendered":"a","Status":true}`,
		`{"Rendered":"b","More":true}`, `{"Rendered":"more","Status":true,"Notice":true}`, `{"Rendered":"c"}`,
	} {
		program.says(reply)
	}
	asking.Wait()
	expect(t, strings.Join(late, " ")+"|"+strings.Join(answer, " ")+"|"+strings.Join(notices, " "), "|a b c|notice more")
	program.conn.Close()
	if err := v.ask(t.Context(), request{Command: "three"}, nil); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestARefusalReachesTheFirstQuestion(t *testing.T) {
	v, program := onStage(t, nil)
	program.says(`{"Resp":[{"Error":"too many clients"}]}`)
	program.conn.Close()
	var got incoming
	if err := v.ask(t.Context(), request{Command: "one"}, func(r incoming) { got = r }); err != nil || len(got.Resp) != 1 {
		t.Errorf("%v, %+v", err, got)
	}
}
