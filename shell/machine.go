package shell

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what Tab offers of this machine beside its files. Its methods
// return at once, sorted and each name once.
type Machine interface {
	Hosts() []string   // that it has names for
	Users() []string   // that can log in, as they mostly can on its neighbours
	Bridges() []string // that a network can be joined to
}

// ThisMachine reads what the machine's own files and its kernel say. What
// cannot be read offers nothing.
type ThisMachine struct{}

// mostRead bounds what is read of one file, in bytes.
const mostRead = 1 << 20

// Hosts returns the names in /etc/hosts and those that ssh knows.
func (ThisMachine) Hosts() []string {
	names := hostsIn(linesOf("/etc/hosts"))
	names = append(names, knownIn(linesOf("/etc/ssh/ssh_known_hosts"))...)
	if home, err := os.UserHomeDir(); err == nil {
		names = append(names, configuredIn(linesOf(filepath.Join(home, ".ssh/config")))...)
		names = append(names, knownIn(linesOf(filepath.Join(home, ".ssh/known_hosts")))...)
	}
	return once(slices.DeleteFunc(names, func(name string) bool { return strings.ContainsAny(name, ":*?!|") || name == localhost }))
}

// Users returns root and those whom the machine was given people's numbers for.
func (ThisMachine) Users() []string { return usersIn(linesOf("/etc/passwd")) }

// Bridges returns the bridges of the kernel and of Open vSwitch.
func (ThisMachine) Bridges() []string {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var names []string
	for _, one := range interfaces {
		info, err := unix.IoctlGetEthtoolDrvinfo(fd, one.Name)
		if err != nil {
			continue // many have no driver
		}
		driver := unix.ByteSliceToString(info.Driver[:])
		if driver == "bridge" || driver == "openvswitch" && one.Name != "ovs-system" {
			names = append(names, one.Name)
		}
	}
	return once(names)
}

// linesOf returns the lines of a file, without what # begins, in words; no empty
// ones.
func linesOf(path string) [][]string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var all [][]string
	for scan := bufio.NewScanner(io.LimitReader(f, mostRead)); scan.Scan(); {
		text, _, _ := strings.Cut(scan.Text(), "#")
		if words := strings.Fields(text); len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

// hostsIn returns the names of other machines in lines as /etc/hosts has them.
func hostsIn(lines [][]string) []string {
	var names []string
	for _, words := range lines {
		addr, err := netip.ParseAddr(words[0])
		if err != nil || addr.IsLoopback() || addr.IsMulticast() {
			continue
		}
		for _, name := range words[1:] {
			if !strings.HasPrefix(name, "ip6-") {
				names = append(names, name)
			}
		}
	}
	return names
}

// configuredIn returns the hosts in lines as ssh_config(5) has them, patterns
// too.
func configuredIn(lines [][]string) []string {
	var names []string
	for _, words := range lines {
		if strings.EqualFold(words[0], "Host") {
			names = append(names, words[1:]...)
		}
	}
	return names
}

// knownIn returns the hosts in lines as known_hosts has them, see sshd(8).
// Those that were written as hashes are not known.
func knownIn(lines [][]string) []string {
	var names []string
	for _, words := range lines {
		if strings.HasPrefix(words[0], "@") && len(words) > 1 {
			words = words[1:]
		}
		for name := range strings.SplitSeq(words[0], ",") {
			if host, _, err := net.SplitHostPort(name); err == nil {
				name = host
			}
			names = append(names, name)
		}
	}
	return names
}

// usersIn returns the users in lines as passwd(5) has them that are people, or
// root.
func usersIn(lines [][]string) []string {
	var names []string
	for _, words := range lines {
		fields := strings.Split(strings.Join(words, " "), ":")
		if len(fields) < 7 {
			continue
		}
		id, err := strconv.Atoi(fields[2])
		logsIn := !strings.HasSuffix(fields[6], "/nologin") && !strings.HasSuffix(fields[6], "/false")
		if err == nil && logsIn && (id == 0 || id >= 1000) {
			names = append(names, fields[0])
		}
	}
	return once(names)
}

// once returns names sorted, each once, and without the empty one.
func once(names []string) []string {
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
