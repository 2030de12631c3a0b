package main_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Bounds of what the tutorial's reader waits for.
const (
	tutorialStart = 3 * time.Minute // with what has to be compiled
	tutorialTime  = 5 * time.Minute
)

// TestTutorialShowsWhatItsCommandsPrint runs the commands of docs/tutorial.md
// as its reader would: `scripts/lab` in one terminal, the lines behind `$` in
// another. What stands below a command is what it prints, with `…` for anything
// and spaces for any spaces; a command fails when and only when that is an
// error.
func TestTutorialShowsWhatItsCommandsPrint(t *testing.T) {
	if testing.Short() {
		t.Skip("the tutorial starts a lab")
	}
	t.Parallel() // to the scripts
	text, err := os.ReadFile(filepath.Join("docs", "tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	environ := tutorialEnviron(t)
	first := regexp.MustCompile("(?m)^```\n(scripts/lab [0-9]+)\n```$").FindSubmatch(text)
	if first == nil {
		t.Fatal("the tutorial starts no lab")
	}
	firstTerminal(t, environ, string(first[1]))
	lessons := parseLessons(string(text))
	if len(lessons) == 0 {
		t.Fatal("the tutorial has no commands")
	}
	for i, got := range secondTerminal(t, environ, lessons) {
		l := lessons[i]
		failed := strings.HasPrefix(l.prints, "Error")
		if !l.pattern().MatchString(squeeze(got.printed)) || failed != (got.status != "0") {
			t.Errorf("$ %s\nexits with %s and prints\n%s\nbut the tutorial says\n%s", l.command, got.status, got.printed, l.prints)
		}
	}
}

// tutorialEnviron gives the reader a lab of their own.
func tutorialEnviron(t *testing.T) []string {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir(), "GOCACHE="+strings.TrimSpace(string(cache)))
}

// firstTerminal runs the command that stays, until the test ends.
func firstTerminal(t *testing.T, environ []string, command string) {
	var out bytes.Buffer
	lab := exec.Command("bash", "-c", "exec "+command)
	lab.Env, lab.Stdout, lab.Stderr = environ, &out, &out
	if err := lab.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- lab.Wait() }()
	t.Cleanup(func() {
		_ = lab.Process.Signal(os.Interrupt) // it has ended when the tutorial's last command was run
		if err := <-done; err != nil {
			t.Errorf("%s: %v\n%s", command, err, out.Bytes())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), tutorialStart)
	defer cancel()
	for {
		list := exec.CommandContext(ctx, "scripts/lab", "list")
		list.Env = environ
		if list.Run() == nil {
			return
		}
		select {
		case <-time.After(pollTime):
		case <-ctx.Done():
			t.Fatalf("%s: no lab after %v", command, tutorialStart)
		}
	}
}

// lesson is a command of the tutorial and what it says that this prints.
type lesson struct{ command, prints string }

// parseLessons returns the commands in the blocks marked as console.
func parseLessons(text string) []lesson {
	var all []lesson
	for _, block := range regexp.MustCompile("(?ms)^```console\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				all = append(all, lesson{command: strings.TrimSpace(command)})
			} else if len(all) > 0 {
				all[len(all)-1].prints += line
			}
		}
	}
	return all
}

// pattern returns what matches the squeezed output that a lesson tells of.
func (l lesson) pattern() *regexp.Regexp {
	literal := strings.Split(squeeze(l.prints), "…")
	for i := range literal {
		literal[i] = regexp.QuoteMeta(strings.Trim(literal[i], " "))
		if i > 0 {
			literal[i] = " ?" + literal[i]
		}
		if i < len(literal)-1 {
			literal[i] += " ?"
		}
	}
	return regexp.MustCompile("^" + strings.Join(literal, ".*") + "$")
}

// squeeze makes every run of spaces one, and drops those at lines' ends and
// empty lines at both ends.
func squeeze(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// printed is what a command printed, and its exit status.
type printed struct{ printed, status string }

// secondTerminal types the commands into one shell.
func secondTerminal(t *testing.T, environ []string, lessons []lesson) []printed {
	const mark = "\x1e" // which nothing prints
	var script, out bytes.Buffer
	for _, l := range lessons {
		fmt.Fprintf(&script, "%s\nprintf '%s%%s%s' $?\n", l.command, mark, mark)
	}
	ctx, cancel := context.WithTimeout(t.Context(), tutorialTime)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-c", script.String())
	bash.Env, bash.Stdout, bash.Stderr, bash.WaitDelay = environ, &out, &out, pollTime
	err := bash.Run()
	parts := strings.Split(out.String(), mark)
	if len(parts) != 2*len(lessons)+1 {
		t.Fatalf("after %d of %d commands: %v\n%s", len(parts)/2, len(lessons), err, out.Bytes())
	}
	all := make([]printed, len(lessons))
	for i := range all {
		all[i] = printed{parts[2*i], parts[2*i+1]}
	}
	return all
}
