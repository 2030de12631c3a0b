package shell

import (
	"context"
	"slices"
	"strings"
	"time"

	"minimega/completion"
	"minimega/shell/grammar"
)

// mostOffered is how many names of one kind Tab is given.
const mostOffered = 1000

// Names implements [completion.Sources]: what is known now, without what is a
// client's own. It reads local directories but asks no other node.
func (s *Shell) Names(kind completion.Kind, prefix string) []string {
	switch kind {
	case completion.MeshFile:
		return s.meshFiles(prefix)
	case completion.MeshArchive:
		return s.archives(s.meshFiles(prefix))
	case completion.Node:
		return s.nodes(prefix)
	case completion.LocalFile:
		return paths(prefix)
	case localFiles:
		if strings.HasPrefix(prefix, "/") {
			return paths(prefix)
		}
		return s.ownFiles(prefix)
	case ownFiles:
		return s.ownFiles(prefix)
	case completion.Host:
		return beginning(s.hosts(), prefix)
	case programs:
		return runnable(prefix)
	case stages:
		if prefix != "" { // the pipes are few, and programs many
			return runnable(prefix)
		}
	case namespaceNames:
		return beginning(s.spaces.names(), prefix)
	}
	return nil
}

// beginning returns the names that begin with prefix.
func beginning(names []string, prefix string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
}

// archives returns those of the mesh's files that tar: unpacks, and directories
// on the way to others. Where not all names are known it returns those that
// are: which archives there are is not.
func (s *Shell) archives(names []string) []string {
	if s.cfg.Names != nil && s.cfg.Names.Total() > 0 {
		return names
	}
	var found []string
	for _, name := range names {
		if strings.HasSuffix(name, "/") || isArchive(name) {
			found = append(found, name)
		}
	}
	return found
}

// isArchive reports whether name is that of an archive.
func isArchive(name string) bool {
	name = strings.ToLower(name)
	for _, end := range []string{".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".tar.zst", ".tzst"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// meshFiles returns names of files anywhere in the mesh.
func (s *Shell) meshFiles(prefix string) []string {
	if s.cfg.Names != nil {
		return s.cfg.Names.Names(prefix)
	}
	return s.ownFiles(prefix)
}

// ownFiles returns names in the files directory.
func (s *Shell) ownFiles(prefix string) []string {
	if s.cfg.LocalNames == nil {
		return nil
	}
	names, _ := s.cfg.LocalNames(prefix, mostOffered)
	return names
}

// nodes returns the names of other nodes.
func (s *Shell) nodes(prefix string) []string {
	var names []string
	for _, m := range s.cfg.Mesh.Members() {
		if strings.HasPrefix(string(m.Name), prefix) {
			names = append(names, string(m.Name))
		}
	}
	return names
}

// Complete returns what Tab does at a cursor in line, a byte offset. It does
// not wait for other nodes.
func (s *Shell) Complete(line string, cursor int) completion.Result {
	asked := noted{Sources: known{s, s.atPrompt}}
	soon := false
	r := completion.Complete(s.tab(s.atPrompt, s.holdsNow(&soon)), line, cursor, &asked)
	if asked.mesh && s.cfg.Names != nil {
		r.Pending, r.Total = s.cfg.Names.Pending(), s.cfg.Names.Total()
	}
	r.Pending = r.Pending || soon
	return r
}

// known is a shell as its client, which may be nil, knows it.
type known struct {
	*Shell
	client *Client
}

// Names implements [completion.Sources].
func (k known) Names(kind completion.Kind, prefix string) []string {
	if kind == completion.Variable {
		return beginning(k.client.variables(), prefix)
	}
	return k.Shell.Names(kind, prefix)
}

// noted are sources that note whether the mesh was asked.
type noted struct {
	completion.Sources
	mesh bool
}

// Names implements [completion.Sources].
func (n *noted) Names(kind completion.Kind, prefix string) []string {
	n.mesh = n.mesh || kind == completion.MeshFile || kind == completion.MeshArchive
	return n.Sources.Names(kind, prefix)
}

// suggestWithin is how long a suggestion waits for other nodes.
const suggestWithin = 200 * time.Millisecond

// patient is a shell that waits for other nodes, until ctx ends.
type patient struct {
	known
	ctx context.Context
}

// Names implements [completion.Sources].
func (p patient) Names(kind completion.Kind, prefix string) []string {
	switch {
	case kind == completion.MeshFile && p.cfg.Names != nil:
		return p.cfg.Names.Ask(p.ctx, prefix)
	case kind == completion.MeshArchive && p.cfg.Names != nil:
		return p.archives(p.cfg.Names.Ask(p.ctx, prefix))
	}
	return p.known.Names(kind, prefix)
}

// completeSoon is [Shell.Complete] for those who can wait a moment for other
// nodes.
func (s *Shell) completeSoon(ctx context.Context, c *Client, line string, cursor int) completion.Result {
	ctx, cancel := context.WithTimeout(ctx, suggestWithin)
	defer cancel()
	asked := noted{Sources: patient{known{s, c}, ctx}}
	r := completion.Complete(s.tab(c, s.holdsSoon(ctx)), line, cursor, &asked)
	if asked.mesh && s.cfg.Names != nil {
		r.Total = s.cfg.Names.Total()
	}
	return r
}

// Suggest returns the lines that line can become, as the socket's clients want
// them. It waits a moment for other nodes. c, which may be nil, is who asks.
func (s *Shell) Suggest(ctx context.Context, c *Client, line string) []string {
	r := s.completeSoon(ctx, c, line, len(line))
	lines := []string{}
	for _, c := range r.Candidates {
		word := grammar.Quote(c.Text)
		if !completion.Unfinished(c.Text) {
			word += " "
		}
		lines = append(lines, line[:r.Start]+word)
	}
	return lines
}
