package netlab

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Rate is a speed in bits a second; 0 is unlimited.
type Rate int64

// units are the words that a rate may end in, longest first.
var units = []struct {
	suffix string
	factor Rate
}{{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}}

// ParseRate reads a rate as tc writes them: 400mbit, 1gbit.
func ParseRate(s string) (Rate, error) {
	for _, u := range units {
		number, ok := strings.CutSuffix(strings.ToLower(s), u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil || n <= 0 {
			break
		}
		return Rate(n) * u.factor, nil
	}
	return 0, fmt.Errorf("rate: must be like 400mbit, but is %q", s)
}

// String returns r as tc reads it.
func (r Rate) String() string { return strconv.FormatInt(int64(r), 10) + "bit" }

// Bytes returns r in bytes a second.
func (r Rate) Bytes() float64 { return float64(r) / 8 }

// Link is what a host's cable can carry.
type Link struct {
	Up   Rate // from the host
	Down Rate // to the host
}

// Even returns a link of the same rate both ways.
func Even(r Rate) Link { return Link{Up: r, Down: r} }

// Shape limits the host's interface i from now on.
func (h *Host) Shape(ctx context.Context, i int, link Link) error {
	if h.space == "" {
		return ErrNoNetwork
	}
	p := h.ports[i]
	if err := shape(ctx, h.space, fmt.Sprintf("eth%d", i), link.Up); err != nil {
		return err
	}
	return shape(ctx, p.on.space, p.name, link.Down)
}

// shape limits what leaves an interface.
func shape(ctx context.Context, space, eth string, r Rate) error {
	if r == 0 {
		_ = run(ctx, "tc", "-n", space, "qdisc", "del", "dev", eth, "root") // fails when there was none
		return nil
	}
	return run(ctx, "tc", "-n", space, "qdisc", "replace", "dev", eth, "root",
		"tbf", "rate", r.String(), "burst", "256kb", "latency", "50ms")
}

// ip runs ip(8) commands in a namespace.
func ip(ctx context.Context, space string, commands ...string) error {
	for _, c := range commands {
		if err := run(ctx, "ip", append([]string{"-n", space}, strings.Fields(c)...)...); err != nil {
			return err
		}
	}
	return nil
}
