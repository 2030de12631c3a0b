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
	"syscall"

	"minimega/shell"
)

// version is what `version` and -version print.
const version = "minimega 0.1.0"

func main() { os.Exit(run(os.Args[1:])) }

// run returns the program's exit status: 0, 1 for a failure, 2 for wrong flags.
func run(args []string) int {
	opts, err := shell.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(shell.Usage())
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, "minimega:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err = do(ctx, opts)
	if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return 0
	}
	if !errors.Is(err, shell.ErrFailed) { // which has been printed
		fmt.Fprintln(os.Stderr, "minimega:", err)
	}
	return 1
}

func do(ctx context.Context, opts shell.Options) error {
	switch {
	case opts.Version:
		fmt.Println(version)
		return nil
	case opts.Execute != nil:
		return shell.Execute(ctx, opts.Base, opts.Execute, os.Stdout, os.Stderr)
	case opts.Attach:
		return shell.AttachTerminal(ctx, terminal(opts))
	}
	return serve(ctx, opts)
}
