package shell

import (
	"context"
	"fmt"
	"slices"

	"minimega/completion"
	"minimega/mesh/wire"
	"minimega/transfer"
)

// holds returns what nodes hold under a name, by version.
type holds func(name wire.FileName) []transfer.Holding

// holdsNow returns what is known now. It sets soon where a moment's wait may
// show more.
func (s *Shell) holdsNow(soon *bool) holds {
	if s.cfg.Versions == nil {
		return nil
	}
	return func(name wire.FileName) (rows []transfer.Holding) {
		rows, *soon = s.cfg.Versions.Known(name)
		return rows
	}
}

// holdsSoon returns what is known when all nodes have answered, or ctx ends.
func (s *Shell) holdsSoon(ctx context.Context) holds {
	if s.cfg.Versions == nil {
		return nil
	}
	return func(name wire.FileName) []transfer.Holding { return s.cfg.Versions.Ask(ctx, name) }
}

// contents returns the ids of what nodes hold under a name, which stands before
// the last of words. Beside each stands what the table of a conflict tells: who
// holds it, its size, and when it was modified last.
func (t tab) contents(words []string) []completion.Candidate {
	var all []completion.Candidate
	rows := t.held(words)
	for len(rows) > 0 {
		n := slices.IndexFunc(rows, func(r transfer.Holding) bool { return r.Version != rows[0].Version })
		if n < 0 {
			n = len(rows)
		}
		all = append(all, completion.Candidate{Text: rows[0].Version.Short(), Help: holdersOf(rows[:n])})
		rows = rows[n:]
	}
	return all
}

// holders returns the other nodes, and beside each what it is known to hold under
// a name, which stands before the last of words.
func (t tab) holders(words []string) []completion.Candidate {
	all := offerNodes(t.s, words)
	for _, r := range t.held(words) {
		for i := range all {
			if all[i].Text == string(r.Node) {
				all[i].Help = fmt.Sprintf("%s, %s", r.Version.Short(), sized(r.Meta))
			}
		}
	}
	return all
}

// held returns what is known of the name before the last of words.
func (t tab) held(words []string) []transfer.Holding {
	if t.holds == nil || len(words) < 2 {
		return nil
	}
	name, err := wire.ParseFileName(t.s.below(words[len(words)-2]))
	if err != nil || name == "" {
		return nil
	}
	return t.holds(name)
}

// holdersOf tells of nodes that hold the same.
func holdersOf(rows []transfer.Holding) string {
	who, latest := string(rows[0].Node), rows[0].Meta
	for _, r := range rows[1:] {
		if r.Meta.ModTime > latest.ModTime {
			latest = r.Meta
		}
	}
	switch more := len(rows) - 1; {
	case more == 1:
		who += " and " + string(rows[1].Node)
	case more > 1:
		who += fmt.Sprintf(" and %d others", more)
	}
	return who + ", " + sized(latest)
}

// sized tells of a file's size and when it was modified.
func sized(meta wire.Meta) string {
	return fmt.Sprintf("%d bytes, %s", meta.Size, meta.Time().Format("2006-01-02 15:04:05"))
}
