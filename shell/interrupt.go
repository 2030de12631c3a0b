package shell

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interrupts makes Ctrl-C end the command that runs, and nothing else: between
// two commands it does nothing. Ctrl-Z does nothing at any time, because a node
// that is stopped keeps others waiting.
type interrupts struct {
	pressed func() // called before the command is ended
	signals chan os.Signal
	stops   chan os.Signal // nobody reads it; ignoring would be passed on to programs that are started
	watcher sync.WaitGroup

	mu     sync.Mutex         // guards cancel
	cancel context.CancelFunc // of the command that runs; nil: none does
}

// catchInterrupts keeps SIGINT from ending the program, and SIGTSTP from
// stopping it, until close.
func catchInterrupts(pressed func()) *interrupts {
	i := &interrupts{pressed: pressed, signals: make(chan os.Signal, 1), stops: make(chan os.Signal, 1)}
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
		i.mu.Lock()
		cancel := i.cancel
		i.mu.Unlock()
		i.pressed()
		if cancel != nil {
			cancel()
		}
	}
}

// during returns a context for a command, which the next interrupt ends. Call
// done when the command is over.
func (i *interrupts) during(ctx context.Context) (running context.Context, done func()) {
	running, cancel := context.WithCancel(ctx)
	i.mu.Lock()
	i.cancel = cancel
	i.mu.Unlock()
	return running, func() {
		i.mu.Lock()
		i.cancel = nil
		i.mu.Unlock()
		cancel()
	}
}
