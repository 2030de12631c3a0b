package main_test

import (
	"fmt"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"minimega/scripts/netlab"
)

// net makes, shapes and cuts the network.
func (r *rig) net(ts *testscript.TestScript, args []string) error {
	switch {
	case len(args) >= 2 && args[0] == "up":
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return errUsage
		}
		for _, name := range netlab.Names("kn", n) {
			if err := r.addHost(name, "s"); err != nil {
				return err
			}
		}
		return nil
	case len(args) >= 3 && args[0] == "host":
		return r.addHost(args[1], args[2:]...)
	case len(args) >= 2:
		return r.change(ts, args[0], args[1], args[2:])
	}
	return errUsage
}

// addHost makes a host on switches, which are made as they are first named.
func (r *rig) addHost(name string, switches ...string) error {
	h, err := r.lab.AddHost(r.ctx, name)
	if err != nil {
		return err
	}
	for _, s := range switches {
		if r.switches[s] == nil {
			if r.switches[s], err = r.lab.AddSwitch(r.ctx); err != nil {
				return err
			}
		}
		if err := h.Join(r.ctx, r.switches[s], netlab.Link{}); err != nil {
			return err
		}
	}
	return nil
}

// change changes a host's link, or looks at it.
func (r *rig) change(ts *testscript.TestScript, verb, name string, args []string) error {
	h := r.lab.Host(name)
	switch {
	case h == nil:
		return fmt.Errorf("%w: no host %s", errUsage, name)
	case verb == "cut":
		return h.Cut(r.ctx)
	case verb == "mend":
		return h.Mend(r.ctx)
	case verb == "run" && len(args) > 0:
		return r.show(ts, h.Command(r.ctx, args[0], args[1:]...))
	case verb == "rate" && len(args) == 1:
		rate, err := netlab.ParseRate(args[0])
		if err != nil {
			return err
		}
		return h.Shape(r.ctx, 0, netlab.Even(rate))
	case (verb == "received" || verb == "sent") && len(args) == 2:
		return r.carried(h, verb, args[0], args[1])
	}
	return errUsage
}

// carried compares what a host's first interface took or gave with bounds.
func (r *rig) carried(h *netlab.Host, verb, least, most string) error {
	low, err := size(least)
	if err != nil {
		return err
	}
	high, err := size(most)
	if err != nil {
		return err
	}
	sent, received, err := h.Carried(r.ctx, 0)
	if err != nil {
		return err
	}
	got := map[string]int64{"sent": sent, "received": received}[verb]
	if got < low || got > high {
		return fmt.Errorf("%s %s %d bytes, not %d to %d", h.Name(), verb, got, low, high)
	}
	return nil
}
