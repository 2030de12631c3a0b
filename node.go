package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"

	"golang.org/x/term"

	"minimega/completion"
	"minimega/mesh"
	"minimega/mesh/discovery"
	"minimega/shell"
	"minimega/transfer"
	"minimega/transfer/store"
	"minimega/vmconfig"
)

// node is all parts of a running program, wired together.
type node struct {
	mesh   *mesh.Node
	files  *store.Store
	engine *transfer.Engine
	names  *completion.MeshNames
	shell  *shell.Shell
	socket string
}

// serve is a node until ctx ends, quit is typed, or its front end has no more
// to read.
func serve(ctx context.Context, opts shell.Options) (err error) {
	release, err := shell.ClaimBase(opts.Base, opts.Force)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	console := shell.NewConsole(os.Stderr)
	log, level, err := openLog(opts, console)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	n, err := newNode(opts, console, log, level, stop)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.files.Close()) }()
	if err := n.mesh.Listen(); err != nil {
		return err
	}
	return n.run(ctx, stop, opts)
}

// openLog returns the one logger of the program, which never writes to
// standard output.
func openLog(opts shell.Options, out io.Writer) (*slog.Logger, *slog.LevelVar, error) {
	level := new(slog.LevelVar)
	if err := level.UnmarshalText([]byte(opts.Level)); err != nil {
		return nil, nil, fmt.Errorf("-level: %w", err)
	}
	if opts.LogFile != "" {
		var err error
		if out, err = os.OpenFile(opts.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return nil, nil, fmt.Errorf("-logfile: %w", err)
		}
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level})), level, nil
}

// newNode makes the parts and hands each what it needs of the others.
func newNode(opts shell.Options, console *shell.Console, log *slog.Logger, level *slog.LevelVar, stop func()) (*node, error) {
	n := &node{socket: shell.SocketPath(opts.Base)}
	var err error
	if n.mesh, err = newMesh(opts, log); err != nil {
		return nil, err
	}
	if n.files, err = store.Open(opts.FilePath, log); err != nil {
		return nil, err
	}
	if n.engine, err = transfer.New(transfer.Config{Store: n.files, Mesh: n.mesh, Log: log}); err != nil {
		return nil, err
	}
	n.names = completion.NewMeshNames(n.mesh, n.files.Names, func() { n.shell.NamesChanged() })
	n.shell, err = shell.New(shell.Config{
		Mesh: n.mesh, Files: shell.FromEngine(n.engine), Store: n.files, Names: n.names, LocalNames: n.files.Names,
		VM: vmconfig.New(n.files.Dir()), Version: version, Args: opts.Args(), Console: console,
		Level: level, Log: log, Stop: stop,
	})
	if err != nil {
		return nil, err
	}
	n.register()
	return n, nil
}

func newMesh(opts shell.Options, log *slog.Logger) (*mesh.Node, error) {
	key, err := loadKey(opts)
	if err != nil {
		return nil, err
	}
	rendezvous, err := discovery.DefaultRendezvousDir()
	if err != nil {
		return nil, err
	}
	find := discovery.New(discovery.Config{
		CacheFile: filepath.Join(opts.Base, "peers"), RendezvousDir: rendezvous, MDNS: true, Log: log,
	})
	return mesh.New(mesh.Config{
		Name: opts.Name, Context: opts.Context, Degree: opts.Degree, Port: opts.Port, Key: key, Open: opts.Open,
		Join: opts.Join, Hints: find.Run, Reached: find.Remember, FirstRound: find.FirstRound(), Log: log,
	})
}

func loadKey(opts shell.Options) (mesh.Key, error) {
	if opts.Open {
		fmt.Fprintf(os.Stderr, "warning: -open: anybody on the network may join context %q and run commands here\n", opts.Context)
		return mesh.OpenKey(opts.Context), nil
	}
	path := opts.Key
	if path == "" {
		var err error
		if path, err = mesh.DefaultKeyPath(); err != nil {
			return mesh.Key{}, err
		}
	}
	return mesh.LoadKey(path)
}

// register lets other nodes call what the parts answer.
func (n *node) register() {
	n.mesh.Handle(completion.Method, n.names.Answer)
	for name, h := range n.engine.Methods() {
		n.mesh.Handle(name, h)
	}
	for name, h := range n.shell.Methods() {
		n.mesh.Handle(name, h)
	}
	for name, h := range n.engine.Streams() {
		n.mesh.HandleStream(name, h)
	}
}

// run runs the parts until ctx ends, the front end is done or a part fails, and
// returns when all are gone. stop ends ctx.
func (n *node) run(ctx context.Context, stop func(), opts shell.Options) error {
	var parts sync.WaitGroup
	failed := make(chan error, 4)
	for _, part := range []func(context.Context) error{n.mesh.Run, n.engine.Run, n.names.Run, n.serveSocket} {
		parts.Go(func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				failed <- err
				stop()
			}
		})
	}
	err := n.front(ctx, opts)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) && !errors.Is(err, shell.ErrFailed) {
		err = nil // it was told to stop
	}
	stop()
	parts.Wait()
	close(failed)
	for part := range failed {
		err = errors.Join(err, part)
	}
	return err
}

func (n *node) serveSocket(ctx context.Context) error { return n.shell.ServeSocket(ctx, n.socket) }

// front reads commands: from a prompt where the standard streams are a terminal,
// else as a script. A daemon waits to be told to stop.
func (n *node) front(ctx context.Context, opts shell.Options) error {
	if !opts.NoStdin && term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())) {
		return n.shell.RunTerminal(ctx, terminal(opts))
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	if !opts.NoStdin {
		return n.shell.RunPipe(ctx, os.Stdin, os.Stdout, os.Stderr)
	}
	<-ctx.Done()
	return nil
}

// terminal is the one that the program was started at.
func terminal(opts shell.Options) shell.TTY {
	return shell.TTY{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Base: opts.Base}
}
