package shell

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
)

// levelFatal is above all that is logged: nothing is.
const levelFatal = slog.LevelError + 4

// maxRing is the most lines that `log ring` keeps.
const maxRing = 100_000

// Failures of the log commands.
var (
	errNoRing = errors.New("cannot dump log ring, not enabled: log ring SIZE enables it")
	errNoLogs = errors.New("log: cannot be changed in this program")
)

// Logs is where log lines go, each a Write: to the console, a file, and a ring
// of the last ones. It may be written to from any goroutine, which blocks as
// long as the console and the file do; the other methods do not wait for them.
type Logs struct {
	Level *slog.LevelVar // least that is logged

	console io.Writer
	mesh    *logQueue // for the node of `log mesh`
	syslog  *logQueue // for the server of `log syslog`: NETWORK ADDRESS
	first   struct {  // what the program began with
		level slog.Level
		path  string
	}

	mu      sync.Mutex // guards what follows
	stderr  bool       // the console is written to
	file    *os.File   // nil: none
	path    string     // of file
	filters []string   // what no line that is written contains
	ring    []string   // the last lines; once it is full, the oldest is at next
	next    int        // where the next line goes once ring is full
	size    int        // the most that ring holds; 0: none is kept
}

// NewLogs returns logs that go to path or, where that is "", to console. The
// level is one of debug, info, warn, error and fatal.
func NewLogs(console io.Writer, level, path string) (*Logs, error) {
	l := &Logs{Level: new(slog.LevelVar), console: console, stderr: path == "", mesh: newLogQueue(), syslog: newLogQueue()}
	if err := l.SetLevel(level); err != nil {
		return nil, err
	}
	l.first.level, l.first.path = l.Level.Level(), path
	return l, l.SetFile(path)
}

// SetLevel changes the least level that is logged.
func (l *Logs) SetLevel(text string) error {
	if text == "fatal" {
		l.Level.Set(levelFatal)
		return nil
	}
	return l.Level.UnmarshalText([]byte(text))
}

// LevelText returns the least level that is logged.
func (l *Logs) LevelText() string {
	if l.Level.Level() >= levelFatal {
		return "fatal"
	}
	return strings.ToLower(l.Level.Level().String())
}

// Write implements [io.Writer]. Its error is of the file or the console.
func (l *Logs) Write(b []byte) (int, error) {
	to, kept := l.take(b)
	if kept {
		line := strings.TrimRight(string(b), "\n")
		l.mesh.add(line)
		l.syslog.add(line)
	}
	return len(b), writeAll(b, to)
}

// receive writes a line of another node's log, which is not sent on.
func (l *Logs) receive(line string) error {
	b := []byte(line + "\n")
	to, _ := l.take(b)
	return writeAll(b, to)
}

// writeAll writes a line wherever it goes.
func writeAll(b []byte, all []io.Writer) error {
	var errs []error
	for _, to := range all {
		if _, err := to.Write(b); !errors.Is(err, os.ErrClosed) { // another file was set meanwhile
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// take keeps line, unless a filter is against it, and returns where it is to be
// written.
func (l *Logs) take(line []byte) (to []io.Writer, kept bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.ContainsFunc(l.filters, func(text string) bool { return bytes.Contains(line, []byte(text)) }) {
		return nil, false
	}
	l.keepLocked(strings.TrimRight(string(line), "\n"))
	if l.file != nil {
		to = append(to, l.file)
	}
	if l.stderr {
		to = append(to, l.console)
	}
	return to, true
}

func (l *Logs) keepLocked(line string) {
	if len(l.ring) < l.size {
		l.ring = append(l.ring, line)
	} else if l.size > 0 {
		l.ring[l.next] = line
		l.next = (l.next + 1) % l.size
	}
}

// SetFile has lines go to the file at path as well; "" ends that.
func (l *Logs) SetFile(path string) error {
	var file *os.File
	if path != "" {
		var err error
		if file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return fmt.Errorf("log file: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.file
	l.file, l.path = file, path
	if old == nil {
		return nil
	}
	return old.Close()
}

// File returns the path of the file that lines go to, or "".
func (l *Logs) File() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.path
}

// SetStderr says whether lines go to the console.
func (l *Logs) SetStderr(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stderr = on
}

// Stderr reports whether lines go to the console.
func (l *Logs) Stderr() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stderr
}

// SetRing has the last size lines be kept, or none. What was kept is forgotten.
func (l *Logs) SetRing(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring, l.next, l.size = nil, 0, size
}

// Ring returns the last lines, the oldest first; the error is that none are kept.
func (l *Logs) Ring() ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size == 0 {
		return nil, errNoRing
	}
	return slices.Concat(l.ring[l.next:], l.ring[:l.next]), nil
}

// Filter has no line be written that contains text.
func (l *Logs) Filter(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text != "" && !slices.Contains(l.filters, text) {
		l.filters = append(l.filters, text)
	}
}

// Filters returns the texts that no line that is written contains.
func (l *Logs) Filters() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.filters)
}

// ClearFilters has lines be written whatever they contain.
func (l *Logs) ClearFilters() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.filters = nil
}

// Reset puts one setting back to what the program began with.
func (l *Logs) Reset(what string) error {
	switch what {
	case "level":
		l.Level.Set(l.first.level)
	case "stderr":
		l.SetStderr(l.first.path == "")
	case "file":
		return l.SetFile(l.first.path)
	case "ring":
		l.SetRing(0)
	case "filter":
		l.ClearFilters()
	case "mesh":
		l.mesh.reset()
	case "syslog":
		l.syslog.reset()
	}
	return nil
}

// Close closes the file. Lines still go to the console.
func (l *Logs) Close() error { return l.SetFile("") }
