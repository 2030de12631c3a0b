package completion

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Complete says what may stand at the cursor, a byte offset into line. What it
// gives always extends what is there: the words before the cursor stay as they
// are, and the last one becomes a longer one or the same.
//
// Where nothing fits, Start is the cursor, Insert is empty and there are no
// candidates.
func Complete(g Grammar, line string, cursor int, src Sources) Result {
	cursor = clampToRune(line, cursor)
	words, last := g.Split(line[:cursor])
	found := candidates(g, words, last.Text, src)
	if len(found) == 0 {
		return Result{Start: cursor}
	}
	text := commonPrefix(found, len(last.Text))
	insert := quote(text, last.Quote, len(found) == 1 && !Unfinished(text))
	if strings.HasPrefix(line[cursor:], " ") {
		insert = strings.TrimSuffix(insert, " ")
	}
	return Result{Start: last.Start, Insert: insert, Candidates: found}
}

// candidates returns what begins with text and may follow words: sorted, each
// once.
func candidates(g Grammar, words []string, text string, src Sources) []Candidate {
	if found := variables(words, text, src); len(found) > 0 {
		return found
	}
	all, ok := prefixed(text, src)
	for _, slot := range expand(g, g.Slots(words)) {
		if ok && slot.Kind == MeshFile {
			slot.Kind = Word // that is what has been asked; asking for the word itself would take as long again
		}
		all = append(all, inSlot(slot, text, src)...)
	}
	all = slices.DeleteFunc(all, func(c Candidate) bool {
		bare := ok && strings.HasSuffix(c.Text, ":") && c.Text == text // file: itself is no way to go on
		return bare || !strings.HasPrefix(c.Text, text)
	})
	byText := func(a, b Candidate) int { return strings.Compare(a.Text, b.Text) }
	if !slices.IsSortedFunc(all, byText) {
		slices.SortStableFunc(all, byText)
	}
	return slices.CompactFunc(all, func(a, b Candidate) bool { return a.Text == b.Text })
}

// variables completes the name behind the last $ of an argument, sorted.
func variables(words []string, text string, src Sources) []Candidate {
	head, name, ok := cutLast(text, '$')
	if !ok || len(words) == 0 {
		return nil
	}
	end := ""
	if name, ok = strings.CutPrefix(name, "{"); ok {
		head, end = head+"{", "}"
	}
	names := slices.Compact(slices.Sorted(slices.Values(src.Names(Variable, name))))
	found := named(names, head)
	for i := range found {
		found[i].Text += end
	}
	return found
}

// prefixed completes the path in a word such as `file:PATH`, and reports
// whether the word is one. After a comma the path is over.
func prefixed(text string, src Sources) ([]Candidate, bool) {
	kind, prefix := MeshFile, "file:"
	if strings.HasPrefix(text, "tar:") {
		kind, prefix = MeshArchive, "tar:"
	}
	path, ok := strings.CutPrefix(text, prefix)
	if !ok || strings.Contains(path, ",") {
		return nil, ok
	}
	slashes := path[:len(path)-len(strings.TrimLeft(path, "/"))]
	return named(src.Names(kind, path[len(slashes):]), prefix+slashes), true
}

// expand replaces a slot of kind Command by the slots that begin a command.
func expand(g Grammar, slots []Slot) []Slot {
	var out []Slot
	for _, slot := range slots {
		if slot.Kind == Command {
			out = append(out, g.Slots(nil)...)
			slot.Kind = Word
		}
		out = append(out, slot)
	}
	return out
}

// inSlot returns what slot offers for text; some of it may not begin with text.
func inSlot(slot Slot, text string, src Sources) []Candidate {
	if slot.Parts != nil {
		return inParts(slot, text)
	}
	if head, _, ok := cutLast(text, ','); ok && len(slot.Options) > 0 {
		return under(unused(slot.Options, head), head)
	}
	all := slices.Clone(slot.Words)
	switch slot.Kind {
	case None, Word, Command:
		return all
	case Node, Host:
		if found, ok := bracketed(slot.Kind, text, src); ok {
			return found
		}
		head, prefix := lastInList(text)
		return append(all, named(src.Names(slot.Kind, prefix), head)...)
	default:
		return append(all, named(src.Names(slot.Kind, text), "")...)
	}
}

// inParts returns what slot offers for the last part of text.
func inParts(slot Slot, text string) []Candidate {
	head, _, more := cutLast(text, ',')
	if !more {
		return slot.Parts(nil)
	}
	return under(slot.Parts(strings.Split(strings.TrimSuffix(head, ","), ",")), head)
}

// named makes candidates of names, each behind head. A mesh may have 100,000
// names, so their texts are parts of one.
func named(names []string, head string) []Candidate {
	out := make([]Candidate, len(names))
	var all strings.Builder
	if head != "" {
		size := 0
		for _, name := range names {
			size += len(head) + len(name)
		}
		all.Grow(size)
	}
	for i, name := range names {
		if head == "" {
			out[i].Text = name
			continue
		}
		from := all.Len()
		all.WriteString(head)
		all.WriteString(name)
		out[i].Text = all.String()[from:]
	}
	return out
}

// under returns cs, each behind head.
func under(cs []Candidate, head string) []Candidate {
	out := slices.Clone(cs)
	for i := range out {
		out[i].Text = head + out[i].Text
	}
	return out
}

// unused returns those of options that may still follow head, which ends in a
// comma: neither what stands in it nor another of the same help.
func unused(options []Candidate, head string) []Candidate {
	stands := strings.Split(head, ",")[1:]
	var used []string
	for _, o := range options {
		if slices.Contains(stands, o.Text) && o.Help != "" {
			used = append(used, o.Help)
		}
	}
	var free []Candidate
	for _, o := range options {
		if !slices.Contains(stands, o.Text) && !slices.Contains(used, o.Help) {
			free = append(free, o)
		}
	}
	return free
}

// cutLast cuts s behind the last sep.
func cutLast(s string, sep byte) (head, tail string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	return s[:i+1], s[i+1:], i >= 0
}

// lastInList cuts a node range behind its last comma outside of brackets, so
// that `kn[1,2],k` is completed at its k.
func lastInList(text string) (head, prefix string) {
	depth, cut := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ',':
			if depth <= 0 {
				cut = i + 1
			}
		}
	}
	return text[:cut], text[cut:]
}

// commonPrefix returns what all sorted candidates begin with, in whole runes
// but not less than the n bytes that they are known to share.
func commonPrefix(sorted []Candidate, n int) string {
	first, last := sorted[0].Text, sorted[len(sorted)-1].Text
	known := n
	for n < len(first) && n < len(last) && first[n] == last[n] {
		n++
	}
	return first[:max(known, clampToRune(first, n))]
}

// clampToRune moves i into s, to the start of a rune.
func clampToRune(s string, i int) int {
	i = max(0, min(i, len(s)))
	for i > 0 && i < len(s) && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}

// Unfinished reports a word that is to be typed on: a directory, a prefix such
// as `file:`, the column of a filter, or a part that others must follow.
func Unfinished(text string) bool {
	return text != "" && strings.ContainsRune("/:=,", rune(text[len(text)-1]))
}
