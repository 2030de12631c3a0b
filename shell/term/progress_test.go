package term

import (
	"bufio"
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.uber.org/goleak"
)

func oneRow(done *atomic.Int64) func() []ProgressRow {
	return func() []ProgressRow {
		return []ProgressRow{{Name: "dir/image.qcow2", Done: done.Load(), Total: 1 << 30, Rate: 40 << 20, Left: 25400 * time.Millisecond, Peers: 3}}
	}
}

func TestProgressDrawsBarsAndRemovesThem(t *testing.T) {
	defer goleak.VerifyNone(t)
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	defer master.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	var done atomic.Int64
	done.Store(12 << 20)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- Progress{Out: tty, Rows: oneRow(&done)}.Run(ctx) }()
	out := bufio.NewReader(master)
	readUntil(t, out, "dir/image.qcow2 [")
	readUntil(t, out, "] 12 MiB of 1.0 GiB, 40 MiB/s, 25s left, 3 peers")
	done.Store(512 << 20)
	readUntil(t, out, "=>")
	readUntil(t, out, "512 MiB of 1.0 GiB")
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
	if _, err := io.WriteString(tty, "THE END"); err != nil {
		t.Fatal(err)
	}
	if last := readUntil(t, out, "THE END"); !strings.HasSuffix(last, "\x1b[1A\x1b[JTHE END") {
		t.Errorf("what was drawn last is left: %q", last)
	}
	tty.Close()
}

func TestANarrowerWindowKeepsNothingOfTheBars(t *testing.T) {
	defer goleak.VerifyNone(t)
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	defer master.Close()
	defer tty.Close()
	resize := func(columns uint16) {
		t.Helper()
		if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
			t.Fatal(err)
		}
	}
	resize(120)
	var done atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- Progress{Out: tty, Rows: oneRow(&done)}.Run(ctx) }()
	out := bufio.NewReader(master)
	readUntil(t, out, "3 peers\x1b[K\r\n\x1b[J")
	resize(50)
	readUntil(t, out, "\r\x1b[3A") // the 119 columns are three rows now
	readUntil(t, out, "dir/image.qcow2 0 B of 1.0 GiB, 40 MiB/s, 25s le…\x1b[K\r\n\x1b[J")
	resize(100)
	readUntil(t, out, "\r\x1b[1Adir/image.qcow2 [   ")
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

func TestBarsFitTheWindow(t *testing.T) {
	rows := []ProgressRow{{Name: "a", Left: -1}, {Name: "日本", Done: 3, Total: 4, Left: -1}, {Name: "whole", Done: 9, Total: 4, Left: -1}}
	for columns, want := range map[int][]string{
		31: {"a     [                  ] 0 B", "日本  [=======>   ] 3 B of 4 B", "whole [===========] 9 B of 4 B"},
		21: {"a     [        ] 0 B", "日本  3 B of 4 B", "whole 9 B of 4 B"},
		12: {"a     0 B", "日本  3 B …", "whole 9 B …"},
		1:  {"…", "…", "…"},
	} {
		if got := barRows(rows, columns); !slices.Equal(got, want) {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
}

func readUntil(t *testing.T, r *bufio.Reader, text string) string {
	t.Helper()
	var all []byte
	for !strings.HasSuffix(string(all), text) {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatalf("%v before %q; %q", err, text, all)
		}
		all = append(all, b)
	}
	return string(all)
}

func TestProgressOfAMomentPrintsNothing(t *testing.T) {
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rows := func() []ProgressRow { t.Error("Rows was called"); return nil }
	if err := (Progress{Out: out, Rows: rows}).Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestProgressElsewhereIsLines(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var done atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- Progress{Out: w, Rows: oneRow(&done), Every: time.Millisecond}.Run(ctx) }()
	line, err := bufio.NewReader(r).ReadString('\n')
	if want := "dir/image.qcow2: 0 B of 1.0 GiB, 40 MiB/s, 25s left, 3 peers\n"; err != nil || line != want {
		t.Errorf("%q, %v; want %q", line, err, want)
	}
	cancel()
	r.Close()
	if err := <-over; err != nil {
		t.Error(err)
	}
	w.Close()
}

func TestFactsLeaveOutWhatIsNotKnown(t *testing.T) {
	for want, row := range map[string]ProgressRow{
		"0 B":                      {Left: -1},
		"1.0 KiB, 1 peer":          {Done: 1024, Left: -1, Peers: 1},
		"1 B of 2 B, 0s left":      {Done: 1, Total: 2},
		"1 B of 2 B, 1h40m0s left": {Done: 1, Total: 2, Left: 100*time.Minute + 3*time.Second},
	} {
		if got := row.facts(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (ProgressRow{Name: "a/very/long/na\x1bme"}).label(8); got != "…g/na?me" {
		t.Errorf("label %q", got)
	}
}
