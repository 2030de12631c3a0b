package vmconfig

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// lastVLAN is the largest VLAN that there is (IEEE 802.1Q).
const lastVLAN = 4094

// networkDrivers are QEMU's usual network cards.
func networkDrivers() []string {
	return []string{"e1000", "e1000e", "i82551", "i82557b", "i82559er", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio-net-pci", "vmxnet3"}
}

// checkNetwork accepts [BRIDGE,]VLAN[,MAC][,DRIVER][,qinq], of which none is
// empty. What holds a colon is an address; a VLAN that is a number is in range,
// where it is plain which part it is.
func checkNetwork(spec string) error {
	parts := strings.Split(spec, ",")
	if len(parts) > 5 || slices.Contains(parts, "") {
		return badValue("malformed netspec: must be [BRIDGE,]VLAN[,MAC][,DRIVER][,qinq], but is %q", spec)
	}
	for i, part := range parts {
		mac, err := net.ParseMAC(part) // 00-11-22-33-44-55 too, which QEMU does not take
		if err != nil && !strings.Contains(part, ":") {
			continue
		}
		if err != nil || len(mac) != 6 || i == 0 || !strings.Contains(part, ":") {
			return badValue("malformed netspec: the address must be as 00:11:22:33:44:55, behind the VLAN, but is %q", part)
		}
		return checkVLAN(parts[i-1])
	}
	if len(parts) == 1 {
		return checkVLAN(spec)
	}
	return nil
}

// checkVLAN accepts a name, or a number in range.
func checkVLAN(text string) error {
	n, err := strconv.Atoi(text)
	if err == nil && (n < 0 || n > lastVLAN) {
		return badValue("malformed netspec: the VLAN must be 0 to %d or a name, but is %q", lastVLAN, text)
	}
	return nil
}

// bondModes are those of Open vSwitch.
func bondModes() []string { return []string{"active-backup", "balance-slb", "balance-tcp"} }

// checkBond accepts two indices, a mode and up to four options.
func checkBond(spec string) error {
	parts := strings.Split(spec, ",")
	bad := len(parts) < 3 || len(parts) > 7 || slices.Contains(parts, "")
	for _, index := range parts[:min(2, len(parts))] {
		if _, err := strconv.ParseUint(index, 10, 16); err != nil {
			bad = true
		}
	}
	switch {
	case bad:
		return badValue("malformed bondspec: must be INDEX,INDEX,MODE[,OPTION...], but is %q", spec)
	case parts[0] == parts[1]:
		return badValue("malformed bondspec: must be between two interfaces, but is %q", spec)
	case !slices.Contains(bondModes(), parts[2]):
		return badValue("malformed bondspec: the mode must be one of %s, but is %q", strings.Join(bondModes(), " "), parts[2])
	}
	return checkBondOptions(spec, parts[3:])
}

// bondOptions are words that may follow a bond's mode, before its name.
func bondOptions() []string { return []string{"lacp", "no-lacp-fallback", "qinq"} }

// checkBondOptions accepts each option once, and then a name.
func checkBondOptions(spec string, options []string) error {
	for i, option := range options {
		switch known := slices.Contains(bondOptions(), option); {
		case known && slices.Contains(options[:i], option):
			return badValue("malformed bondspec: must have each option once, but %s stands twice in %q", option, spec)
		case !known && i != len(options)-1:
			return badValue("malformed bondspec: behind the mode must be some of %s and at last a name, but is %q", strings.Join(bondOptions(), " "), spec)
		}
	}
	return nil
}
