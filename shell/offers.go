package shell

import (
	"os"
	"slices"
	"strings"

	"minimega/completion"
)

// offerNodes offers the names of other nodes, one at a time.
func offerNodes(s *Shell, _ []string) []completion.Candidate {
	var all []completion.Candidate
	for _, m := range s.cfg.Mesh.Members() {
		all = append(all, completion.Candidate{Text: string(m.Name)})
	}
	return all
}

// offerPeers offers the nodes that this one has a link to.
func offerPeers(s *Shell, _ []string) []completion.Candidate { return candidates(s.peers()) }

// offerStrangers offers the nodes that this one has no link to.
func offerStrangers(s *Shell, words []string) []completion.Candidate {
	peers := s.peers()
	return slices.DeleteFunc(offerNodes(s, words), func(c completion.Candidate) bool { return slices.Contains(peers, c.Text) })
}

// peers returns the names of the nodes that this one has a link to.
func (s *Shell) peers() []string {
	var names []string
	for _, node := range s.cfg.Mesh.Links() {
		if string(node.Node) != s.host() {
			continue
		}
		for _, peer := range node.Peers {
			names = append(names, string(peer))
		}
	}
	return names
}

// offerSaved offers the configurations that were saved.
func offerSaved(s *Shell, _ []string) []completion.Candidate { return candidates(s.spaces.saved()) }

// offerKeys offers the keys that a field has: the field is the last word.
func offerKeys(s *Shell, words []string) []completion.Candidate {
	return candidates(s.spaces.keys(words[len(words)-1]))
}

// offerEnv offers the names of variables.
func offerEnv(*Shell, []string) []completion.Candidate {
	var names []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		names = append(names, name)
	}
	return candidates(names)
}
