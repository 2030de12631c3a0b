package shell

import (
	"slices"
	"strconv"
	"strings"

	"minimega/completion"
)

// offerNetwork offers what may follow the parts of [BRIDGE,]VLAN[,MAC][,DRIVER][,qinq]:
// the bridges of this machine, those and the VLANs that configurations have, and
// the cards that a VLAN may be followed by.
func offerNetwork(s *Shell, parts []string) []completion.Candidate {
	bridges, vlans := s.networks()
	switch {
	case len(parts) == 0:
		return append(helped(bridges, ",", "bridge"), helped(vlans, "", "VLAN")...)
	case len(parts) == 1 && slices.Contains(bridges, parts[0]):
		return helped(vlans, "", "VLAN")
	case slices.Contains(parts, "qinq"):
		return nil
	case slices.ContainsFunc(parts, s.isDriver):
		return helped([]string{"qinq"}, "", "VLANs in VLANs")
	}
	return append(helped(s.drivers(), "", "driver"), helped([]string{"qinq"}, "", "VLANs in VLANs")...)
}

// networks returns the bridges that there are here or in a configuration, and
// the VLANs that are in one.
func (s *Shell) networks() (bridges, vlans []string) {
	if s.cfg.Machine != nil {
		bridges = s.cfg.Machine.Bridges()
	}
	for _, spec := range slices.Concat(s.spaces.values("networks")...) {
		parts := strings.Split(spec, ",")
		if len(parts) > 1 && !strings.Contains(parts[1], ":") && !s.isDriver(parts[1]) && parts[1] != "qinq" {
			bridges, parts = append(bridges, parts[0]), parts[1:]
		}
		vlans = append(vlans, parts[0])
	}
	return once(bridges), once(vlans)
}

// drivers returns the cards that a network may be reached by.
func (s *Shell) drivers() []string {
	field, err := s.cfg.VM.Field("networks")
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(field.Options), func(o string) bool { return o == "qinq" })
}

func (s *Shell) isDriver(part string) bool { return slices.Contains(s.drivers(), part) }

// offerBond offers what may follow the parts of INDEX,INDEX,MODE[,OPTION...]: the
// indices of the networks that are configured, the modes, and the options.
func offerBond(s *Shell, parts []string) []completion.Candidate {
	field, err := s.cfg.VM.Field("bonds")
	if err != nil {
		return nil
	}
	options := slices.Index(field.Options, "lacp") // the modes stand before it
	switch {
	case len(parts) < 2:
		var all []completion.Candidate
		most := slices.MaxFunc(s.spaces.values("networks"), func(a, b []string) int { return len(a) - len(b) })
		for i, spec := range most {
			if index := strconv.Itoa(i); !slices.Contains(parts, index) {
				all = append(all, helped([]string{index}, ",", spec)...)
			}
		}
		return all
	case len(parts) == 2:
		return helped(field.Options[:options], "", "mode")
	}
	left := slices.DeleteFunc(slices.Clone(field.Options[options:]), func(o string) bool { return slices.Contains(parts, o) })
	return helped(left, "", "option")
}

// helped returns words with end behind each, all of that help.
func helped(words []string, end, help string) []completion.Candidate {
	all := make([]completion.Candidate, len(words))
	for i, word := range words {
		all[i] = completion.Candidate{Text: word + end, Help: help}
	}
	return all
}
