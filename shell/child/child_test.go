package child

import (
	"context"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWhatAProgramBeganEndsWithIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cmd := Command(ctx, "sh", "-c", "sleep 600 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	group := cmd.Process.Pid
	if _, err := out.Read(make([]byte, 1)); err != nil { // the sleep has begun
		t.Error(err)
	}
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("it succeeds")
	}
	for start := time.Now(); syscall.Kill(-group, 0) == nil; time.Sleep(time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatal("some of its group lives on")
		}
	}
}

func TestOutputIsKeptUpToItsBound(t *testing.T) {
	for size, lost := range map[int]int{0: 0, 5: 0, 10: 0, 11: 1, 100_000: 99_990} {
		k := &Kept{Most: 10}
		text := strings.Repeat("x", size)
		if n, err := io.Copy(k, strings.NewReader(text)); err != nil || n != int64(size) {
			t.Errorf("%d of %d bytes are taken: %v", n, size, err)
		}
		if k.String() != text[:min(size, 10)] || k.Lost != lost {
			t.Errorf("of %d bytes %q are kept and %d lost", size, k, k.Lost)
		}
	}
	k := &Kept{Most: 10}
	cmd := exec.Command("head", "-c", "1000", "/dev/zero")
	if cmd.Stdout = k; cmd.Run() != nil || k.Lost != 990 {
		t.Errorf("%d bytes of a program are lost, not 990", k.Lost)
	}
}
