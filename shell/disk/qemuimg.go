package disk

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"minimega/shell/child"
)

// Program is what all is done with.
const Program = "qemu-img"

// ErrMissing reports that qemu-img is not installed.
var ErrMissing = errors.New("install qemu-utils (or qemu-img), then try again")

// Limits of running qemu-img.
const (
	maxOutput = 1 << 20 // bytes kept of what it prints
)

// Error is what qemu-img said when it failed.
type Error struct {
	Image string // path
	Text  string // what it printed; may be ""
	Err   error  // usually an *exec.ExitError
}

func (e *Error) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("[image %s] %v", e.Image, e.Err)
	}
	return fmt.Sprintf("[image %s] %s: %v", e.Image, e.Text, e.Err)
}

// Unwrap returns how qemu-img ended.
func (e *Error) Unwrap() error { return e.Err }

// qemuImg runs qemu-img, which is about image, and returns what it printed. It
// is killed, with what it began, when ctx ends.
func qemuImg(ctx context.Context, image string, args ...string) ([]byte, error) {
	command := child.Command(ctx, Program, args...)
	stdout, stderr := child.Kept{Most: maxOutput}, child.Kept{Most: maxOutput}
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	switch {
	case err == nil:
		return stdout.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("%w: %w", err, ErrMissing)
	}
	return nil, &Error{image, said(stderr.String()), err}
}

// said returns what qemu-img printed as one line, without its name.
func said(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimPrefix(strings.TrimSpace(line), Program+": "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}
