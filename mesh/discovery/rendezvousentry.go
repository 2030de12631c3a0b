package discovery

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"minimega/mesh/wire"
)

// A rendezvous file is one JSON object, named after the node's id.
const (
	fileSuffix   = ".json"
	tempSuffix   = ".new"
	maxNodeFile  = 4 << 10 // bytes
	nodeFileName = 2 * len(wire.NodeID{})
)

// A place tells where a process is, as far as others on the host can or cannot
// reach or see it.
type place struct {
	Boot  string `json:"boot"`  // the kernel's boot id: homes may be on a network
	NetNS uint64 `json:"netns"` // network namespace: loopback is its own in each
	PidNS uint64 `json:"pidns"` // where a pid of its means something
}

// here returns the place of this process.
func here() (place, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return place{}, err
	}
	netns, err := inode("/proc/self/ns/net")
	if err != nil {
		return place{}, err
	}
	pidns, err := inode("/proc/self/ns/pid")
	if err != nil {
		return place{}, err
	}
	return place{strings.TrimSpace(string(boot)), netns, pidns}, nil
}

func inode(path string) (uint64, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return st.Ino, nil
}

// nodeFile is the contents of a rendezvous file.
type nodeFile struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Tag  string `json:"tag"`
	Port uint16 `json:"port"`
	Pid  int    `json:"pid"`
	place
}

// parseNodeFile returns the contents of the rendezvous file of that name. Every
// error wraps errBadEntry.
func parseNodeFile(name string, b []byte) (nodeFile, error) {
	var n nodeFile
	if err := json.Unmarshal(b, &n); err != nil {
		return nodeFile{}, fmt.Errorf("%w: %w", errBadEntry, err)
	}
	if _, err := parseID(n.ID); err != nil {
		return nodeFile{}, fmt.Errorf("%w: %w", errBadEntry, err)
	}
	if _, err := wire.ParseNodeName(n.Name); err != nil {
		return nodeFile{}, fmt.Errorf("%w: %w", errBadEntry, err)
	}
	if name != n.ID+fileSuffix || n.Port == 0 || n.Pid <= 0 {
		return nodeFile{}, fmt.Errorf("%w: must hold the id of its name, a port and a pid", errBadEntry)
	}
	return n, nil
}

// isNodeFile reports whether name can be that of a rendezvous file or of one
// being written.
func isNodeFile(name string) bool {
	stem, ok := strings.CutSuffix(strings.TrimSuffix(name, tempSuffix), fileSuffix)
	return ok && len(stem) == nodeFileName && strings.Trim(stem, "0123456789abcdef") == ""
}

// hint returns n as a hint; n has been parsed.
func (n *nodeFile) hint() Hint {
	id, err := parseID(n.ID)
	if err != nil {
		return Hint{}
	}
	return Hint{ID: id, Name: wire.NodeName(n.Name), Source: "host", Addrs: []netip.AddrPort{
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), n.Port),
		netip.AddrPortFrom(netip.IPv6Loopback(), n.Port),
	}}
}

// gone reports whether n's process is known to have ended, seen from here.
func (n *nodeFile) gone(from place) bool {
	if n.Boot != from.Boot || n.PidNS != from.PidNS {
		return false
	}
	return syscall.Kill(n.Pid, 0) == syscall.ESRCH
}
