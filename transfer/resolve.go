package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"minimega/mesh/wire"
)

// item is one entry that a job is about.
type item struct {
	name    wire.FileName
	kind    wire.Kind
	meta    wire.Meta
	target  string
	version wire.Version  // zero: the only holder has not hashed it yet
	draft   wire.Version  // of what a node is downloading; zero for most
	holders []wire.Member // complete or not
	here    bool          // it is in the store already
	resumed bool          // an earlier process left it
	pick    Pick          // by which it was settled
	doubt   *doubt        // whether all who hold it hold the same; nil: there is none
}

// holding is one entry of one node.
type holding struct {
	node  wire.Member
	entry wire.FoundEntry
}

// localPatience is how long a get of what is here already waits for others, to
// warn when they hold something else.
const localPatience = 300 * time.Millisecond

// resolve asks the mesh for pattern and settles what each name means.
func (e *Engine) resolve(ctx context.Context, pattern string, pick Pick) (items []item, warnings []string, err error) {
	self := e.cfg.Mesh.Self()
	byName := map[wire.FileName][]holding{}
	local := map[wire.FileName]bool{}
	for _, entry := range e.has(pattern) {
		if !entry.Partial && !entry.Incoming {
			local[entry.Name] = true
			byName[entry.Name] = append(byName[entry.Name], holding{self, entry})
		}
	}
	patience := findPatience
	if len(local) > 0 && pick == (Pick{}) {
		patience = localPatience
	}
	if patience == localPatience && e.onlyFiles(byName) {
		short, cancel := context.WithTimeout(ctx, localPatience)
		defer cancel()
		ctx = short
	}
	silent, banned := e.gather(ctx, pattern, patience, byName)
	for name, hs := range byName {
		if byName[name] = withoutStrays(hs); len(byName[name]) == 0 {
			delete(byName, name)
		}
	}
	if len(byName) == 0 {
		return nil, nil, notFound(pattern, silent, banned)
	}
	doubts, err := e.learn(ctx, byName, local, pick)
	if err != nil {
		return nil, nil, err
	}
	for name, holdings := range byName {
		if d := doubts[name]; d != nil {
			items = append(items, d.begin())
			continue
		}
		equate(holdings)
		it, warning, err := settle(name, holdings, self, e.preferred(pick, holdings))
		if err != nil {
			for _, d := range doubts {
				d.asked.cancel()
			}
			return nil, nil, err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
		it.pick = pick
		items = append(items, it)
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.name, b.name) })
	slices.Sort(warnings)
	if len(warnings) > 1 {
		warnings = []string{fmt.Sprintf("%s (and %d more files)", warnings[0], len(warnings)-1)}
	}
	return items, warnings, nil
}

// onlyFiles reports that what is here is one file, so that nothing can be
// missing.
func (e *Engine) onlyFiles(byName map[wire.FileName][]holding) bool {
	for _, hs := range byName {
		if len(byName) == 1 && hs[0].entry.Kind == wire.KindFile {
			return true
		}
	}
	return false
}

// gather adds what the other nodes have, and returns who was silent and who has
// something but is not believed.
func (e *Engine) gather(ctx context.Context, pattern string, patience time.Duration, byName map[wire.FileName][]holding) (silent, banned []wire.NodeName) {
	for f := range e.find(ctx, pattern, patience) {
		if f.err != nil {
			silent = append(silent, f.node.Name)
			continue
		}
		if len(f.entries) > 0 && e.banned(f.node.ID) {
			banned = append(banned, f.node.Name)
			continue
		}
		for _, entry := range f.entries {
			byName[entry.Name] = append(byName[entry.Name], holding{f.node, entry})
		}
	}
	return silent, banned
}

// notFound returns why nothing under a pattern was found, and who may have it all the
// same.
func notFound(pattern string, silent, banned []wire.NodeName) error {
	switch {
	case len(banned) > 0:
		return fmt.Errorf("get %s: %w but on %s, which sent bad data lately", pattern, ErrNotFound, listed(banned))
	case len(silent) > 0:
		return fmt.Errorf("get %s: %w (no answer from %s; try again)", pattern, ErrNotFound, listed(silent))
	}
	return fmt.Errorf("get %s: %w", pattern, ErrNotFound)
}

// listed names nodes in a message.
func listed(names []wire.NodeName) string {
	var words []string
	for _, name := range slices.Sorted(slices.Values(names)) {
		words = append(words, string(name))
	}
	return strings.Join(words, ", ")
}

