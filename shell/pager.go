package shell

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"minimega/shell/term"
)

const (
	pagerRows    = 4                     // in a window of fewer no pager is of use, nor in one of an unknown size
	pagerEnd     = time.Second           // how long a pager may take to end when the program does
	pagerInsists = 50 * time.Millisecond // how often one is told again that it is to end
)

// pager is a terminal's output. What is written to it at once is an answer; one
// of two screens or more goes to the user's pager, which has the terminal until
// it ends.
type pager struct {
	ctx  context.Context // ends the pager
	out  *os.File        // the terminal
	lend func(io.Writer) // has messages go elsewhere meanwhile; nil: there are none
}

// Write implements [io.Writer].
func (p *pager) Write(b []byte) (int, error) {
	size, err := unix.IoctlGetWinsize(int(p.out.Fd()), unix.TIOCGWINSZ)
	lines := bytes.Count(b, []byte("\n"))
	program := pagerProgram()
	if err != nil || size.Row < pagerRows || lines < 2*int(size.Row) || program == "" {
		return p.out.Write(b)
	}
	if _, err := fmt.Fprintf(p.out, "-- sending %d lines to %s --\n", lines, program); err != nil {
		return 0, err
	}
	if p.run(program, b) != nil && p.ctx.Err() == nil { // it could not be run: the answer is not to be lost
		return p.out.Write(b)
	}
	return len(b), nil
}

// pagerProgram returns the user's pager, as the system's shell takes it: "" for
// none, which an empty PAGER asks for. A terminal that only prints has none that
// was not asked for.
func pagerProgram() string {
	if program, ok := os.LookupEnv("PAGER"); ok {
		return program
	}
	if _, err := exec.LookPath("less"); err != nil || term.Dumb() {
		return ""
	}
	return "less"
}

// run shows text in a pager. Its error is that of a pager that could not begin.
func (p *pager) run(program string, text []byte) error {
	words := []string{"sh", "-c", program}
	if program == "less" {
		words = words[2:] // a signal is to end less, not a shell that waits for it
	}
	command := exec.CommandContext(p.ctx, words[0], words[1:]...)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(text), p.out, p.out
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) } // it puts the terminal back
	command.WaitDelay = pagerEnd
	command.Env = os.Environ()
	_, set := os.LookupEnv("LESS")
	if !set {
		command.Env = append(command.Env, "LESS=FRXK") // K: Ctrl-C gives the prompt back
	}
	if p.lend != nil {
		var late bytes.Buffer
		p.lend(&late)
		defer func() {
			p.lend(nil)
			_, _ = p.out.Write(late.Bytes()) // a terminal that is gone shows in the next read
		}()
	}
	if err := command.Start(); err != nil {
		return err
	}
	if program == "less" && !set {
		defer insist(command.Process)()
	}
	const notFound = 127 // of sh
	if err := command.Wait(); command.ProcessState.ExitCode() == notFound {
		return err
	}
	return nil
}

// insist has Ctrl-C end a pager that is to end by it, until the function that it
// returns is called: less may miss the first SIGINT, right before it waits for a
// key.
func insist(pager *os.Process) (stop func()) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		again := time.NewTicker(pagerInsists)
		defer again.Stop()
		for pressed := false; ; {
			select {
			case <-interrupts:
				pressed = true
			case <-again.C:
				if pressed {
					_ = pager.Signal(syscall.SIGTERM) // it may be gone by now
				}
			case <-ended:
				return
			}
		}
	})
	return func() {
		signal.Stop(interrupts)
		close(ended)
		watching.Wait()
	}
}
