package shell

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"minimega/completion"
	"minimega/shell/term"
)

// historyPath returns the file in which the user's prompts keep their lines,
// whatever node they are of, in a directory that it makes: in the user's own
// directory for state, or where there is none in base.
func historyPath(base string) string {
	const file = "history"
	state := os.Getenv("XDG_STATE_HOME")
	if home, err := os.UserHomeDir(); !filepath.IsAbs(state) && err == nil {
		state = filepath.Join(home, ".local", "state")
	}
	dir := filepath.Join(state, "minimega")
	if !filepath.IsAbs(dir) || os.MkdirAll(dir, 0o700) != nil {
		return filepath.Join(base, file)
	}
	return filepath.Join(dir, file)
}

// TTY is the terminal that a prompt runs at.
type TTY struct {
	In, Out, Err *os.File
	Base         string // of the node, whose history is kept here where the user has no place for it
	Namespace    string // that AttachTerminal begins in; "" is the first
}

// RunTerminal is [Shell.RunPrompt] at a terminal, with Tab and a history. It
// fails where the terminal cannot be used; then nothing has run.
func (s *Shell) RunTerminal(ctx context.Context, tty TTY) error {
	t, err := tty.open(s.promptText, s.Complete, s.recording)
	if err != nil {
		return err
	}
	defer t.Close()
	s.cfg.Console.prompt.Store(&t)
	defer s.cfg.Console.prompt.Store(nil)
	out := &pager{ctx: ctx, out: tty.Out, lend: t.Lend}
	return s.RunPrompt(ctx, t, out, term.Coloured(tty.Err), barWatch(tty.Err, t.Lend))
}

// AttachTerminal is [Attach] at a terminal, with Tab and a history.
func AttachTerminal(ctx context.Context, tty TTY) error {
	a := &attached{to: tty}
	t, err := tty.open(a.prompt, func(line string, cursor int) completion.Result { return a.complete(ctx, line, cursor) }, a.recording)
	if err != nil {
		return err
	}
	defer t.Close()
	return a.serve(ctx, t, &pager{ctx: ctx, out: tty.Out, lend: t.Lend}, term.Coloured(tty.Err))
}

// recording reports whether what is typed at the prompt is to be recorded. Only
// the prompt's own goroutine may call it.
func (s *Shell) recording() bool { return s.atPrompt == nil || s.atPrompt.set.Record }

// unrecorded reports whether line itself asks not to be recorded, as in
// `.record false COMMAND`.
func unrecorded(line string) bool {
	words := strings.Fields(line)
	for len(words) > 2 && strings.HasPrefix(words[0], ".") { // each such word has one behind it, and then a command
		if len(words[0]) > 1 && strings.HasPrefix(".record", words[0]) && strings.HasPrefix("false", words[1]) {
			return true
		}
		words = words[2:]
	}
	return false
}

// open prepares the terminal. The user's file has the lines that are typed while
// recording says so; the keys know all that were typed here.
func (tty TTY) open(prompt func() string, complete func(string, int) completion.Result, recording func() bool) (lineReader, error) {
	path := historyPath(tty.Base)
	past, err := term.LoadHistory(path)
	if err != nil {
		fmt.Fprintf(tty.Err, "warning: %v\n", err)
	}
	cfg := term.Config{
		Prompt: prompt, Complete: complete, History: past, In: tty.In, Out: tty.Out,
		Record: func(line string) {
			if unrecorded(line) || !recording() {
				return
			}
			_ = term.AppendHistory(path, hideCredentials(line)) // a history that is lost is no reason to stop
		},
		Erase: func() {
			if err := term.ClearHistory(path); err != nil {
				fmt.Fprintf(tty.Err, "warning: %v\n", err)
			}
		},
	}
	if term.Dumb() {
		return term.NewPlain(cfg)
	}
	return term.New(cfg)
}
