package shell

import (
	"fmt"
	"strings"
)

// oldFlags are those that people may have in their scripts and that this
// program does not know, with what to do instead.
func oldFlags() map[string]string {
	const machines = "it is about virtual machines, which there are none of yet: leave it out"
	const mdns = "nodes find each other by mDNS: leave it out, or name hosts with -join"
	return map[string]string{
		"broadcast": mdns, "msa": mdns,
		"cgroup": machines, "vlanrange": machines,
		"panic": "leave it out: the log tells why it ended",
		"v":     "use -level, as in -level info",
	}
}

// explainFlag says more about an error of package flag.
func explainFlag(err error) error {
	_, name, unknown := strings.Cut(err.Error(), "flag provided but not defined: -")
	if instead, ok := oldFlags()[name]; unknown && ok {
		return fmt.Errorf("%w: -%s: must be a flag of this program, but is not: %s", ErrUsage, name, instead)
	}
	return fmt.Errorf("%w: %w: see -help", ErrUsage, err)
}
