package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/term"

	"minimega/mesh"
)

// MeshKey returns the key of the mesh that the flags name.
func (o Options) MeshKey() (mesh.Key, error) {
	if o.Open {
		return mesh.OpenKey(o.Context), nil
	}
	path, err := o.keyFile()
	if err != nil {
		return mesh.Key{}, err
	}
	return mesh.LoadKey(path)
}

// keyFile returns the path of the mesh's key, "" for an open mesh.
func (o Options) keyFile() (string, error) {
	switch {
	case o.Open:
		return "", nil
	case o.Key != "":
		return o.Key, nil
	}
	return mesh.DefaultKeyPath()
}

// Hashes returns h where the flags ask for hashes, else nothing.
func (o Options) Hashes(h Hashes) Hashes {
	if o.Hash {
		return h
	}
	return nil
}

// WithoutNode does what the flags ask of a process that is no node itself: it
// prints something, or talks to the node that runs. It reports whether they ask
// for that. version is the program's name and number.
func (o Options) WithoutNode(ctx context.Context, version string, out, errOut io.Writer) (done bool, err error) {
	switch {
	case o.Version:
		_, err = fmt.Fprintln(out, Version(version))
	case o.CLI:
		err = printCLI(out)
	case o.Complete != "":
		err = o.Completion(ctx, out)
	case o.Execute != nil:
		err = Execute(ctx, o.Base, o.Line(), out, errOut)
	case o.Pipe != "":
		err = JoinPipe(ctx, o.Base, o.PipeName(), PipeInput(os.Stdin), out)
	case o.Attach:
		err = AttachTerminal(ctx, o.TTY())
	default:
		return false, nil
	}
	return true, err
}

// TTY returns the terminal that the program was started at.
func (o Options) TTY() TTY {
	return TTY{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Base: o.Base, Namespace: o.Space}
}

// Run is the program's own front end until it has no more to read, `quit` is
// typed, or ctx ends, which is no error: a prompt where the standard streams
// are a terminal, else a script; a daemon only waits to be told to stop.
func (s *Shell) Run(ctx context.Context, o Options) error {
	err := s.front(ctx, o)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) && !errors.Is(err, ErrFailed) {
		return nil
	}
	return err
}

func (s *Shell) front(ctx context.Context, o Options) error {
	if !o.NoStdin && term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())) {
		return s.RunTerminal(ctx, o.TTY())
	}
	interruptible, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	if !o.NoStdin {
		return s.RunPipe(interruptible, os.Stdin, os.Stdout, os.Stderr)
	}
	<-interruptible.Done()
	return nil
}
