package term

import (
	"slices"
	"strings"
	"testing"
)

func TestFoldBreaksRowsWhereATerminalDoes(t *testing.T) {
	for _, tt := range []struct {
		before, after string // of the cursor
		columns       int
		rows          []string
		row, column   int
	}{
		{"", "", 8, []string{""}, 0, 0},
		{"abc", "", 8, []string{"abc"}, 0, 3},
		{"a", "bc", 8, []string{"abc"}, 0, 1},
		{"abcdefgh", "", 8, []string{"abcdefgh", ""}, 1, 0},
		{"abcdefg", "h", 8, []string{"abcdefgh", ""}, 0, 7},
		{"abcdefgh", "i", 8, []string{"abcdefgh", "i"}, 1, 0},
		{"日本語日", "", 8, []string{"日本語日", ""}, 1, 0},
		{"x日本語", "日", 8, []string{"x日本語", "日"}, 1, 0},
		{"x日本語日", "", 8, []string{"x日本語", "日"}, 1, 2},
		{"x日本", "語日", 8, []string{"x日本語", "日"}, 0, 5},
		{"e\u0301e\u0301", "x", 8, []string{"e\u0301e\u0301x"}, 0, 2},
		{"abcdefge\u0301", "", 8, []string{"abcdefge\u0301", ""}, 1, 0},
		{"👨\u200d👩\u200d👧", "!", 8, []string{"👨\u200d👩\u200d👧!"}, 0, 2},
		{"a\tb\x1b", "c\xff", 8, []string{"a?b?c?"}, 0, 4},
	} {
		got := fold(tt.before+tt.after, len(tt.before), tt.columns)
		if !slices.Equal(got.rows, tt.rows) || got.row != tt.row || got.column != tt.column {
			t.Errorf("%q|%q: got %q %d,%d, want %q %d,%d", tt.before, tt.after, got.rows, got.row, got.column, tt.rows, tt.row, tt.column)
		}
	}
}

func TestWindowShowsTheCursorAndMovesNoMoreThanItMust(t *testing.T) {
	for _, tt := range []struct{ rows, row, top, height, from, to int }{
		{3, 2, 0, 5, 0, 3},
		{10, 9, 0, 5, 5, 10},
		{10, 7, 5, 5, 5, 10},
		{10, 3, 5, 5, 3, 8},
		{10, 0, 5, 5, 0, 5},
		{6, 5, 9, 5, 1, 6},
		{6, 0, 0, 1, 0, 1},
	} {
		f := folded{rows: strings.Split(strings.Repeat("x,", tt.rows-1)+"x", ","), row: tt.row}
		if from, to := f.window(tt.top, tt.height); from != tt.from || to != tt.to {
			t.Errorf("%+v: got %d to %d", tt, from, to)
		}
	}
}
