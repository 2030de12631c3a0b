package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"

	"minimega/completion"
	"minimega/shell/disk"
)

// Failures of the debug commands.
var (
	errProfiling    = errors.New("CPU profile still running: debug cpu stop ends it")
	errNotProfiling = errors.New("CPU profile not running: debug cpu start FILE begins one")
)

// debugCommands are the commands on the program itself, for those who work on
// it, and on what it needs.
func debugCommands() []Command {
	files := map[string]completion.Kind{"file": completion.LocalFile}
	return []Command{
		{
			Patterns: []string{"debug"},
			Help:     "show what the program is made with and how much it does at once",
			Example:  "debug",
			Columns:  []string{"goversion", "goroutines", "cgocalls"},
			Run: func(_ context.Context, c *Call) error {
				c.Table(c.columns(), [][]string{{
					runtime.Version(), strconv.Itoa(runtime.NumGoroutine()), strconv.FormatInt(runtime.NumCgoCall(), 10),
				}})
				return nil
			},
		},
		{
			Patterns: []string{"debug <profile:memory,goroutine> <file>"},
			Help:     "write a profile of the program's memory or goroutines to a file, for go tool pprof",
			Example:  "debug memory /tmp/memory.pprof\ndebug goroutine /tmp/goroutines.pprof",
			Hints:    files, Run: debugProfile,
		},
		{
			Patterns: []string{"debug <cpu,> <start,> <file>", "debug <cpu,> <stop,>"},
			Help:     "write to a file where the program spends its time, for go tool pprof",
			Example:  "debug cpu start /tmp/cpu.pprof\ndebug cpu stop",
			Hints:    files, About: map[string]string{"start": "begin to", "stop": "have it written"},
			Run: debugCPU,
		},
		{
			Patterns: []string{"check"},
			Help:     "check for the programs that commands need",
			Long:     "Prints nothing where all are installed.",
			Example:  "check",
			Run:      check,
		},
	}
}

// debugProfile writes one of the runtime's own profiles.
func debugProfile(_ context.Context, c *Call) (err error) {
	name := map[string]string{"memory": "heap", "goroutine": "goroutine"}[c.Values["profile"]]
	path, err := c.localPath("file")
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return pprof.Lookup(name).WriteTo(f, 0)
}

// cpuProfile is the profile that is being written, of which a process can have
// one.
type cpuProfile struct {
	mu   sync.Mutex // guards file
	file *os.File   // nil: there is none
}

func (p *cpuProfile) start(path string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		return errProfiling
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(errProfiling, f.Close())
	}
	p.file = f
	return nil
}

func (p *cpuProfile) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return errNotProfiling
	}
	pprof.StopCPUProfile()
	f := p.file
	p.file = nil
	return f.Close()
}

func debugCPU(_ context.Context, c *Call) error {
	if c.Has("start") {
		path, err := c.localPath("file")
		if err != nil {
			return err
		}
		return c.shell.profile.start(path)
	}
	return c.shell.profile.stop()
}

// needed are programs that commands run, and what for.
func needed() [][2]string {
	return [][2]string{
		{disk.Program, "disk"}, {"qemu-nbd", "disk inject"}, {"partx", "disk inject"}, {"mount", "disk inject"}, {"umount", "disk inject"}, {"ssh", "deploy"}, {"scp", "deploy"},
	}
}

func check(_ context.Context, _ *Call) error {
	var missing []error
	for _, program := range needed() {
		if _, err := exec.LookPath(program[0]); err != nil {
			missing = append(missing, fmt.Errorf("%w: %s commands need it: install it", err, program[1]))
		}
	}
	return errors.Join(missing...)
}
