package term

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"minimega/completion"
)

// childEnv names what this test program is to complete with when it is run
// again on a pseudo terminal.
const childEnv = "TERM_TEST_SOURCE"

func TestMain(m *testing.M) {
	if source := os.Getenv(childEnv); source != "" {
		os.Exit(child(source))
	}
	os.Exit(m.Run())
}

// historyEnv names the child's history file; without it, it knows some lines
// and keeps none.
const historyEnv = "TERM_TEST_HISTORY"

// childHistory returns what the child begins with, and how it keeps a line and
// erases all.
func childHistory() (lines []string, record func(string), erase func()) {
	path := os.Getenv(historyEnv)
	if path == "" {
		return []string{"first old", "second old", "third"}, func(string) {}, func() {}
	}
	lines, err := LoadHistory(path)
	if err != nil {
		panic(err)
	}
	record = func(line string) {
		if err := AppendHistory(path, line); err != nil {
			panic(err)
		}
	}
	return lines, record, func() {
		if err := ClearHistory(path); err != nil {
			panic(err)
		}
	}
}

// child is a small shell: it says what it read, and knows a few commands.
func child(source string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	lines, record, erase := childHistory()
	var t *Terminal
	t, err := New(Config{
		Prompt:   func() string { return "mm$ " },
		Complete: sources(func() { t.Refresh() })[source],
		History:  lines,
		Record: func(line string) {
			if line == "panic while raw" {
				panic("as asked")
			}
			record(line)
		},
		Erase: erase,
		In:    os.Stdin,
		Out:   os.Stdout,
	})
	if err != nil {
		fmt.Println("no terminal:", err)
		return 1
	}
	defer t.Close()
	for {
		line, err := t.ReadLine(ctx)
		if err != nil {
			fmt.Println("over:", err)
			return 0
		}
		fmt.Printf("got: %q\n", line)
		switch line {
		case "quit":
			return 0
		case "panic":
			panic("as asked")
		case "run":
			run(ctx)
		case "forget":
			t.Forget()
		case "given up":
			t.Interrupted()
			fallthrough
		case "given up?":
			fmt.Println("given up:", t.GivenUp())
		case "signal":
			printOn(t, syscall.SIGUSR1)
		}
	}
}

// printOn has a message printed when a signal comes, once.
func printOn(t *Terminal, s os.Signal) {
	came := make(chan os.Signal, 1)
	signal.Notify(came, s)
	go func() {
		<-came
		t.Print("a message")
	}()
}

// run is a command that lasts until Ctrl-C, SIGUSR1 or the end of ctx.
func run(ctx context.Context) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGUSR1)
	defer stop()
	fmt.Println("running")
	<-ctx.Done()
	fmt.Println("stopped")
}

// sources are ways to complete, by name.
func sources(refresh func()) map[string]func(string, int) completion.Result {
	names := func(line string, cursor int, texts ...string) completion.Result {
		start := strings.LastIndexByte(line[:cursor], ' ') + 1
		var found []completion.Candidate
		for _, text := range texts {
			if strings.HasPrefix(text, line[start:cursor]) {
				found = append(found, completion.Candidate{Text: text})
			}
		}
		switch len(found) {
		case 0:
			return completion.Result{Start: cursor}
		case 1:
			return completion.Result{Start: start, Insert: found[0].Text + " ", Candidates: found}
		}
		return completion.Result{Start: start, Insert: "fo", Candidates: found}
	}
	known := func(line string, cursor int) completion.Result {
		return names(line, cursor, "foo.img", "foo.qcow2", "fox")
	}
	calls := 0
	return map[string]func(string, int) completion.Result{
		"known": known,
		"panic": func(string, int) completion.Result { panic("as asked") },
		"stuck": func(string, int) completion.Result { select {} },
		"slow": func(line string, cursor int) completion.Result {
			time.Sleep(300 * time.Millisecond)
			return known(line, cursor)
		},
		"pending": func(line string, cursor int) completion.Result {
			if calls++; calls == 1 {
				go refresh()
				r := names(line, cursor, "fo")
				r.Pending = true
				return r
			}
			return names(line, cursor, "foobar")
		},
		"late": func(line string, cursor int) completion.Result {
			if calls++; calls == 1 {
				time.AfterFunc(50*time.Millisecond, refresh)
				return completion.Result{Start: cursor}
			}
			return names(line, cursor, "foobar")
		},
	}
}
