package disk

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"minimega/shell/child"
)

// toolWithin is how long mounting and unmounting may take: what was injected is
// written meanwhile.
const toolWithin = 5 * time.Minute

// tools are the programs that an image is mounted with.
type tools struct {
	image  string        // path
	within time.Duration // for each run
}

// ErrTooLong reports a program that was killed because it did not end in time.
var ErrTooLong = errors.New("took too long")

// run runs a program to its end, also where ctx ends before: half a mount helps
// nobody. It is killed after a while; its error then wraps [ErrTooLong].
func (t tools) run(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.within)
	defer cancel()
	printed := &child.Kept{Most: maxOutput}
	command := exec.CommandContext(ctx, name, args...)
	command.Stdout, command.Stderr = printed, printed
	command.WaitDelay = child.CloseWithin
	err := await(ctx, command)
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // what serves a device stays
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("[image %s] %s %w: must end within %v, but did not", t.image, name, ErrTooLong, t.within)
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w: disk inject needs it: install it", err)
	}
	return &Error{t.image, said(printed.String()), err}
}

// await runs command, and gives it up where it does not end though ctx has and
// it was killed: the kernel lets no program go that waits for a broken disk.
func await(ctx context.Context, command *exec.Cmd) error {
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }() // joined below, unless the kernel keeps it
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	killed := time.NewTimer(2 * child.CloseWithin)
	defer killed.Stop()
	select {
	case err := <-ended:
		return err
	case <-killed.C:
		return ctx.Err()
	}
}
