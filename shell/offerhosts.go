package shell

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"minimega/completion"
)

// hosts returns the names of other nodes and of other hosts that this machine
// knows.
func (s *Shell) hosts() []string {
	names := s.nodes("")
	if s.cfg.Machine != nil {
		names = append(names, s.cfg.Machine.Hosts()...)
	}
	return once(slices.DeleteFunc(names, func(name string) bool { return name == s.host() }))
}

// offerDialled offers the nodes and hosts that this one has no link to.
func offerDialled(s *Shell, _ []string) []completion.Candidate {
	peers := s.peers()
	return candidates(slices.DeleteFunc(s.hosts(), func(name string) bool { return slices.Contains(peers, name) }))
}

// offerUsers offers the users that this machine has.
func offerUsers(s *Shell, _ []string) []completion.Candidate {
	if s.cfg.Machine == nil {
		return nil
	}
	return candidates(s.cfg.Machine.Users())
}

// offerFlags offers the flags that a node on another host can be started with,
// but those that stand already.
func offerFlags(_ *Shell, words []string) []completion.Candidate {
	var all []completion.Candidate
	flags := newFlags(new(Options), new(string), new(string), new(string), new(bool))
	flags.VisitAll(func(f *flag.Flag) {
		stands := func(word string) bool { return word == "-"+f.Name || strings.HasPrefix(word, "-"+f.Name+"=") }
		if !slices.Contains(notDeployed(), f.Name) && !slices.ContainsFunc(words, stands) {
			all = append(all, flagForms(f)...)
		}
	})
	return all
}

// notDeployed are the flags that start no node that stays.
func notDeployed() []string {
	return []string{"e", "attach", "pipe", "namespace", "cli", "completion", "version"}
}

// flagForms returns how a flag is written: up to its =, where it takes a value
// that is not one of a few.
func flagForms(f *flag.Flag) []completion.Candidate {
	value, help := flag.UnquoteUsage(f)
	if value == "" {
		return []completion.Candidate{{Text: "-" + f.Name, Help: help}}
	}
	var all []completion.Candidate
	for _, word := range append(strings.Fields(flagWords(f.Name)), "") {
		if word != "" || len(all) == 0 {
			all = append(all, completion.Candidate{Text: "-" + f.Name + "=" + word, Help: help})
		}
	}
	return all
}

// offerAVDs offers the Android virtual devices of this user.
func offerAVDs(s *Shell, _ []string) []completion.Candidate {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	dirs := append(slices.Concat(s.spaces.values("android-avd-dir")...), os.Getenv("ANDROID_AVD_HOME"), filepath.Join(home, ".android", "avd"))
	var names []string
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		for _, path := range paths(dir + "/") {
			if name, ok := strings.CutSuffix(filepath.Base(path), ".ini"); ok {
				names = append(names, name)
			}
		}
	}
	return candidates(once(names))
}
