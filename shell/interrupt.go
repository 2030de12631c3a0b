package shell

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interrupts makes Ctrl-C end the command that runs, or that has just been
// entered, and nothing else: at the prompt it does nothing. Ctrl-Z does nothing
// at any time, because a node that is stopped keeps others waiting.
type interrupts struct {
	terminal Terminal // is told before the command is ended
	signals  chan os.Signal
	stops    chan os.Signal // nobody reads it; ignoring would be passed on to programs that are started
	watcher  sync.WaitGroup

	mu     sync.Mutex         // guards cancel
	cancel context.CancelFunc // of the command that runs; nil: none does
}

// catchInterrupts keeps SIGINT from ending the program, and SIGTSTP from
// stopping it, until close.
func catchInterrupts(t Terminal) *interrupts {
	i := &interrupts{terminal: t, signals: make(chan os.Signal, 1), stops: make(chan os.Signal, 1)}
	signal.Notify(i.signals, os.Interrupt)
	signal.Notify(i.stops, syscall.SIGTSTP)
	i.watcher.Go(i.watch)
	return i
}

// close leaves both signals as they were.
func (i *interrupts) close() {
	signal.Stop(i.stops)
	signal.Stop(i.signals)
	close(i.signals)
	i.watcher.Wait()
}

func (i *interrupts) watch() {
	for range i.signals {
		i.terminal.Interrupted()
		i.mu.Lock()
		cancel := i.cancel
		i.mu.Unlock()
		if cancel != nil {
			cancel()
		}
	}
}

// during returns a context for the command that was entered, which an interrupt
// ends, though it came before. Call done when the command is over.
func (i *interrupts) during(ctx context.Context) (running context.Context, done func()) {
	running, cancel := context.WithCancel(ctx)
	i.mu.Lock()
	i.cancel = cancel
	i.mu.Unlock()
	if i.terminal.GivenUp() {
		cancel()
	}
	return running, func() {
		i.mu.Lock()
		i.cancel = nil
		i.mu.Unlock()
		cancel()
	}
}
