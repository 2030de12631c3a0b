package mesh

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"minimega/mesh/wire"
)

// MaxRange is how many names a range may stand for.
const MaxRange = 4096

// maxRangeItem is how long a part of a range between two commas may be: enough
// for MaxRange numbers.
const maxRangeItem = 32 << 10

// ErrRange reports a node range that cannot be expanded.
var ErrRange = errors.New("node range")

// ExpandRange returns the names that a range such as `kn[1-3,7],foo` stands
// for, in its order, each once. A leading zero keeps the width: n[08-10] is
// n08, n09, n10. What is no range is an error: `unterminated '['`, a number
// that is none, no name, or more than [MaxRange] names.
func ExpandRange(spec string) ([]string, error) {
	items, err := splitOutside(spec)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, item := range items {
		if names, err = expandItem(names, "", item); err != nil {
			return nil, err
		}
	}
	if names = unique(names); len(names) == 0 {
		return nil, fmt.Errorf("%w: must name nodes, as in kn[1-3,7],foo, but is %q", ErrRange, spec)
	}
	return names, nil
}

// splitOutside splits at the commas that are in no brackets.
func splitOutside(spec string) ([]string, error) {
	var items []string
	start, open := 0, false
	for i, r := range spec {
		switch {
		case r == '[' && open:
			return nil, fmt.Errorf("%w: nested '['", ErrRange)
		case r == '[':
			open = true
		case r == ']' && !open:
			return nil, fmt.Errorf("%w: unexpected ']'", ErrRange)
		case r == ']':
			open = false
		case r == ',' && !open:
			items = append(items, spec[start:i])
			start = i + 1
		}
	}
	if open {
		return nil, fmt.Errorf("%w: unterminated '['", ErrRange)
	}
	return append(items, spec[start:]), nil
}

// expandItem appends all that prefix+item stands for.
func expandItem(names []string, prefix, item string) ([]string, error) {
	if len(names) >= MaxRange {
		return nil, fmt.Errorf("%w: must be at most %d names", ErrRange, MaxRange)
	}
	before, rest, found := strings.Cut(item, "[")
	if len(prefix)+len(before) > wire.MaxNodeName || len(item) > maxRangeItem {
		return nil, fmt.Errorf("%w: %.40q…: must be at most %d bytes, and a name %d", ErrRange, prefix+item, maxRangeItem, wire.MaxNodeName)
	}
	if !found {
		if prefix+item == "" {
			return names, nil
		}
		return append(names, prefix+item), nil
	}
	inside, after, _ := strings.Cut(rest, "]")
	for part := range strings.SplitSeq(inside, ",") {
		first, last, width, err := parseBounds(part)
		if err != nil {
			return nil, err
		}
		for i := first; i <= last; i++ {
			names, err = expandItem(names, fmt.Sprintf("%s%s%0*d", prefix, before, width, i), after)
			if err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}

// parseBounds reads "7" or "3-9", and how many digits to show at least.
func parseBounds(part string) (first, last, width int, err error) {
	low, high, ranged := strings.Cut(part, "-")
	if !ranged {
		high = low
	}
	if first, err = parseNumber(low); err != nil {
		return 0, 0, 0, err
	}
	if last, err = parseNumber(high); err != nil {
		return 0, 0, 0, err
	}
	if first > last {
		return 0, 0, 0, fmt.Errorf("%w: %q must not go backwards", ErrRange, part)
	}
	if len(low) > 1 && low[0] == '0' {
		width = len(low)
	}
	return first, last, width, nil
}

func parseNumber(s string) (int, error) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "+") || len(s) > 18 {
		return 0, fmt.Errorf("%w: strconv.Atoi: parsing %q: invalid syntax", ErrRange, s)
	}
	v, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrRange, err)
	}
	return v, nil
}

// unique drops repeated names, keeping the first.
func unique(names []string) []string {
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(names, func(name string) bool {
		again := seen[name]
		seen[name] = true
		return again
	})
}

// CompressRange is the inverse of [ExpandRange]: it returns names, sorted, as
// one short range. Names that differ in a number at their end share brackets.
func CompressRange(names []string) string {
	groups := make(map[numbered][]int) // prefix and width → numbers
	var plain []string
	for _, name := range names {
		prefix, number, ok := splitNumber(name)
		if !ok {
			plain = append(plain, name)
			continue
		}
		groups[prefix] = append(groups[prefix], number)
	}
	widen(groups)
	for prefix, numbers := range groups {
		if len(numbers) > 0 {
			plain = append(plain, prefix.join(numbers))
		}
	}
	slices.SortFunc(plain, naturally)
	return strings.Join(slices.Compact(plain), ",")
}

// numbered is what the names of one bracket have in common.
type numbered struct {
	prefix string
	width  int // digits of all its numbers where they have leading zeros, else 0
}

// widen moves n10 to the group of n08 and n09.
func widen(groups map[numbered][]int) {
	for group, numbers := range groups {
		if group.width > 0 {
			continue
		}
		var rest []int
		for _, number := range numbers {
			wide := numbered{group.prefix, len(strconv.Itoa(number))}
			if _, ok := groups[wide]; ok {
				groups[wide] = append(groups[wide], number)
			} else {
				rest = append(rest, number)
			}
		}
		groups[group] = rest
	}
}

// splitNumber cuts the number off the end of a name. A name that was made
// unique (`kn1~2f9c`) has none.
func splitNumber(name string) (group numbered, number int, ok bool) {
	prefix := strings.TrimRight(name, "0123456789")
	digits := name[len(prefix):]
	if digits == "" || len(digits) > 9 || strings.ContainsAny(name, "~[],") {
		return numbered{}, 0, false
	}
	number, err := strconv.Atoi(digits)
	group.prefix = prefix
	if len(digits) > 1 && digits[0] == '0' {
		group.width = len(digits)
	}
	return group, number, err == nil
}

// join writes one group as "kn1" or "kn[1-3,7]".
func (g numbered) join(numbers []int) string {
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if len(numbers) == 1 {
		return fmt.Sprintf("%s%0*d", g.prefix, g.width, numbers[0])
	}
	var runs []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		run := fmt.Sprintf("%0*d", g.width, numbers[i])
		if j > i {
			run += fmt.Sprintf("-%0*d", g.width, numbers[j])
		}
		runs = append(runs, run)
		i = j + 1
	}
	return g.prefix + "[" + strings.Join(runs, ",") + "]"
}

// naturally orders names as people do: kn2 before kn10.
func naturally(a, b string) int {
	prefixA, numberA := sortKey(a)
	prefixB, numberB := sortKey(b)
	return cmp.Or(strings.Compare(prefixA, prefixB), cmp.Compare(numberA, numberB), strings.Compare(a, b))
}

// sortKey splits a name, or a range with brackets, before its first number.
func sortKey(item string) (prefix string, number int) {
	prefix, rest, ranged := strings.Cut(item, "[")
	if !ranged {
		group, number, ok := splitNumber(item)
		if !ok {
			return item, -1
		}
		return group.prefix, number
	}
	digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	number, _ = strconv.Atoi(digits)
	return prefix, number
}
