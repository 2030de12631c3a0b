package shell

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTypesThatQEMUDoesNotKnowAreRefused(t *testing.T) {
	n := newNode(t, "foo")
	c := NewClient(nil, nil)
	bin := t.TempDir()
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	kvm := filepath.Join(bin, "kvm")
	for _, tt := range []struct{ script, line, want string }{
		{"", "vm config cpu anything", ""},
		{"#!/bin/sh\necho \"Available CPUs:\n  max   (all features)\n  x86 EPYC\" \"$@\"", "vm config cpu EPYC,+vmx", ""},
		{"", "vm config cpu host", ""},
		{"", "vm config cpu 486", "Error (foo): vm config cpu: must be one that kvm knows, but is \"486\": shell kvm -cpu help lists them\n"},
		{"", "vm config cpu", "host\n"},
		{"", "vm config machine pc", "Error (foo): vm config machine: must be one that kvm knows, but is \"pc\": shell kvm -machine help lists them\n"},
		{"#!/bin/sh\nexit 1", "vm config machine pc", ""},
	} {
		if tt.script != "" {
			if err := os.WriteFile(kvm, []byte(tt.script), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, n.run(t, c, tt.line), tt.want)
	}
}

func TestATypeThatNobodyCanCheckIsTakenWithAWarning(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	n := newNode(t, "foo")
	var warned []string
	c := NewClient(nil, func(text string) { warned = append(warned, text) })
	expect(t, n.run(t, c, "vm config cpu host", "vm config machine q35", "vm config machine"), "q35\n")
	want := "vm config machine: \"q35\" is not checked: exec: \"kvm\": executable file not found in $PATH"
	if len(warned) != 1 || warned[0] != want {
		t.Errorf("%q", warned)
	}
}

// As QEMU 7.2 and later ones print them.
const (
	cpuHelp = "Available CPUs:\nx86 486                   (alias configured by machine type)\nx86 EPYC-v1               AMD EPYC Processor\n\nRecognized CPUID flags:\n  3dnow 3dnowext\n"
	armHelp = "Available CPUs:\n  cortex-a15\n  host\n"
	pcHelp  = "Supported machines are:\nmicrovm              microvm (i386)\nq35                  Standard PC (Q35 + ICH9, 2009) (alias of pc-q35-7.2)\n"
)

func TestTabKnowsTheTypesThatQEMUHas(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	kvm := filepath.Join(bin, "kvm")
	if err := os.WriteFile(kvm, []byte("#!/bin/sh\ncase $1 in -cpu) cat <<'E'\n"+cpuHelp+"E\n;; -machine) cat <<'E'\n"+pcHelp+"E\n;; esac"), 0o700); err != nil {
		t.Fatal(err)
	}
	n := completing(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.RunQEMU(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	expect(t, offered(n, "vm config cpu "), "host")
	for line, want := range map[string]string{"vm config cpu ": "486 EPYC-v1 host", "vm config machine ": "microvm q35", "vm config machine q": "q35"} {
		for end := time.Now().Add(20 * time.Second); offered(n, line) != want && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		expect(t, offered(n, line), want)
	}
	expect(t, n.Complete("vm config machine q", 19).Candidates[0].Help, "Standard PC (Q35 + ICH9, 2009) (alias of pc-q35-7.2)")
}

func TestTypesAreReadAsEachQEMUListsThem(t *testing.T) {
	for text, want := range map[string]string{
		cpuHelp: "486 EPYC-v1", armHelp: "cortex-a15 host", pcHelp: "microvm q35", "": "", "no list": "",
		"Available CPUs:\nPowerPC 601_v0           PVR 00010001\n": "601_v0",
	} {
		var names []string
		for _, c := range typesIn(text) {
			names = append(names, c.Text)
		}
		expect(t, strings.Join(names, " "), want)
	}
}