// learn asks holders for versions that decide between them and are not known:
// those of a name that several nodes hold, or that alone is asked for by its
// version, or of which an earlier process left something, which only a version
// tells to be of use. What of large files is not known soon is a doubt; those of
// one call have one inquiry.
func (e *Engine) learn(ctx context.Context, byName map[wire.FileName][]holding, local map[wire.FileName]bool, pick Pick) (map[wire.FileName]*doubt, error) {
	unknown, large := map[wire.NodeID][]wire.FileName{}, map[wire.NodeID][]wire.FileName{}
	doubts := map[wire.FileName]*doubt{}
	for name, hs := range byName {
		if e.decided(name, hs, local[name], len(byName) == 1, pick) {
			continue
		}
		ask := unknown
		if pick == (Pick{}) && !e.hasLeft(name) && doubtful(hs) {
			ask, doubts[name] = large, &doubt{name: name, hs: hs}
		}
		for _, h := range hs {
			if h.hides() {
				ask[h.node.ID] = append(ask[h.node.ID], name)
			}
		}
	}
	q := e.inquire(large)
	for id, versions := range e.allVersions(ctx, unknown) {
		for i, name := range unknown[id] {
			for k, h := range byName[name] {
				if h.node.ID == id && i < len(versions) {
					byName[name][k].entry.Version = versions[i]
				}
			}
		}
	}
	q.answer(ctx, doubts, byName)
	return doubts, ctx.Err()
}

// decided reports whether what nodes hold under a name, maybe the only one, needs
// no more versions to mean one thing.
func (e *Engine) decided(name wire.FileName, hs []holding, local, only bool, pick Pick) bool {
	switch {
	case local && pick == (Pick{}):
		return true
	case e.hasLeft(name):
		return false
	}
	one := e.preferred(pick, hs)
	if !local && (one.From != "" || one.Newest) {
		return true
	}
	return (len(hs) < 2 || oneDraft(hs)) && (pick.Version == "" || !only)
}

// withoutStrays drops who fetches a draft, unless it is that of the only node
// that holds the whole file: otherwise nobody can tell yet what it has.
func withoutStrays(hs []holding) []holding {
	var whole []holding
	for _, h := range hs {
		if !h.entry.Partial {
			whole = append(whole, h)
		}
	}
	return slices.DeleteFunc(slices.Clone(hs), func(h holding) bool {
		stray := h.entry.Partial && h.entry.Version.IsZero()
		return stray && (len(whole) != 1 || whole[0].entry.Draft != h.entry.Draft)
	})
}

// equate gives parts of a draft the version that the draft turned out to have.
func equate(hs []holding) {
	for _, whole := range hs {
		for i, h := range hs {
			if !whole.entry.Partial && h.entry.Partial && h.entry.Version.IsZero() && h.entry.Draft == whole.entry.Draft {
				hs[i].entry.Version = whole.entry.Version
			}
		}
	}
}

// oneDraft reports whether all that hs have is one draft, or a part of it.
func oneDraft(hs []holding) bool {
	return !slices.ContainsFunc(hs, func(h holding) bool {
		return !h.entry.Version.IsZero() || h.entry.Draft.IsZero() || h.entry.Draft != hs[0].entry.Draft
	})
}

// allVersions asks nodes for the versions of names, which it sorts, all at once:
// each of them may have to hash what it is asked for.
func (e *Engine) allVersions(ctx context.Context, names map[wire.NodeID][]wire.FileName) map[wire.NodeID][]wire.Version {
	var mu sync.Mutex
	answers := make(map[wire.NodeID][]wire.Version, len(names))
	var asking sync.WaitGroup
	for id, of := range names {
		slices.Sort(of)
		asking.Go(func() {
			versions := e.versions(ctx, id, of)
			mu.Lock()
			defer mu.Unlock()
			answers[id] = versions
		})
	}
	asking.Wait()
	return answers
}

// versions returns what a node, or this one, says of names.
func (e *Engine) versions(ctx context.Context, id wire.NodeID, names []wire.FileName) []wire.Version {
	body, err := wire.Marshal(wire.Names{Names: names})
	if err != nil {
		return nil
	}
	answer := wire.Reply{}
	if self := e.cfg.Mesh.Self(); id == self.ID {
		answer.Body, answer.Err = e.answerVersions(ctx, self, body)
	} else {
		for answer = range e.cfg.Mesh.Call(ctx, []wire.NodeID{id}, wire.MethodVersions, body) {
		}
	}
	var list wire.VersionList
	if answer.Err != nil || wire.Unmarshal(answer.Body, &list) != nil {
		return nil
	}
	return list.Versions
}

// ErrInFlight reports that another version of the name is being fetched.
var ErrInFlight = errors.New("file already in flight")
