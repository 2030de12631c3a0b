package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"minimega/shell/child"
)

// maxProcesses is how many programs of `background` are known at once.
const maxProcesses = 1024

// Failures of the background commands.
var (
	errNoProcess  = errors.New("provided id does not exist in background process table: background-status lists them")
	errUnfinished = errors.New("wait for process to finish before reading output: background-status tells when")
	errEnding     = errors.New("background: the program is ending")
	errCrowded    = fmt.Errorf("background: there are %d programs, which is the most: clear background-status forgets those that ended", maxProcesses)
)

// process is a program that runs beside the commands.
type process struct {
	id      int
	command string
	pid     int
	start   time.Time

	stdout, stderr child.Kept // read only once it has ended

	end time.Time // zero: it runs
	err error     // how it ended
}

// processes are the programs that `background` began. They are safe for
// concurrent use.
type processes struct {
	running sync.WaitGroup // one for each that is waited for

	mu    sync.Mutex // guards what follows, and the end and err of all
	all   []*process // in the order of their ids
	last  int        // id that was given last
	ended bool       // none is begun any more
}

// run ends all programs when ctx ends, and returns when they are gone.
func (ps *processes) run(ctx context.Context) error {
	<-ctx.Done()
	ps.mu.Lock()
	ps.ended = true
	for _, p := range ps.all {
		if p.end.IsZero() {
			_ = child.Kill(p.pid) // it may just have ended
		}
	}
	ps.mu.Unlock()
	ps.running.Wait()
	return nil
}

// begin starts a program and returns its id.
func (ps *processes) begin(words, environ []string) (int, error) {
	p := &process{
		command: strings.Join(words, " "), start: time.Now(),
		stdout: child.Kept{Most: maxOutput}, stderr: child.Kept{Most: maxOutput},
	}
	command := child.Command(context.Background(), words[0], words[1:]...) // run ends it
	command.Stdout, command.Stderr, command.Env = &p.stdout, &p.stderr, environ
	ps.mu.Lock()
	defer ps.mu.Unlock()
	switch {
	case ps.ended:
		return 0, errEnding
	case len(ps.all) >= maxProcesses:
		return 0, errCrowded
	}
	if err := command.Start(); err != nil {
		return 0, err
	}
	ps.last++
	p.id, p.pid = ps.last, command.Process.Pid
	ps.all = append(ps.all, p)
	ps.running.Go(func() { ps.note(p, command.Wait()) }) // joined by run
	return p.id, nil
}

// note keeps how p ended.
func (ps *processes) note(p *process, err error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.end, p.err = time.Now(), err
}

// rows returns what is known of all programs, or of the one with that id.
func (ps *processes) rows(id int) [][]string {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var rows [][]string
	for _, p := range ps.all {
		if id == 0 || p.id == id {
			rows = append(rows, p.rowLocked())
		}
	}
	return rows
}

func (p *process) rowLocked() []string {
	failed, end := "", ""
	if p.err != nil {
		failed = p.err.Error()
	}
	if !p.end.IsZero() {
		end = p.end.Format(time.RFC3339)
	}
	return []string{
		fmt.Sprint(p.id), fmt.Sprint(p.pid), fmt.Sprint(p.end.IsZero()), failed, p.start.Format(time.RFC3339), end, p.command,
	}
}

// finished returns a program that has ended. Its error is errNoProcess or
// errUnfinished.
func (ps *processes) finished(id int) (*process, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	i := slices.IndexFunc(ps.all, func(p *process) bool { return p.id == id })
	switch {
	case i < 0:
		return nil, errNoProcess
	case ps.all[i].end.IsZero():
		return nil, errUnfinished
	}
	return ps.all[i], nil
}

// clear forgets the programs that have ended and returns how many those were.
func (ps *processes) clear() int {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	before := len(ps.all)
	ps.all = slices.DeleteFunc(ps.all, func(p *process) bool { return !p.end.IsZero() })
	return before - len(ps.all)
}
