package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"strings"

	"minimega/completion"
	"minimega/mesh/wire"
	"minimega/shell/grammar"
	"minimega/transfer"
)

// filePrefix begins an argument that names a file of the mesh.
const filePrefix = "file:"

// keyDiskspec is the key of arguments of the form PATH[,OPTION]...
const keyDiskspec = "diskspec"

// Keys of arguments of the form PATH:PATH and PATH[:PARTITION].
const (
	keyPair = "pair"
	keyPart = "imagepart"
)

// pathEnd returns what ends the path that an argument begins with, or "".
func pathEnd(key string) string {
	switch key {
	case keyDiskspec:
		return ","
	case keyPair, keyPart:
		return ":"
	}
	return ""
}

// expansion tells how arguments are expanded.
type expansion struct {
	preprocess bool
	hints      map[string]completion.Kind // key → what the argument is
}

// expand returns m with its arguments expanded, except those of the command
// in it. It blocks until the files named are here.
func (x *execution) expand(ctx context.Context, m *grammar.Match, how expansion) (*grammar.Match, error) {
	if !how.preprocess {
		return m, nil
	}
	out := *m
	out.Values = maps.Clone(m.Values)
	out.Lists = map[string][]string{}
	for key, word := range m.Values {
		words, err := x.expandWord(ctx, key, word, how)
		if err != nil {
			return nil, err
		}
		if len(words) != 1 {
			return nil, fmt.Errorf("%s: matches %d files: name one of them", word, len(words))
		}
		out.Values[key] = words[0]
	}
	for key, list := range m.Lists {
		for _, word := range list {
			words, err := x.expandWord(ctx, key, word, how)
			if err != nil {
				return nil, err
			}
			out.Lists[key] = append(out.Lists[key], words...)
		}
	}
	return &out, nil
}

// expandWord returns what word stands for: usually one word, for a file: or
// tar: glob a word a file.
func (x *execution) expandWord(ctx context.Context, key, word string, how expansion) ([]string, error) {
	word = os.Expand(word, x.client.env.get)
	if kind := how.hints[key]; x.shell.cfg.Downloads != nil && isURL(word) {
		switch kind {
		case localFiles:
			return x.expandURL(ctx, key, word)
		case completion.MeshFile:
			return x.nameURL(ctx, word)
		}
	}
	name, ok := cutFold(word, filePrefix)
	bring := x.fetch
	if !ok {
		name, ok = cutFold(word, tarPrefix)
		bring = x.untar
	}
	if !ok {
		return []string{word}, nil
	}
	if kind := how.hints[key]; kind == completion.MeshFile || kind == ownFiles {
		return []string{name}, nil // names a file already
	}
	var options string
	if end := pathEnd(key); end != "" && strings.Contains(name, end) {
		i := strings.Index(name, end)
		name, options = name[:i], name[i:]
	}
	paths, err := bring(ctx, name)
	for i := range paths {
		paths[i] += options
	}
	return paths, err
}

// cutFold cuts prefix off word whatever the case.
func cutFold(word, prefix string) (string, bool) {
	if len(word) < len(prefix) || !strings.EqualFold(word[:len(prefix)], prefix) {
		return word, false
	}
	return word[len(prefix):], true
}

// fetch brings what name means to this node and returns the local paths: one,
// unless name is a glob.
func (x *execution) fetch(ctx context.Context, name string) ([]string, error) {
	clean, err := wire.ParseFileName(name)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	if clean == "" {
		return nil, fmt.Errorf("get: %w", errNoFile)
	}
	if err := x.settle(ctx); err != nil {
		return nil, err
	}
	job, err := x.shell.cfg.Files.Get(ctx, string(clean), transfer.Pick{})
	if err != nil {
		return nil, getError(string(clean), err)
	}
	x.client.warnings(job.Warnings())
	if err := x.wait(ctx, string(clean), job); err != nil {
		return nil, getError(string(clean), err)
	}
	return x.paths(clean, job), nil
}

// wait shows job's progress until it has ended. One that goes on without the user
// is followed as those of file get are.
func (x *execution) wait(ctx context.Context, name string, job Job) error {
	select {
	case <-job.Done():
		return job.Err()
	default:
	}
	job.Hurry()
	job.Follow()
	if x.client.watch != nil {
		stop := x.client.watch(func() []transfer.Progress { return []transfer.Progress{job.Progress()} })
		defer stop()
	}
	select {
	case <-job.Done():
		return job.Err()
	case <-ctx.Done():
		if x.client.started != nil {
			x.client.started(name, job)
		} else {
			job.Leave()
		}
		return fmt.Errorf("%w: the transfer goes on, see file status", cmp.Or(timedOut(ctx), ErrInterrupted))
	}
}

// timedOut returns what ctx ended with, where that was a deadline.
func timedOut(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errTimedOut
	}
	return nil
}

// paths returns the local paths of what name means, now that job is done.
func (x *execution) paths(name wire.FileName, job Job) []string {
	if !strings.ContainsAny(string(name), "*?[") {
		return []string{x.shell.cfg.Store.Path(name)}
	}
	var all []string
	for _, file := range job.Files() {
		if file == name {
			return []string{x.shell.cfg.Store.Path(name)}
		}
		if ok, _ := path.Match(string(name), string(file)); ok {
			all = append(all, x.shell.cfg.Store.Path(file))
		}
	}
	if len(all) == 0 {
		return []string{x.shell.cfg.Store.Path(name)}
	}
	return all
}

// getError says which get failed, once.
func getError(name string, err error) error {
	text := err.Error()
	switch {
	case errors.Is(err, context.Canceled), strings.HasPrefix(text, "get "):
		return err
	case strings.HasPrefix(text, name+": "):
		return fmt.Errorf("get %w", err)
	}
	return fmt.Errorf("get %s: %w", name, err)
}
