package completion

import (
	"slices"
	"strconv"
	"strings"
)

// bracketed completes a node range in its last bracket, `kn[1,3-`: with the
// numbers that names have there, alone and as the range that they begin. It
// reports whether text ends inside of one.
func bracketed(kind Kind, text string, src Sources) ([]Candidate, bool) {
	head, last := lastInList(text)
	base, inside, open := strings.Cut(last, "[")
	if !open || strings.Contains(inside, "]") {
		return nil, false
	}
	all := numbers(src.Names(kind, base), base)
	done, piece, _ := cutLast(inside, ',')
	head += base + "[" + done
	var found []Candidate
	if first, end, isRange := strings.Cut(piece, "-"); isRange {
		for _, n := range all {
			if strings.HasPrefix(n, end) && after(n, first) {
				found = append(found, Candidate{Text: head + first + "-" + n + "]"})
			}
		}
		return found, true
	}
	for i, n := range all {
		if !strings.HasPrefix(n, piece) {
			continue
		}
		found = append(found, Candidate{Text: head + n + "]"})
		if i+1 < len(all) {
			found = append(found, Candidate{Text: head + n + "-" + all[len(all)-1] + "]"})
		}
	}
	return found, true
}

// numbers returns what follows base in those names that go on with a number
// alone, in their order.
func numbers(names []string, base string) []string {
	var all []string
	for _, name := range names {
		digits := strings.TrimPrefix(name, base)
		if _, err := strconv.ParseUint(digits, 10, 32); err == nil {
			all = append(all, digits)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return value(a) - value(b) })
	return slices.Compact(all)
}

// value returns what digits stand for: 0 where they are none.
func value(digits string) int {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0
	}
	return int(n)
}

func after(a, b string) bool { return value(a) > value(b) }
