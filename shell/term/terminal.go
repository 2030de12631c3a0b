package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"

	prompt "github.com/c-bata/go-prompt"
	"golang.org/x/sys/unix"

	"minimega/completion"
)

// Config says what a Terminal is made of. Only In and Out must be given.
type Config struct {
	Prompt func() string // asked at the beginning of each line

	// Complete is called on a goroutine of its own, never by two at a time.
	Complete func(line string, cursor int) completion.Result
	History  []string     // earlier lines, oldest first
	Record   func(string) // called with each line that is not blank
	Erase    func()       // called by Forget: what Record has kept is to go
	In, Out  *os.File     // both the terminal that controls the process
}

// Terminal reads lines. ReadLine and Close belong to one goroutine; the other
// methods may be called from any.
type Terminal struct {
	cfg  Config
	mode *mode
	in   *parser
	out  *writer
	edit *prompt.Prompt
	tabs *completer

	// What follows belongs to the goroutine in ReadLine.

	ctx     context.Context // of the line being read
	prefix  string          // the prompt of this line
	buffer  *prompt.Buffer  // go-prompt's, of this line; nil until its first key
	outcome outcome         // how the line ends
	kept    draft           // what to begin the line with
	tab     tabState
	past    past
	search  search
	closed  bool

	mu       sync.Mutex // guards what follows
	reading  bool       // a line is being read
	givenUp  bool       // Ctrl-C has come since the last one was
	above    io.Writer  // prints above what is drawn while a command runs; nil: nothing is
	messages []string   // to be printed above it
	forgets  bool       // the next line begins without a history
}

// outcome says what a line's end means.
type outcome int

const (
	accepted    outcome = iota
	interrupted         // Ctrl-C: dropped
	ended               // Ctrl-D, or a hang-up: there is no more
	aborted             // the context has ended
	resized             // goes on, for a window of another size
)

// draft is an unfinished line.
type draft struct {
	text   string
	cursor int // in runes
}

// New prepares the terminal and saves its modes; it changes none and starts
// nothing. It fails where In is no terminal, or the process has none that
// controls it.
func New(cfg Config) (*Terminal, error) {
	if cfg.Prompt == nil {
		cfg.Prompt = func() string { return "> " }
	}
	if cfg.Complete == nil {
		cfg.Complete = func(_ string, cursor int) completion.Result { return completion.Result{Start: cursor} }
	}
	if cfg.Record == nil {
		cfg.Record = func(string) {}
	}
	if cfg.Erase == nil {
		cfg.Erase = func() {}
	}
	m, err := newMode(int(cfg.In.Fd()))
	if err != nil {
		return nil, err
	}
	in, err := newParser(cfg.In, m)
	if err != nil {
		return nil, err
	}
	t := &Terminal{cfg: cfg, mode: m, in: in, past: newPast(cfg.History)}
	t.out = &writer{out: cfg.Out, await: in.awaitKey, line: t.line}
	t.tabs = newCompleter(cfg.Complete, func() { in.post(keyDone) }, m.restore)
	if t.edit, err = t.newPrompt(); err != nil {
		return nil, errors.Join(err, in.close())
	}
	return t, nil
}

// newPrompt makes the line editor. It is made once: each opens /dev/tty and
// leaves it open, and panics where it cannot.
func (t *Terminal) newPrompt() (p *prompt.Prompt, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the process must have a controlling terminal, but has none: %v", r)
		}
	}()
	return prompt.New(
		func(string) {},
		func(prompt.Document) []prompt.Suggest { return nil },
		prompt.OptionParser(t.in),
		prompt.OptionWriter(t.out),
		prompt.OptionMaxSuggestion(0),
		prompt.OptionLivePrefix(func() (string, bool) { return t.prefix, true }),
		prompt.OptionAddASCIICodeBind(t.bindings()...),
	), nil
}

// ReadLine blocks for a line, without its end. It returns "" for one that
// Ctrl-C dropped, io.EOF on Ctrl-D at an empty line or when the terminal has
// hung up, and ctx's error when that ends.
func (t *Terminal) ReadLine(ctx context.Context) (string, error) {
	switch {
	case t.closed:
		return "", io.EOF
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	t.ctx, t.prefix = ctx, t.cfg.Prompt()
	t.forgetPast()
	if line, ok := t.in.pastedLine(); ok {
		t.mu.Lock()
		t.givenUp = false
		t.mu.Unlock()
		_, _ = io.WriteString(t.cfg.Out, t.prefix+line+"\n") // a terminal that is gone shows in the next read
		return t.accept(line), nil
	}
	if err := t.begin(); err != nil {
		return "", err
	}
	defer t.end()
	stop := context.AfterFunc(ctx, func() { t.in.post(keyAbort) })
	defer stop()
	defer t.watchSize()()
	return t.read()
}

// read runs the editor until a line is done.
func (t *Terminal) read() (string, error) {
	for {
		t.outcome, t.buffer = accepted, nil
		t.out.begin()
		line := t.edit.Input()
		switch t.outcome {
		case accepted:
			return t.accept(line), nil
		case interrupted:
			return "", nil
		case ended:
			return "", io.EOF
		case aborted:
			return "", t.ctx.Err()
		}
	}
}

// begin makes the terminal raw.
func (t *Terminal) begin() error {
	t.mu.Lock()
	t.reading, t.givenUp = true, false
	if len(t.messages) > 0 {
		t.in.post(keyPrint)
	}
	t.mu.Unlock()
	if err := t.mode.setRaw(); err != nil {
		t.end()
		return io.EOF // it was a terminal in New: it has hung up
	}
	t.in.ahead()
	return nil
}

// end puts the terminal back and prints what came too late to be printed above
// the line.
func (t *Terminal) end() {
	t.mu.Lock()
	t.mode.restore() // a Ctrl-C from here on is a signal, and for the command
	t.reading = false
	t.mu.Unlock()
	t.tab, t.search, t.kept = tabState{}, search{}, draft{}
	t.tabs.waiting.Store(false)
	t.tabs.forget()
	if late := t.takeMessages(); late != "" {
		_, _ = io.WriteString(t.cfg.Out, late)
	}
}

// accept records a line and returns it.
func (t *Terminal) accept(line string) string {
	t.past.add(line)
	if strings.TrimSpace(line) != "" {
		t.cfg.Record(line)
	}
	return line
}

// watchSize posts changes of the window's size until the function that it
// returns is called.
func (t *Terminal) watchSize() (stop func()) {
	changes, quit := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(changes, unix.SIGWINCH)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			select {
			case <-changes:
				t.in.post(keyResize)
			case <-quit:
				return
			}
		}
	})
	return func() {
		signal.Stop(changes)
		close(quit)
		watcher.Wait()
	}
}

// Refresh says that completions may have changed. If somebody waits at a line
// that the last Tab could not complete, it is tried again.
func (t *Terminal) Refresh() {
	if !t.tabs.refresh() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reading {
		t.in.post(keyRefresh)
	}
}

// Close leaves the terminal as New found it. Afterwards ReadLine returns
// io.EOF.
func (t *Terminal) Close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	t.mode.restore()
	return t.in.close()
}
