// Minimega is an interactive shell whose nodes find each other, hold an
// encrypted mesh, and move files between them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"golang.org/x/sync/errgroup"

	"minimega/completion"
	"minimega/mesh"
	"minimega/mesh/discovery"
	"minimega/mesh/wire"
	"minimega/shell"
	"minimega/transfer"
	"minimega/transfer/archive"
	"minimega/transfer/download"
	"minimega/transfer/store"
	"minimega/vmconfig"
)

// version is what `version` and -version print, with the revision behind it.
const version = "minimega 0.1.0"

func main() {
	opts, err := shell.Parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(shell.Usage())
		os.Exit(0)
	case err != nil:
		fmt.Fprintln(os.Stderr, "minimega:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err = do(ctx, opts)
	switch {
	case err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil:
		os.Exit(0)
	case !errors.Is(err, shell.ErrFailed): // which has been printed
		fmt.Fprintln(os.Stderr, "minimega:", err)
	}
	os.Exit(1)
}

func do(ctx context.Context, opts shell.Options) error {
	switch {
	case opts.Version:
		fmt.Println(versionText())
		return nil
	case opts.CLI:
		return printCLI(os.Stdout)
	case opts.Complete != "":
		return opts.Completion(ctx, os.Stdout)
	case opts.Execute != nil:
		return shell.Execute(ctx, opts.Base, opts.Line(), os.Stdout, os.Stderr)
	case opts.Pipe != "":
		return shell.JoinPipe(ctx, opts.Base, opts.PipeName(), shell.PipeInput(os.Stdin), os.Stdout)
	case opts.Attach:
		return shell.AttachTerminal(ctx, opts.TTY())
	}
	return serve(ctx, opts)
}

// versionText returns version with what the build knows of itself.
func versionText() string {
	build, _ := debug.ReadBuildInfo()
	return shell.Version(version, build)
}

// printCLI prints the table of commands for programs.
func printCLI(out io.Writer) error {
	text, err := shell.CLI()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", text)
	return err
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
	log, logs, err := opts.OpenLog(console)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logs.Close()) }()
	files, err := store.Open(opts.FilePath, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	deploy, err := opts.Deployment()
	if err != nil {
		return err
	}
	sh, parts, err := compose(opts, shell.Config{
		Store: files, VM: vmconfig.New(files.Dir()), LocalNames: files.Names,
		Console: console, Log: log, Logs: logs, Version: versionText(), Args: opts.Args(), Stop: stop,
		AbsoluteSnapshots: opts.Absolute, Deploy: deploy, Hashes: opts.Hashes(files),
	}, files)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, run := range parts {
		group.Go(func() error {
			if err := run(ctx); ctx.Err() == nil {
				return err
			}
			return nil
		})
	}
	err = sh.Run(ctx, opts)
	stop()
	return errors.Join(err, group.Wait())
}

// compose makes the parts of a node and hands each what it needs of the others.
// It returns the shell, whose front end is the user's, and what runs beside it.
func compose(opts shell.Options, cfg shell.Config, files *store.Store) (*shell.Shell, []func(context.Context) error, error) {
	web, err := webConfig(opts)
	if err != nil {
		return nil, nil, err
	}
	node, err := newMesh(opts, cfg.Log)
	if err != nil {
		return nil, nil, err
	}
	engine, err := transfer.New(transfer.Config{Store: files, Mesh: node, Log: cfg.Log, Head: opts.Head})
	if err != nil {
		return nil, nil, err
	}
	archives, err := archive.New(archive.Config{Dir: files.Dir(), Reserved: store.Reserved, Log: cfg.Log})
	if err != nil {
		return nil, nil, err
	}
	names := completion.NewMeshNames(node, files.Names, cfg.Console.Refresh)
	web.Store, web.Mesh, web.Swarm, web.Limit, web.Log = files, node, swarm{engine}, engine, cfg.Log
	downloads := urls{download.New(web)}
	cfg.Mesh, cfg.Files, cfg.Names, cfg.Archives, cfg.Downloads = node, shell.FromEngine(engine), names, archives, downloads
	sh, err := shell.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	node.Handle(completion.Method, names.Answer)
	for _, methods := range []map[string]wire.Handler{engine.Methods(), downloads.Methods(), sh.Methods()} {
		for name, h := range methods {
			node.Handle(name, h)
		}
	}
	for name, h := range engine.Streams() {
		node.HandleStream(name, h)
	}
	socket := func(ctx context.Context) error { return sh.ServeSocket(ctx, shell.SocketPath(opts.Base)) }
	return sh, []func(context.Context) error{node.Run, engine.Run, names.Run, archives.Run, socket, sh.RunBackground, sh.RunLogs, sh.RunHashes, sh.RunPlumber}, node.Listen()
}

// webConfig returns what the flags say of URLs.
func webConfig(opts shell.Options) (cfg download.Config, err error) {
	if cfg.Allow, err = download.ParseAllow(opts.Allow); err != nil {
		return cfg, fmt.Errorf("-http-allow: %w", err)
	}
	if cfg.Roots, err = download.Roots(opts.CACert); err != nil {
		return cfg, fmt.Errorf("-cacert: %w", err)
	}
	return cfg, nil
}

// newMesh makes the node's part in the mesh, and what finds the others.
func newMesh(opts shell.Options, log *slog.Logger) (*mesh.Node, error) {
	key, err := opts.MeshKey()
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
