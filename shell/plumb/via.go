package plumb

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"minimega/shell/child"
)

// Limits of a via.
const (
	maxVia    = 256              // bytes of its words
	viaWithin = 10 * time.Second // for it to make of a line what a reader gets
)

// errVia reports a via that is too long.
var errVia = fmt.Errorf("pipe via: a program and its arguments must be at most %d bytes, but are more: put them into a script", maxVia)

// SetVia has a program make of each line, for each reader anew, what that reader
// gets: it reads the line and prints others, or none. It runs on the reader's node.
// Without words lines are as they were written.
func (p *Plumber) SetVia(name Name, words []string) error {
	if viaSize(words) > maxVia {
		return errVia
	}
	return p.set(name, func(s *settings) { s.Via = words })
}

// viaSize returns how many bytes words have.
func viaSize(words []string) int { return len(strings.Join(words, " ")) }

// through returns what a reader gets of lines.
func (j *Joint) through(ctx context.Context, lines []string) []string {
	p := j.plumber
	p.mu.Lock()
	via := j.pipe.set.Via
	p.mu.Unlock()
	if len(via) == 0 {
		return lines
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	defer context.AfterFunc(j.pipe.ctx, cancel)()
	var made []string
	for _, line := range lines {
		text, err := runVia(ctx, via, line, p.log)
		if ctx.Err() != nil {
			return made
		}
		if err != nil {
			p.log.Warn("the program that a pipe leads through failed", "pipe", j.pipe.name.Pipe, "namespace", j.pipe.name.Space, "err", err)
			continue
		}
		for one := range strings.Lines(text) {
			made = append(made, strings.TrimSuffix(one, "\n")+"\n")
		}
	}
	return made
}

// runVia returns what a program prints of a line. What it begins is killed with
// it.
func runVia(ctx context.Context, words []string, line string, log *slog.Logger) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, viaWithin)
	defer cancel()
	cmd := child.Command(ctx, words[0], words[1:]...)
	out := child.Kept{Most: MaxLine - 1}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(line), &out, &complaints{log: log, name: words[0]}
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", words[0], err)
	}
	return out.String(), nil
}
