package term

import (
	"sync"
	"sync/atomic"
	"time"

	prompt "github.com/c-bata/go-prompt"

	"minimega/completion"
)

// patience is how long a completion waits for nodes that usually answer at
// once.
const patience = 150 * time.Millisecond

// tabState is the line as the last Tab left it.
type tabState struct {
	line    string
	cursor  int // in bytes
	set     bool
	waiting bool // nothing could be inserted or shown
	list    bool // and candidates were to be shown
}

// request is a line to be completed.
type request struct {
	line   string
	cursor int  // in bytes
	list   bool // show the candidates where nothing can be inserted
	quiet  bool // nobody has pressed a key for it: no bell
}

// complete is Tab: it has the line completed in the background.
func (t *Terminal) complete(b *prompt.Buffer) {
	line, cursor := lineOf(b)
	again := t.tab.set && t.tab.line == line && t.tab.cursor == cursor
	t.tab = tabState{line: line, cursor: cursor, set: true, list: again}
	t.ask(request{line: line, cursor: cursor, list: again})
}

// ask has r worked out; nobody waits for more to be known until that is done.
func (t *Terminal) ask(r request) {
	t.tabs.waiting.Store(false)
	t.tabs.ask(r)
}

// completeAgain tries again what the last Tab could not do, if the line is
// still the same.
func (t *Terminal) completeAgain(b *prompt.Buffer) {
	line, cursor := lineOf(b)
	if t.tab.waiting && t.tab.line == line && t.tab.cursor == cursor {
		t.ask(request{line: line, cursor: cursor, list: t.tab.list, quiet: true})
	}
}

// completed does what a completion says, if the line is still the same.
func (t *Terminal) completed(b *prompt.Buffer) {
	req, result, known, ok := t.tabs.result()
	line, cursor := lineOf(b)
	if !ok || req.line != line || req.cursor != cursor || result.Start < 0 || result.Start > cursor {
		return
	}
	t.tab = tabState{line: line, cursor: cursor, set: true, list: req.list}
	switch {
	case result.Insert != line[result.Start:cursor]:
		b.DeleteBeforeCursor(runes(line[result.Start:cursor]))
		b.InsertText(result.Insert, false, true)
		t.tab.line, t.tab.cursor = lineOf(b)
		t.tab.list = false
	case req.list && len(result.Candidates) > 0:
		t.show(result)
	default:
		t.tab.waiting = true
		if !req.quiet {
			t.out.put("\a")
		}
		t.tabs.waiting.Store(true)
		if t.tabs.known.Load() != known { // since it was worked out
			t.completeAgain(b)
		}
	}
}

// show lists candidates below the line, which is then drawn again below them.
func (t *Terminal) show(result completion.Result) {
	columns, rows := windowSize(t.in.fd)
	t.out.pass()
	for _, line := range layout(result.Candidates, result.Total, columns, max(rows-2, 3)) {
		t.out.put(line + "\n")
	}
}

// lineOf returns the line and the cursor in it, in bytes.
func lineOf(b *prompt.Buffer) (line string, cursor int) {
	return b.Text(), len(b.Document().TextBeforeCursor())
}

// completer works out completions, one at a time, on a goroutine that lives
// while there is something to do. Asking again replaces what was asked before.
type completer struct {
	complete func(line string, cursor int) completion.Result
	ready    func() // called when there is a result
	crashed  func() // called before a panic in complete goes on

	changed chan struct{} // holds one token: more is known
	known   atomic.Uint64 // how often more was known
	waiting atomic.Bool   // somebody waits for that at a line that could not be completed

	mu    sync.Mutex // guards what follows
	busy  bool       // the goroutine is there
	next  *request   // to be worked out, or worked out again
	asked request    // what done answers
	upTo  uint64     // known, when done was worked out
	done  *completion.Result
}

func newCompleter(complete func(string, int) completion.Result, ready, crashed func()) *completer {
	return &completer{complete: complete, ready: ready, crashed: crashed, changed: make(chan struct{}, 1)}
}

// ask has r worked out.
func (c *completer) ask(r request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = &r
	if !c.busy {
		c.busy = true
		go c.run() // ends when nothing is to be done; nobody can wait for a Complete that hangs
	}
}

// forget drops what was asked and what was found.
func (c *completer) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next, c.done = nil, nil
}

// refresh says that more is known, and reports whether somebody waits for that
// whom nothing else will tell.
func (c *completer) refresh() bool {
	c.known.Add(1)
	select {
	case c.changed <- struct{}{}:
	default:
	}
	return c.waiting.Load()
}

// result returns what was found last, once, and how often more was known then.
func (c *completer) result() (r request, result completion.Result, upTo uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		return request{}, completion.Result{}, 0, false
	}
	result = *c.done
	c.done = nil
	return c.asked, result, c.upTo, true
}

// run works out what is asked until nothing is.
func (c *completer) run() {
	defer func() {
		if r := recover(); r != nil {
			c.crashed()
			panic(r)
		}
	}()
	for {
		c.mu.Lock()
		r := c.next
		c.next = nil
		c.busy = r != nil
		c.mu.Unlock()
		if r == nil {
			return
		}
		result, upTo := c.await(*r)
		c.mu.Lock()
		current := c.next == nil
		if current {
			c.asked, c.upTo, c.done = *r, upTo, &result
		}
		c.mu.Unlock()
		if current {
			c.ready()
		}
	}
}

// await completes r, waiting a moment for more where that is worth it. upTo is
// how often more was known before what it returns was worked out.
func (c *completer) await(r request) (result completion.Result, upTo uint64) {
	enough := time.NewTimer(patience)
	defer enough.Stop()
	for {
		upTo = c.known.Load()
		result = c.complete(r.line, r.cursor)
		if !result.Pending {
			return result, upTo
		}
		select {
		case <-c.changed:
		case <-enough.C:
			return result, upTo
		}
	}
}
