package shell

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// thatMachine knows what it is made of.
type thatMachine struct{ hosts, users, bridges []string }

func (m thatMachine) Hosts() []string   { return slices.Clone(m.hosts) }
func (m thatMachine) Users() []string   { return slices.Clone(m.users) }
func (m thatMachine) Bridges() []string { return slices.Clone(m.bridges) }

func TestTabKnowsHostsUsersAndNetworksOfTheMachine(t *testing.T) {
	n := completing(t)
	n.cfg.Machine = thatMachine{hosts: []string{"foo", "host1", "host2", "kn1"}, users: []string{"root", "ubuntu"}, bridges: []string{"br0", "virbr0"}}
	cards := "e1000 e1000e i82551 i82557b i82559er igb ne2k_pci pcnet qinq rtl8139 virtio-net-pci vmxnet3"
	behind := func(head string) string { return head + strings.ReplaceAll(cards, " ", " "+head) }
	for _, step := range []struct{ line, want string }{
		{"deploy launch ", "host1 host2 kn1 kn2 stranger"},
		{"deploy launch host1,h", "host1,host1 host1,host2"},
		{"deploy launch host[", "host[1-2] host[1] host[2]"},
		{"deploy launch host1 ", "root ubuntu"},
		{"deploy launch host1 u", "ubuntu"},
		{"deploy flags -deg", "-degree="},
		{"deploy flags -level=de", "-level=debug"},
		{"deploy flags -open -o", ""},
		{"deploy flags -e", ""},
		{"log syslog remote udp host", "host1 host2"},
		{"mesh dial h", "host1 host2"},
		{"vm config networks ", "br0, virbr0,"},
		{"vm config networks v", "virbr0,"},
		{"vm config networks br0,", ""},
		{"vm config bonds ", ""},
	} {
		expect(t, offered(n, step.line), step.want)
	}
	n.run(t, NewClient(nil, nil), "vm config networks br0,LAN 100,e1000 br7,DMZ,00:11:22:33:44:55,e1000 INET,00:11:22:33:44:55")
	for _, step := range []struct{ line, want string }{
		{"vm config networks ", "100 DMZ INET LAN br0, br7, virbr0,"},
		{"vm config networks br7,", "br7,100 br7,DMZ br7,INET br7,LAN"},
		{"vm config networks LAN,", behind("LAN,")},
		{"vm config networks br0,LAN,v", "br0,LAN,virtio-net-pci br0,LAN,vmxnet3"},
		{"vm config networks br0,LAN,00:11:22:33:44:55,ig", "br0,LAN,00:11:22:33:44:55,igb"},
		{"vm config networks LAN,igb,", "LAN,igb,qinq"},
		{"vm config networks LAN,igb,qinq,", ""},
		{"vm config networks LAN 1", "100"},
		{"vm config bonds ", "0, 1, 2, 3,"},
		{"vm config bonds 0,", "0,1, 0,2, 0,3,"},
		{"vm config bonds 0,1,", "0,1,active-backup 0,1,balance-slb 0,1,balance-tcp"},
		{"vm config bonds 0,1,balance-tcp,", "0,1,balance-tcp,lacp 0,1,balance-tcp,no-lacp-fallback 0,1,balance-tcp,qinq"},
		{"vm config bonds 0,1,balance-tcp,lacp,q", "0,1,balance-tcp,lacp,qinq"},
	} {
		expect(t, offered(n, step.line), step.want)
	}
	expect(t, n.Complete("vm config networks v", 20).Insert, "virbr0,")
}

func TestTabKnowsWhatFollowsInAnAliasAndInAVariable(t *testing.T) {
	n := completing(t)
	for line, want := range map[string]string{
		".alias ":                   "",
		".alias fg=file ":           "delete get limit list status stream",
		".alias fg=file get th":     "there.qcow2",
		".alias d=vm config disk h": "here.img http:// https://",
		".env IMAGE h":              "here.img",
		"vm config coschedule ":     "-1",
	} {
		expect(t, offered(n, line), want)
	}
}

func TestTabKnowsVirtualDevices(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("ANDROID_AVD_HOME", "")
	write := func(path string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(home, ".android/avd/pixel.ini"))
	write(filepath.Join(home, ".android/avd/pixel.avd/config.ini"))
	write(filepath.Join(dir, "tablet.ini"))
	n := completing(t)
	expect(t, offered(n, "vm config android-avd "), "pixel")
	n.run(t, NewClient(nil, nil), "vm config android-avd-dir "+dir)
	expect(t, offered(n, "vm config android-avd "), "pixel tablet")
}

func TestHostsAreReadAsTheMachineHasThem(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"config":      "Host web1 web2 # two\n  User me\nhost *.example !not web?\nHostName other\n",
		"known_hosts": "|1|abc=|def= ssh-ed25519 AAAA\n[port.example]:2222,alias ssh-rsa AAAA\n@cert-authority ca.example ssh-rsa AAAA\n2001:db8::1 ssh-rsa AAAA\n\n",
	} {
		if err := os.WriteFile(filepath.Join(home, ".ssh", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := ThisMachine{}.Hosts()
	for _, name := range []string{"web1", "web2", "port.example", "alias", "ca.example"} {
		if !slices.Contains(got, name) {
			t.Errorf("%s is not among %q", name, got)
		}
	}
	for _, name := range []string{"other", "*.example", "!not", "web?", "localhost", "2001:db8::1", ""} {
		if slices.Contains(got, name) {
			t.Errorf("%s is among %q", name, got)
		}
	}
	words := func(text string) (all [][]string) {
		for line := range strings.SplitSeq(text, "\n") {
			all = append(all, strings.Fields(line))
		}
		return all
	}
	expect(t, strings.Join(hostsIn(words("127.0.0.1 localhost\n::1 ip6-localhost\nfe00::0 ip6-localnet\nff02::1 all\n10.0.0.1 kn1 kn1.lan\nbad line")), " "), "kn1 kn1.lan")
	expect(t, strings.Join(usersIn(words("root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/:/bin/sh\nme:x:1000:1000:Me Too:/home/me:/bin/sh\nno:x:65534:1:no:/:/usr/sbin/nologin\nshort")), " "), "me root")
}

func TestTabKnowsProgramsOfAPipelineOnceTheyAreBegun(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sorter"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	n := completing(t)
	expect(t, offered(n, "plumb "), "")
	expect(t, offered(n, "plumb so"), "sorter")
	expect(t, offered(n, "plumb a so"), "sorter")
	expect(t, offered(n, "pipe foo via "), "sorter")
}
