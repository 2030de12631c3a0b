// Command lab keeps a mesh of nodes running, each on a host of its own, until
// it is interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"minimega/scripts/netlab"
)

const usage = `usage:
  scripts/lab N [-rate 400mbit] [-dir DIR] [-- FLAG...]
                          N nodes kn1 to knN, until Ctrl-C; the flags go to each node
  scripts/lab sh NODE     a prompt on a node of the running lab
  scripts/lab sh NODE COMMAND...
                          run one command there
  scripts/lab run NODE PROGRAM...
                          run a program on the node's host
  scripts/lab list        the nodes and their base directories
  scripts/lab down        end the lab and remove all that it made

As root each node has a host of its own: network namespaces on a switch, away
from the machine's own networks. Otherwise all nodes are on this host.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := lab(ctx, os.Args[1:])
	stop()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		os.Exit(exit.ExitCode())
	default:
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

// lab runs one command line.
func lab(ctx context.Context, args []string) error {
	options := flag.NewFlagSet("lab", flag.ContinueOnError)
	options.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	binary := options.String("binary", "", "the program that the nodes run")
	if err := options.Parse(args); err != nil {
		return nil // said already
	}
	args = options.Args()
	if len(args) == 0 {
		args = []string{"help"}
	}
	if n, err := strconv.Atoi(args[0]); err == nil {
		return up(ctx, *binary, n, args[1:])
	}
	switch args[0] {
	case "sh":
		return attach(ctx, args[1:])
	case "run":
		return runOn(ctx, args[1:])
	case "list":
		return list()
	case "down":
		return down(ctx)
	case "help":
		fmt.Print(usage)
		return nil
	}
	return fmt.Errorf("unknown command %q: scripts/lab help lists them", args[0])
}

// settings are what `lab N` takes.
type settings struct {
	link  netlab.Link
	dir   string
	flags []string // for the nodes
}

// parseSettings reads the words after the number of nodes.
func parseSettings(args []string) (settings, error) {
	var s settings
	options := flag.NewFlagSet("lab N", flag.ContinueOnError)
	options.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	options.StringVar(&s.dir, "dir", "", "")
	options.Func("rate", "", func(word string) error {
		r, err := netlab.ParseRate(word)
		s.link = netlab.Even(r)
		return err
	})
	if err := options.Parse(args); err != nil {
		return s, err
	}
	s.flags = options.Args()
	return s, nil
}
