// Package term reads lines from a person at a terminal and shows progress.
//
//	t, err := term.New(term.Config{Prompt: …, Complete: …, In: os.Stdin, Out: os.Stdout})
//	defer t.Close()
//	for {
//		line, err := t.ReadLine(ctx)   // raw mode only in here
//		…                              // cooked: Ctrl-C is a signal
//	}
//
// Editing is go-prompt's, one [prompt.Prompt.Input] a line; its Run is not used,
// since it keeps the terminal raw while commands run and ends the process by
// itself. What goes in is our own [parser]: it hands out one key or one run of
// text at a time, holds back what follows Enter for the next line (a paste of
// fifty lines is fifty lines), and carries private keys: sequences that no
// terminal sends and that stand for Tab, Ctrl-C, Ctrl-D, the history, a message
// to print, a change of the window's size, late completions. Each is bound to a
// function that runs in the editing loop, so all editing state belongs to the
// goroutine in ReadLine and needs no lock.
//
// What comes out is drawn by our own [writer], which go-prompt only tells when:
// a character of two columns does not begin in a row's last one, and of a line
// that is higher than the window the rows around the cursor are shown (fold.go).
//
// No key waits for anything: completions are worked out on a goroutine of their
// own and come back as a private key, which is dropped when the line has moved
// on meanwhile. Tab inserts what all candidates share, a second Tab lists them,
// as in bash.
//
// The terminal's modes are saved by New and put back whenever ReadLine is left,
// by return or by panic, and by Close. A signal that ends the program must end
// ReadLine's context; this package only listens to SIGWINCH. A hang-up or a read
// error is end of input. Input must be a terminal that controls the process:
// with anything else New fails, and a plain line reader is the thing to use.
//
// [LoadHistory], [AppendHistory] and [ClearHistory] keep a history file, which several prompts
// may share; [Progress] shows transfers while a command waits for them.
package term
