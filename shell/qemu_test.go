package shell

import (
	"os"
	"path/filepath"
	"testing"
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
