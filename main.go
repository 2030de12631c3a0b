// Minimega is an interactive shell whose nodes find each other, hold an
// encrypted mesh, and move files between them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sync/errgroup"

	"minimega/shell"
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
	done, err := opts.WithoutNode(ctx, version, os.Stdout, os.Stderr)
	if !done {
		err = serve(ctx, opts)
	}
	switch {
	case err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil:
		os.Exit(0)
	case !errors.Is(err, shell.ErrFailed): // which has been printed
		fmt.Fprintln(os.Stderr, "minimega:", err)
	}
	os.Exit(1)
}

// serve is a node until ctx ends, quit is typed, or its front end has no more
// to read.
func serve(ctx context.Context, opts shell.Options) (err error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300) // of a few MiB, which many connections that begin would have cleared all the time
	}
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
		Console: console, Log: log, Logs: logs, Version: shell.Version(version), Args: opts.Args(), Stop: stop,
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
