package planner

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// Each file in testdata is a dialogue: a line of an event, below it, indented,
// the actions that follow.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(old))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(old) {
				t.Errorf("transcript differs; go test -update shows how. Got:\n%s", got)
			}
		})
	}
}

func replay(t *testing.T, text string) string {
	var out strings.Builder
	var r *Receiver
	var now time.Duration
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "\t") {
			continue
		}
		fmt.Fprintln(&out, line)
		if line == "" || line[0] == '#' {
			continue
		}
		if r = play(t, r, &now, strings.Fields(line)); r == nil {
			t.Fatalf("bad line %q", line)
		}
		for _, a := range r.Plan(now) {
			fmt.Fprintf(&out, "\t%s\n", a)
		}
	}
	return out.String()
}

// String is how an action stands in a transcript.
func (a Action) String() string {
	switch a.Kind {
	case Request:
		return fmt.Sprintf("request %d from %d", a.Chunk, a.Peer)
	case Withdraw:
		return fmt.Sprintf("withdraw %d from %d", a.Chunk, a.Peer)
	case Deal:
		return fmt.Sprintf("deal %d from %d, lane %d of %d", a.N, a.Peer, a.Lane, a.Lanes)
	}
	return fmt.Sprintf("drop %d", a.Peer)
}

// play plays one line: a verb, a peer, chunks.
func play(t *testing.T, r *Receiver, now *time.Duration, words []string) *Receiver {
	var n []int
	for _, w := range words[1:] {
		if i, err := strconv.Atoi(w); err == nil {
			n = append(n, i)
		}
	}
	switch words[0] {
	case "new":
		return New(n[0], 8)
	case "after":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatal(err)
		}
		*now += d
	case "join":
		r.Join(*now, Peer(n[0]))
	case "leave":
		r.Leave(Peer(n[0]))
	case "have":
		marks := make([]byte, 32)
		for c := range 256 {
			if slices.Contains(n[1:], c) || words[2] == "all" {
				marks[c/8] |= 1 << (c % 8)
			}
		}
		r.Have(Peer(n[0]), 0, marks)
	case "arrived":
		r.Arrived(*now, Peer(n[0]), n[1])
	case "bad":
		r.Bad(Peer(n[0]))
	case "refused":
		r.Refused(Peer(n[0]), n[1])
	case "nothing-fresh":
		r.NothingFresh(*now, Peer(n[0]))
	case "lost":
		r.Lost(*now, Peer(n[0]), n[1])
	case "limit":
		r.Limit(n[0])
	default:
		return nil
	}
	return r
}
