package transfer

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

const (
	findWithin   = 9 * time.Second // all answers; who has stopped is missed by then, after 8 s, and not waited for
	findPatience = 2 * time.Second // the others' answers, after the first that has something
)

// answerFind tells what this node has under a pattern, whole or in part.
func (e *Engine) answerFind(_ context.Context, _ wire.Member, body []byte) ([]byte, error) {
	var q wire.Find
	if err := wire.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	found := wire.Found{Entries: e.has(q.Pattern)}
	if len(found.Entries) > wire.MaxFound {
		found.Entries, found.Truncated = found.Entries[:wire.MaxFound], true
	}
	return wire.Marshal(found)
}

// has lists what the store holds under a pattern and what is being fetched.
func (e *Engine) has(pattern string) []wire.FoundEntry {
	entries, err := e.cfg.Store.Match(pattern)
	if err != nil {
		e.log.Debug("cannot list", "pattern", pattern, "err", err)
	}
	out := make([]wire.FoundEntry, 0, len(entries))
	whole := map[wire.FileName]bool{}
	for _, entry := range entries {
		f := wire.FoundEntry{Name: entry.Name, Kind: kindOf(entry.Kind), Meta: entry.Meta, Target: entry.Target}
		if entry.Kind == store.File {
			f.Version, f.Draft = e.identity(entry)
			whole[entry.Name] = true
		}
		out = append(out, f)
	}
	for _, entry := range e.offers(pattern) {
		if !whole[entry.Name] {
			whole[entry.Name] = true
			out = append(out, entry)
		}
	}
	for _, f := range e.running() {
		if v, draft, meta := f.identity(); (!v.IsZero() || !draft.IsZero()) && !whole[f.name] && covers(pattern, f.name) {
			out = append(out, wire.FoundEntry{Name: f.name, Kind: wire.KindFile, Meta: meta, Version: v, Draft: draft, Partial: true})
		}
	}
	return out
}

// running returns the fetches that there are.
func (e *Engine) running() []*fetch {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Values(e.fetches))
}

// identity returns what f fetches, as far as it is known.
func (f *fetch) identity() (version, draft wire.Version, meta wire.Meta) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.version, f.draft, f.meta
}

// identity returns what a file in the store is known as. While it is hashed for
// a draft it goes by that alone, and afterwards by both, as long as it is not
// known to have changed.
func (e *Engine) identity(file store.Entry) (version, draft wire.Version) {
	draft, final := e.drafted(file.Name)
	if !draft.IsZero() && final.IsZero() {
		return version, draft
	}
	version, _ = e.cfg.Store.VersionOf(file)
	if !version.IsZero() && final != version {
		draft = wire.Version{}
	}
	return version, draft
}

func kindOf(k store.Kind) wire.Kind {
	switch k {
	case store.Dir:
		return wire.KindDir
	case store.Link:
		return wire.KindLink
	}
	return wire.KindFile
}

// covers reports whether a pattern means name: by itself, by a directory above
// it, or as a glob of one of these.
func covers(pattern string, name wire.FileName) bool {
	pattern = strings.Trim(path.Clean("/"+pattern), "/")
	for n := string(name); ; n = path.Dir(n) {
		if n == "." {
			return pattern == ""
		}
		if n == pattern {
			return true
		}
		if ok, err := path.Match(pattern, n); err == nil && ok {
			return true
		}
	}
}

// answerVersions hashes the files that a node asks for.
func (e *Engine) answerVersions(ctx context.Context, _ wire.Member, body []byte) ([]byte, error) {
	var q wire.Names
	if err := wire.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	var list wire.VersionList
	for _, name := range q.Names {
		var v wire.Version
		if parsed, err := wire.ParseFileName(string(name)); err == nil {
			e.hurry(parsed)
			if m, err := e.cfg.Store.Manifest(ctx, parsed); err == nil {
				v = m.Version()
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		list.Versions = append(list.Versions, v)
	}
	return wire.Marshal(list)
}

// found is what one node said to a find.
type found struct {
	node    wire.Member
	entries []wire.FoundEntry
	err     error
}

// find asks all nodes for a pattern, and yields what they say as it comes. It
// waits for all of them at most findWithin, and after the first that has something
// at most patience.
func (e *Engine) find(ctx context.Context, pattern string, patience time.Duration) iter.Seq[found] {
	return func(yield func(found) bool) {
		members := e.cfg.Mesh.Members()
		if len(members) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, findWithin)
		defer cancel()
		ids := make([]wire.NodeID, len(members))
		for i, m := range members {
			ids[i] = m.ID
		}
		body, err := wire.Marshal(wire.Find{Pattern: pattern})
		if err != nil {
			return
		}
		hurried := false
		for reply := range e.cfg.Mesh.Call(ctx, ids, wire.MethodFind, body) {
			f := found{node: reply.From, err: reply.Err}
			if f.err == nil {
				f.entries, f.err = parseFound(pattern, reply.Body)
			}
			if len(f.entries) > 0 && !hurried {
				hurried = true
				timer := time.AfterFunc(patience, cancel)
				defer timer.Stop()
			}
			if !yield(f) {
				return
			}
		}
	}
}

// parseFound decodes an answer, dropping what was not asked for.
func parseFound(pattern string, body []byte) ([]wire.FoundEntry, error) {
	var answer wire.Found
	if err := wire.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	var out []wire.FoundEntry
	for _, entry := range answer.Entries {
		name, err := wire.ParseFileName(string(entry.Name))
		if err != nil || name != entry.Name || name == "" || !covers(pattern, name) || entry.Meta.Size < 0 {
			continue
		}
		entry.Meta.Mode &= 0o777
		out = append(out, entry)
	}
	return out, nil
}

// holders asks the mesh who has a file of that name, and hands what each has to
// take as it answers. all reports that every node has answered.
func (e *Engine) holders(ctx context.Context, name wire.FileName, take func(wire.Member, wire.FoundEntry)) (all bool) {
	all = true
	for f := range e.find(ctx, string(name), findWithin) {
		if f.err != nil {
			all = false
			continue
		}
		for _, entry := range f.entries {
			if entry.Name == name && entry.Kind == wire.KindFile {
				take(f.node, entry)
			}
		}
	}
	return all
}

// mayHold reports whether a node may have a version or, where that is not
// known, a draft of what it calls entry. Zero means any.
func mayHold(entry wire.FoundEntry, v, draft wire.Version) bool {
	switch {
	case !draft.IsZero() && entry.Draft == draft:
		return true
	case v.IsZero() && draft.IsZero():
		return !entry.Partial || !entry.Version.IsZero()
	case v.IsZero():
		return false
	}
	return entry.Version == v || entry.Version.IsZero() && !entry.Partial
}
