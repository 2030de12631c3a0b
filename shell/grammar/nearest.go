package grammar

import "strings"

// Nearest returns the one of words, which are lower case, that somebody who
// typed typo most likely meant, or "" where none is near.
func Nearest(typo string, words []string) string {
	best, found := 3, ""
	small := strings.ToLower(typo)
	for _, word := range words {
		d := min(distance(typo, word), 1+distance(small, word))
		if d < best && d*2 <= len(word) {
			best, found = d, word
		}
	}
	return found
}

// distance is the Damerau-Levenshtein distance (optimal string alignment): how
// many insertions, deletions, replacements and swaps of neighbours turn a into
// b. Words longer than any command count as far away.
func distance(a, b string) int {
	const most = 64
	if len(a) > most || len(b) > most {
		return most
	}
	var before, last, row [most + 1]int
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

func cost(x, y byte) int {
	if x == y {
		return 0
	}
	return 1
}
