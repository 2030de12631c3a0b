package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"

	"minimega/mesh/wire"
	"minimega/shell/grammar"
	"minimega/shell/output"
	"minimega/shell/plumb"
	"minimega/vmconfig"
)

// Config is what a [Shell] is made of.
type Config struct {
	Mesh  Mesh
	Files Files
	Store Store
	VM    *vmconfig.Config
	Names Names // nil: Tab knows this node's files only

	Versions Versions // nil: Tab knows none

	Archives  Archives  // nil: tar: is an error
	Downloads Downloads // nil: URLs are taken as they stand

	LocalNames func(prefix string, limit int) (names []string, total int) // this node's files, for Tab; may be nil

	Machine Machine // what Tab knows of this machine; nil: nothing

	Hashes Hashes // nil: file list has no column for them

	Console *Console     // where the log goes, which the prompt takes over; nil: nowhere
	Version string       // as `version` prints it
	Args    [][2]string  // flag, value: as `args` prints them
	Logs    *Logs        // what the log commands change; nil: they cannot
	Log     *slog.Logger // nil discards
	Stop    func()       // ends the program; must not block

	Deploy Deployment // how other hosts are given this program

	AbsoluteSnapshots bool // disk snapshot names backing images by absolute paths
}

// Shell runs commands. See the package comment.
type Shell struct {
	cfg      Config
	commands []Command
	grammar  *grammar.Grammar
	timeout  atomic.Int64 // of mesh send, a time.Duration; 0: none
	spaces   *namespaces
	atPrompt *Client // of the program's own prompt, whose goroutine alone uses it; nil: there is none

	hasher    hasher
	deploy    deployment
	processes processes // in the background
	waits     waits     // of commands that other nodes have sent
	profile   cpuProfile
	plumber   *plumb.Plumber
	qemu      *qemuTypes
}

// New returns a shell. Its error wraps [grammar.ErrPattern], which the table of
// commands alone can cause.
func New(cfg Config) (*Shell, error) {
	if cfg.Mesh == nil || cfg.Files == nil || cfg.Store == nil || cfg.VM == nil {
		return nil, errors.New("shell: a mesh, files, a store and a vm configuration are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Console == nil {
		cfg.Console = NewConsole(io.Discard)
	}
	if cfg.Stop == nil {
		cfg.Stop = func() {}
	}
	s := &Shell{cfg: cfg, hasher: newHasher(cfg.Hashes), deploy: deployment{first: cfg.Deploy}, qemu: newQEMUTypes()}
	s.plumber = plumb.New(cfg.Mesh, cfg.Log)
	s.spaces = newNamespaces(cfg.VM, s.host(), cfg.Store.Dir())
	s.commands = s.table()
	patterns := make([][]string, len(s.commands))
	for i := range s.commands {
		patterns[i] = s.commands[i].Patterns
	}
	var err error
	if s.grammar, err = grammar.New(patterns); err != nil {
		return nil, fmt.Errorf("shell: %w", err)
	}
	for i := range s.commands {
		if s.commands[i].Yields {
			s.grammar.Yield(i)
		}
	}
	return s, nil
}

// host returns this node's name.
func (s *Shell) host() string { return string(s.cfg.Mesh.Self().Name) }

// Result is one batch of answers to a command.
type Result struct {
	Responses output.Responses // after filters and columns
	Rendered  string           // as the client's settings have it; without errors
}

// Methods returns the calls that other nodes may make here, by name.
func (s *Shell) Methods() map[string]wire.Handler {
	all := s.plumber.Methods()
	all[methodCommand], all[methodLog], all[methodWaits] = s.serveCommand, s.serveLog, s.serveWaits
	return all
}

// RunBackground keeps the programs that the command background has begun,
// until ctx ends; then it ends them, and a profile that is being written, and
// returns when they are gone.
func (s *Shell) RunBackground(ctx context.Context) error {
	err := s.processes.run(ctx)
	if failed := s.profile.stop(); !errors.Is(failed, errNotProfiling) {
		err = errors.Join(err, failed)
	}
	return err
}

// Exec runs line for c and hands over what is answered, in order, before it
// returns. A line without a command, or one that only has a comment, gives
// nothing; any other gives at least one Result. It blocks as long as the
// command does; ctx ends it.
func (s *Shell) Exec(ctx context.Context, c *Client, line string, emit func(Result)) {
	x := &execution{shell: s, client: c, emit: emit, record: true, token: rand.Uint64()}
	x.line(ctx, c.unalias(line))
	if x.record && c.set.Record {
		c.remember(line)
	}
}
