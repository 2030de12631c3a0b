package mesh

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestRangesExpandAndCompress(t *testing.T) {
	for _, c := range []struct{ spec, names, compressed string }{
		{"kn1", "kn1", "kn1"},
		{"kn[1-3,7],foo", "kn1 kn2 kn3 kn7 foo", "foo,kn[1-3,7]"},
		{"kn[3,1,2]", "kn3 kn1 kn2", "kn[1-3]"},
		{"n[08-10]", "n08 n09 n10", "n[08-10]"},
		{"n[008-009],n[10-11]", "n008 n009 n10 n11", "n[008-009],n[10-11]"},
		{"r[1-2]n[1-2]", "r1n1 r1n2 r2n1 r2n2", "r1n[1-2],r2n[1-2]"},
		{"a,,b,a", "a b", "a,b"},
		{"kn[2].lab", "kn2.lab", "kn2.lab"},
		{"kn10,kn9,kn1", "kn10 kn9 kn1", "kn[1,9-10]"},
		{"kn1~2f90,kn1~2f91", "kn1~2f90 kn1~2f91", "kn1~2f90,kn1~2f91"},
	} {
		got, err := ExpandRange(c.spec)
		if err != nil || strings.Join(got, " ") != c.names {
			t.Errorf("%q: %q, %v", c.spec, got, err)
		}
		if back := CompressRange(got); back != c.compressed {
			t.Errorf("%q is compressed to %q, not %q", got, back, c.compressed)
		}
	}
}

func TestBadRangesSayWhatIsWrong(t *testing.T) {
	for spec, text := range map[string]string{
		"":                    "must name nodes, as in kn[1-3,7],foo, but is \"\"",
		",,":                  "but is \",,\"",
		"kn[1-3":              "unterminated '['",
		"kn]":                 "unexpected ']'",
		"kn[1[2]]":            "nested '['",
		"kn[a]":               `strconv.Atoi: parsing "a": invalid syntax`,
		"kn[]":                `strconv.Atoi: parsing "": invalid syntax`,
		"kn[3-1]":             "must not go backwards",
		"kn[1-1000000000]":    "at most 4096 names",
		"[1-99][1-99]":        "at most 4096 names",
		"[1-9][1-9][1-9][1-9": "unterminated",
	} {
		if names, err := ExpandRange(spec); !errors.Is(err, ErrRange) || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %d names, %v", spec, len(names), err)
		}
	}
}

// FuzzRangeExpand: what expands is bounded, and compressing it loses nothing.
func FuzzRangeExpand(f *testing.F) {
	for _, seed := range []string{"kn[1-3,7],foo", "kn[1-1000000000]", "n[08-10]", "[1-9][1-9][1-9][1-9][1-9]", "a[", "]", "kn1~2f[1-2]", "kn[-1]", "x[1-2]0[1-2]", strings.Repeat("[1]", 500)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		names, err := ExpandRange(spec)
		if err != nil {
			if !errors.Is(err, ErrRange) {
				t.Fatalf("%v does not wrap ErrRange", err)
			}
			return
		}
		if len(names) > MaxRange {
			t.Fatalf("%d names", len(names))
		}
		again, err := ExpandRange(CompressRange(names))
		if err != nil {
			t.Fatalf("%q → %q: %v", spec, CompressRange(names), err)
		}
		slices.Sort(names)
		slices.Sort(again)
		if !slices.Equal(names, again) {
			t.Fatalf("%q became %q", names, again)
		}
	})
}
