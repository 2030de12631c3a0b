package transfer

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"minimega/mesh/wire"
)

// preferred returns pick or, where that is nothing and what self lacks differs
// among others, the head's version.
func (e *Engine) preferred(pick Pick, hs []holding) Pick {
	self := e.cfg.Mesh.Self().ID
	if pick != (Pick{}) || slices.ContainsFunc(hs, func(h holding) bool { return h.node.ID == self }) {
		return pick
	}
	if slices.ContainsFunc(hs, func(h holding) bool { return h.node.Name == e.cfg.Head && !h.entry.Partial }) {
		pick.From = e.cfg.Head
	}
	return pick
}

// settle decides what name means.
func settle(name wire.FileName, hs []holding, self wire.Member, pick Pick) (it item, warning string, err error) {
	slices.SortFunc(hs, func(a, b holding) int {
		return cmp.Or(bytes.Compare(a.entry.Version[:], b.entry.Version[:]), cmp.Compare(a.node.Name, b.node.Name))
	})
	here := slices.IndexFunc(hs, func(h holding) bool { return h.node.ID == self.ID })
	if here >= 0 && (pick == (Pick{}) || hs[here].entry.Kind != wire.KindFile) {
		mine := hs[here].entry
		it = item{name: name, kind: mine.Kind, meta: mine.Meta, target: mine.Target, version: mine.Version, here: true}
		return it, differs(name, mine, hs), nil
	}
	for _, h := range hs[1:] {
		if h.entry.Kind != hs[0].entry.Kind {
			return it, "", fmt.Errorf("%s: must be of one kind, but is not the same on %s and %s", name, hs[0].node.Name, h.node.Name)
		}
	}
	if hs[0].entry.Kind != wire.KindFile {
		return newest(name, hs), "", nil
	}
	chosen, err := choose(name, hs, pick)
	if err != nil {
		return it, "", err
	}
	it = newest(name, chosen)
	it.here = slices.ContainsFunc(chosen, func(h holding) bool { return h.node.ID == self.ID })
	return it, "", nil
}

// differs warns when another node holds something else than mine, as far as is
// known without hashing.
func differs(name wire.FileName, mine wire.FoundEntry, hs []holding) string {
	for _, h := range hs {
		unlike := h.entry.Kind != mine.Kind
		if mine.Kind == wire.KindFile {
			unlike = unlike || h.entry.Meta.Size != mine.Meta.Size ||
				!h.entry.Version.IsZero() && !mine.Version.IsZero() && h.entry.Version != mine.Version
		}
		if unlike {
			return fmt.Sprintf("%s: used as it is here, but %s holds another version: file get %s from %s", name, h.node.Name, name, h.node.Name)
		}
	}
	return ""
}

// newest makes an item of holdings that are alike, with the newest metadata.
func newest(name wire.FileName, hs []holding) item {
	it := item{name: name}
	for _, h := range hs {
		if it.kind == 0 || h.entry.Meta.ModTime > it.meta.ModTime {
			it.kind, it.meta, it.target, it.version = h.entry.Kind, h.entry.Meta, h.entry.Target, h.entry.Version
		}
		if h.entry.Incoming && h.entry.Version == it.version { // others may have parts of it
			it.draft = h.entry.Draft
		}
		if !h.entry.Partial || !h.entry.Version.IsZero() { // who has a draft is found when that is known
			it.holders = append(it.holders, h.node)
		}
	}
	return it
}

// choose returns the holdings of the version that pick means, or of the only
// one there is.
func choose(name wire.FileName, hs []holding, pick Pick) ([]holding, error) {
	version, size := hs[0].entry.Version, hs[0].entry.Meta.Size
	several := slices.ContainsFunc(hs, func(h holding) bool {
		return h.entry.Version != version || h.entry.Meta.Size != size
	})
	match := func(h holding) bool { return true }
	switch {
	case pick.From != "":
		match = func(h holding) bool { return h.node.Name == pick.From }
	case pick.Version != "":
		match = func(h holding) bool {
			return strings.HasPrefix(h.entry.Version.String(), strings.ToLower(pick.Version))
		}
	case pick.Newest:
		latest := slices.MaxFunc(hs, func(a, b holding) int { return cmp.Compare(a.entry.Meta.ModTime, b.entry.Meta.ModTime) })
		match = func(h holding) bool { return h.node.ID == latest.node.ID }
	case several:
		return nil, &ConflictError{Name: name, Rows: rows(hs)}
	}
	i := slices.IndexFunc(hs, match)
	if i < 0 {
		return nil, &ConflictError{Name: name, Rows: rows(hs), Pick: pick}
	}
	var chosen []holding
	for k, h := range hs {
		if k == i || alike(h.entry, hs[i].entry) {
			chosen = append(chosen, h)
		}
	}
	return chosen, nil
}

// alike reports whether two nodes are known to hold one content, hashed or not.
func alike(a, b wire.FoundEntry) bool {
	if a.Version.IsZero() && b.Version.IsZero() {
		return !a.Draft.IsZero() && a.Draft == b.Draft
	}
	return a.Version == b.Version
}

func rows(hs []holding) []Holding {
	var all []Holding
	for _, h := range hs {
		all = append(all, Holding{h.node.Name, h.entry.Version, h.entry.Meta})
	}
	return all
}
