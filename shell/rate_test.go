package shell

import (
	"errors"
	"testing"
)

func TestRatesAreReadInBytesAndBits(t *testing.T) {
	for text, want := range map[string]int64{
		"off": 0, "0": 0, "10MB": 10_000_000, "10mb": 10_000_000, "10MiB": 10 << 20, "80Mbit": 10_000_000, "80mbit/s": 10_000_000,
		"1.5GiB/s": 3 << 29, "20000": 20_000, "20000B": 20_000, "500k": 500_000, "64KiB": 65536, "1Gbit": 125_000_000,
	} {
		got, err := parseRate(text)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", text, got, err, want)
		}
		again, err := parseRate(rateText(got))
		if err != nil || again != got {
			t.Errorf("%s is printed as %s: %d, %v", text, rateText(got), again, err)
		}
	}
	for _, text := range []string{"", "fast", "-1MB", "10Mb", "10 MB x", "1e30GB", "MB", "10MB/h", "NaN", "Inf", "0.1bit", "Infinity"} {
		if n, err := parseRate(text); !errors.Is(err, errRate) {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
}

func TestFileLimitShowsWhatItSets(t *testing.T) {
	n := newNode(t, "foo")
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, "file limit"), "foo: off\n")
	expect(t, n.run(t, c, "file limit 80Mbit", "file limit"), "foo: 10MB/s\n")
	expect(t, n.run(t, c, "file limit 10Mb"),
		`Error (foo): file limit: rate must be like 10MB, 10MiB or 80Mbit, a second, or off, but is "10Mb": say MB for bytes or Mbit for bits`+"\n")
	expect(t, n.run(t, c, "file limit off", "file limit"), "foo: off\n")
}
