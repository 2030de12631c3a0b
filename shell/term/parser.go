package term

import (
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	prompt "github.com/c-bata/go-prompt"
	"golang.org/x/sys/unix"
)

// Sizes of windows.
const (
	boundlessRows   = 10_000 // go-prompt refuses to draw a line that is higher than its window
	usualRows       = 24
	usualColumns    = 80
	smallestColumns = 8 // smaller windows are drawn for as if they had these
	smallestRows    = 2
)

// errEnded is given to go-prompt's reader from Enter until it stops.
var errEnded = errors.New("the line has ended")

// parser is go-prompt's input: it hands out one key or one run of text at a
// time. It is used by go-prompt's reading goroutine, and by post from any.
type parser struct {
	fd   int
	mode *mode
	wake [2]int // a pipe: written to when something is posted

	handled chan struct{} // the function of the last private key has run
	private bool          // that key was private; the reader's own

	mu        sync.Mutex // guards what follows
	queue     []byte     // read and not handed out yet
	posted    []string   // private keys, handed out before the queue
	payload   string     // of keyPattern
	capture   bool       // a search is on: text belongs to its pattern
	ended     bool       // Enter was handed out; all else waits for the next line
	closed    bool       // the terminal has hung up
	delivered int        // keys handed out since Setup
	more      *sync.Cond // delivered has changed
}

var _ prompt.ConsoleParser = (*parser)(nil)

func newParser(in *os.File, m *mode) (*parser, error) {
	p := &parser{fd: int(in.Fd()), mode: m, handled: make(chan struct{}, 1)}
	p.more = sync.NewCond(&p.mu)
	if err := unix.Pipe2(p.wake[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, err
	}
	return p, nil
}

// Setup begins a line. go-prompt starts reading after its first drawing;
// keyStart gives it a second one, in which it can wait (see awaitKey).
func (p *parser) Setup() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended, p.capture, p.delivered = false, false, 0
	p.posted = slices.Insert(p.posted, 0, keyStart)
	return nil
}

// TearDown ends a line.
func (p *parser) TearDown() error { return nil }

// GetWinSize returns a size with which go-prompt is content; our [writer] draws
// for the window that there is.
func (p *parser) GetWinSize() *prompt.WinSize {
	return &prompt.WinSize{Row: boundlessRows, Col: usualColumns}
}

// windowSize returns the size of the terminal at fd, or the usual one where it
// is not known.
func windowSize(fd int) (columns, rows int) {
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 || size.Row == 0 {
		return usualColumns, usualRows
	}
	return max(int(size.Col), smallestColumns), max(int(size.Row), smallestRows)
}

// Read blocks for the next key. After a private key it hands out nothing until
// the function of that has run, so that what the function posts comes first.
func (p *parser) Read() ([]byte, error) {
	defer func() {
		if r := recover(); r != nil {
			p.mode.restore() // this goroutine is not ReadLine's
			panic(r)
		}
	}()
	if p.private {
		<-p.handled
		p.private = false
	}
	for late := false; ; {
		key, err := p.take(late)
		if key != "" || err != nil {
			p.private = key != "" && key[0] == 0
			return []byte(key), err
		}
		late = !p.fill()
	}
}

// done tells the reader that the function of a private key has run.
func (p *parser) done() { p.handled <- struct{}{} }

// post hands out a private key before all that was typed. A key that is posted
// already is not posted again.
func (p *parser) post(key string) {
	p.mu.Lock()
	if !slices.Contains(p.posted, key) {
		p.posted = append(p.posted, key)
	}
	p.mu.Unlock()
	_, _ = unix.Write(p.wake[1], []byte{0}) // a full pipe wakes as well
}

// enter ends the line before anything else happens. It is for functions of
// private keys: the reader waits for them and needs no waking.
func (p *parser) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.posted = slices.Insert(p.posted, 0, keyEnter)
}

// take returns the next key, or "" when more must be read first. With late set
// what has come is all that there is for now.
func (p *parser) take(late bool) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return "", errEnded
	}
	key := p.nextLocked(late)
	if key == "" {
		return "", nil
	}
	p.ended = key == keyEnter
	p.delivered++
	p.more.Broadcast()
	return key, nil
}

// nextLocked takes the next key off what is posted or queued.
func (p *parser) nextLocked(late bool) string {
	if len(p.posted) > 0 {
		key := p.posted[0]
		p.posted = p.posted[1:]
		return key
	}
	for len(p.queue) > 0 {
		t := scan(p.queue, late)
		if t.size == 0 {
			return ""
		}
		if p.capture {
			if key := p.searchedLocked(t); key != "" {
				return key
			}
		}
		p.queue = p.queue[t.size:]
		if t.text+t.key != "" && !p.capture {
			return t.text + t.key
		}
	}
	if p.closed {
		return keyHangup
	}
	return ""
}

// searchedLocked returns what t means during a search, "" for nothing. The
// search ends before a key that is not its own.
func (p *parser) searchedLocked(t token) string {
	switch {
	case t.text != "":
		p.queue = p.queue[t.size:]
		p.payload = t.text
		return keyPattern
	case t.key == "":
		return ""
	case searching(t.key) == "":
		p.capture = false
		return keyFound
	}
	p.queue = p.queue[t.size:]
	return searching(t.key)
}

// awaitKey blocks until n keys have been handed out since Setup. go-prompt
// looks for a key every 10 ms; it is kept here instead, after each drawing, for
// as long as there is none.
func (p *parser) awaitKey(n int) {
	p.mu.Lock()
	for p.delivered < n {
		p.more.Wait()
	}
	p.mu.Unlock()
	// The key is on its way to go-prompt. If it looks too early it looks
	// again in 10 ms.
	time.Sleep(time.Millisecond)
}

// setCapture turns a search on or off.
func (p *parser) setCapture(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.capture = on
}

// pattern returns the text that came with keyPattern.
func (p *parser) pattern() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.payload
}

// close frees the pipe.
func (p *parser) close() error {
	return errors.Join(unix.Close(p.wake[0]), unix.Close(p.wake[1]))
}
