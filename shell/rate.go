package shell

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// errRate reports what is no rate; what is wrong with it stands before.
var errRate = errors.New("must be like 10MB, 10MiB or 80Mbit, a second, or off")

// rateUnits returns the units of rates in bytes, in lower case.
func rateUnits() map[string]float64 {
	return map[string]float64{
		"": 1, "b": 1, "bit": 1. / 8,
		"k": 1e3, "kb": 1e3, "kib": 1 << 10, "kbit": 1e3 / 8, "kibit": 1 << 7,
		"m": 1e6, "mb": 1e6, "mib": 1 << 20, "mbit": 1e6 / 8, "mibit": 1 << 17,
		"g": 1e9, "gb": 1e9, "gib": 1 << 30, "gbit": 1e9 / 8, "gibit": 1 << 27,
	}
}

// parseRate returns the bytes a second that text says; 0 is no limit. Its error
// wraps errRate.
func parseRate(text string) (int64, error) {
	if text == "off" || text == "0" {
		return 0, nil
	}
	short := strings.TrimSuffix(text, "/s")
	number := strings.TrimRight(short, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := short[len(number):]
	scale, known := rateUnits()[strings.ToLower(unit)]
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	switch {
	case known && len(unit) == 2 && unit[1] == 'b' && unit != strings.ToLower(unit):
		return 0, fmt.Errorf("rate %w, but is %q: say %sB for bytes or %sbit for bits", errRate, text, unit[:1], unit[:1])
	case !known || err != nil || !(n >= 0) || n*scale < 1 || n*scale >= math.MaxInt64:
		return 0, fmt.Errorf("rate %w, but is %q", errRate, text)
	}
	return int64(math.Round(n * scale)), nil
}

// rateText returns n bytes a second as parseRate reads it, in the largest unit
// that says it in whole numbers.
func rateText(n int64) string {
	if n == 0 {
		return "off"
	}
	units := rateUnits()
	for _, unit := range []string{"GB", "GiB", "MB", "MiB", "kB", "KiB"} {
		if scale := int64(units[strings.ToLower(unit)]); n%scale == 0 {
			return fmt.Sprintf("%d%s/s", n/scale, unit)
		}
	}
	return fmt.Sprintf("%dB/s", n)
}
