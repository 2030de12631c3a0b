package shell

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"minimega/completion"
	"minimega/shell/term"
)

// historyFile is, in the base directory, where the prompt's lines are kept.
const historyFile = "history"

// TTY is the terminal that a prompt runs at.
type TTY struct {
	In, Out, Err *os.File
	Base         string // where the history is kept
	Namespace    string // that AttachTerminal begins in; "" is the first
}

// RunTerminal is [Shell.RunPrompt] at a terminal, with Tab and a history. It
// fails where the terminal cannot be used; then nothing has run.
func (s *Shell) RunTerminal(ctx context.Context, tty TTY) error {
	t, err := tty.open(s.promptText, s.Complete)
	if err != nil {
		return err
	}
	defer t.Close()
	s.cfg.Console.prompt.Store(t)
	defer s.cfg.Console.prompt.Store(nil)
	return s.RunPrompt(ctx, t, tty.Out, tty.Err, barWatch(tty.Err, t.Lend))
}

// AttachTerminal is [Attach] at a terminal, with Tab and a history.
func AttachTerminal(ctx context.Context, tty TTY) error {
	t, err := tty.open(func() string { return AttachPrompt(tty.Base, tty.Namespace) }, AttachComplete(ctx, tty.Base))
	if err != nil {
		return err
	}
	defer t.Close()
	return attach(ctx, tty, t, tty.Out, tty.Err)
}

// open prepares the terminal.
func (tty TTY) open(prompt func() string, complete func(string, int) completion.Result) (*term.Terminal, error) {
	path := filepath.Join(tty.Base, historyFile)
	past, err := term.LoadHistory(path)
	if err != nil {
		fmt.Fprintf(tty.Err, "warning: %v\n", err)
	}
	return term.New(term.Config{
		Prompt: prompt, Complete: complete, History: past, In: tty.In, Out: tty.Out,
		Record: func(line string) {
			_ = term.AppendHistory(path, line) // a history that is lost is no reason to stop
		},
	})
}
