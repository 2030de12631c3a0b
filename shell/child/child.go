// Package child runs other people's programs: each in a process group of its
// own, so that what it begins ends with it, and with its output bounded.
//
// Its functions and types are for one goroutine each, as [exec.Cmd] is; [Kept] is
// written by the goroutine that exec starts for it, and read when the program has
// ended.
package child

import (
	"bytes"
	"context"
	"os/exec"
	"syscall"
	"time"
)

// CloseWithin is how long the outputs of a dead program may stay open: what it
// began may have them.
const CloseWithin = 2 * time.Second

// Command returns a program that leads a process group. The end of ctx kills the
// group.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return Kill(cmd.Process.Pid) }
	cmd.WaitDelay = CloseWithin
	return cmd
}

// Kill ends the process group that a program leads. It may have ended, which is
// an error that nobody needs to know of.
func Kill(leader int) error { return syscall.Kill(-leader, syscall.SIGKILL) }

// Kept keeps the first Most bytes written to it. The buffer is no part of its
// methods: io.Copy would fill it by ReadFrom, without an end.
type Kept struct {
	Most int // bytes
	Lost int // bytes beyond those

	kept bytes.Buffer
}

// Write takes all of b.
func (k *Kept) Write(b []byte) (int, error) {
	fits := min(k.Most-k.kept.Len(), len(b))
	k.Lost += len(b) - fits
	k.kept.Write(b[:fits])
	return len(b), nil
}

// Bytes returns what was kept, which changes with the next Write.
func (k *Kept) Bytes() []byte { return k.kept.Bytes() }

// String returns what was kept.
func (k *Kept) String() string { return k.kept.String() }
