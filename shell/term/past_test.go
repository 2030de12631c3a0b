package term

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"minimega/completion"
)

func TestHistoryFileIsPrivateAndBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	if lines, err := LoadHistory(path); err != nil || lines != nil {
		t.Errorf("no file: %q, %v", lines, err)
	}
	for _, line := range []string{"one", "two\nlines", "three"} {
		if err := AppendHistory(path, line); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if lines, err := LoadHistory(path); err != nil || !slices.Equal(lines, []string{"one", "two lines", "three"}) {
		t.Errorf("%q, %v", lines, err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x\n", maxPast+5)+"last\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		lines, err := LoadHistory(path)
		if err != nil || len(lines) != maxPast || lines[maxPast-1] != "last" {
			t.Errorf("%d lines, %v", len(lines), err)
		}
	}
	if data, err := os.ReadFile(path); err != nil || strings.Count(string(data), "\n") != maxPast {
		t.Errorf("the file was not cut: %d bytes, %v", len(data), err)
	}
}

func TestPromptsShareAHistoryFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	full := strings.Repeat("old\n", maxPast)
	if err := os.WriteFile(path, []byte(full), 0o600); err != nil {
		t.Fatal(err)
	}
	const prompts, lines = 8, 50
	var all sync.WaitGroup
	for p := range prompts {
		all.Go(func() {
			for i := range lines {
				if err := AppendHistory(path, fmt.Sprintf("prompt %d line %d", p, i)); err != nil {
					t.Error(err)
				}
				if i%10 == 0 { // cuts the file
					if _, err := LoadHistory(path); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	got, err := LoadHistory(path)
	if err != nil || len(got) != maxPast {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	for p := range prompts {
		for i := range lines {
			if want := fmt.Sprintf("prompt %d line %d", p, i); !slices.Contains(got, want) {
				t.Errorf("%q is lost", want)
			}
		}
	}
}

func TestPastIsBounded(t *testing.T) {
	p := newPast(nil)
	for i := range 2 * maxPast {
		p.add(fmt.Sprint(i))
	}
	if n := len(p.lines); n > maxPast || p.lines[n-1] != fmt.Sprint(2*maxPast-1) {
		t.Errorf("%d lines", n)
	}
}

func TestLayout(t *testing.T) {
	of := func(texts ...string) (cs []completion.Candidate) {
		for _, text := range texts {
			cs = append(cs, completion.Candidate{Text: text})
		}
		return cs
	}
	for name, test := range map[string]struct {
		candidates    []completion.Candidate
		columns, rows int
		want          []string
		total         int
	}{
		"columns":     {of("a", "bb", "ccc", "d"), 10, 10, []string{"a    ccc", "bb   d"}, 0},
		"one a line":  {of("a", "bb"), 2, 10, []string{"a", "bb"}, 0},
		"wide":        {of("日本", "x", "y"), 12, 10, []string{"日本  y", "x"}, 0},
		"shared path": {of("d/a", "d/b/", "d/c"), 80, 10, []string{"a   b/  c"}, 0},
		"prefix":      {of("file:a", "file:b/"), 80, 10, []string{"a   b/"}, 0},
		"list":        {of("kn1,kn2", "kn1,kn3"), 80, 10, []string{"kn2  kn3"}, 0},
		"too many":    {of("a", "b", "c", "d", "e"), 3, 3, []string{"a", "b", "… and 3 more"}, 0},
		"control":     {of("a\x1b[31m"), 80, 10, []string{"a?[31m"}, 0},
		"help":        {[]completion.Candidate{{Text: "file", Help: "files"}, {Text: "m", Help: "a long help"}}, 12, 10, []string{"file  files", "m     a lo…"}, 0},
		"some help":   {[]completion.Candidate{{Text: "a"}, {Text: "file:", Help: "files"}}, 80, 10, []string{"a      file:"}, 0},
		"untold":      {of("a", "b", "c"), 80, 10, []string{"a  b  c", "… and at least 6 more"}, 9},
	} {
		if got := layout(test.candidates, test.total, test.columns, test.rows); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// FuzzScan: whatever comes, each token is of the queue, and nothing that could
// act on a terminal is taken for text.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"a\x1b[A\x1b[Bü\r\n", "\x1b", "\x1b[", "\x1b[[A", "\x1bO", "\t\r", "\x00tab", "\xc3", "\x1b[200~", "\u009b31m"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, queue []byte) {
		for len(queue) > 0 {
			tok := scan(queue, true)
			if tok.size <= 0 || tok.size > len(queue) {
				t.Fatalf("a token of %d of %q", tok.size, queue)
			}
			if strings.ContainsFunc(tok.text, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
				t.Fatalf("text %q", tok.text)
			}
			queue = queue[tok.size:]
		}
	})
}
