package shell

import (
	"maps"
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

// offerProcesses offers the ids of programs in the background.
func offerProcesses(s *Shell, _ []string) []completion.Candidate {
	var all []completion.Candidate
	for _, row := range s.processes.rows(0) {
		all = append(all, completion.Candidate{Text: row[0], Help: row[len(row)-1]})
	}
	return all
}

// offerColumns offers the columns that tables have.
func offerColumns(s *Shell, _ []string) []completion.Candidate {
	of := map[string][]string{} // column → commands
	for i := range s.commands {
		for _, name := range s.commands[i].Columns {
			of[name] = append(of[name], literals(s.commands[i].Patterns[0]))
		}
	}
	var all []completion.Candidate
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, completion.Candidate{Text: name, Help: strings.Join(of[name], ", ")})
	}
	return all
}

// offerFilters offers the beginnings of filters.
func offerFilters(s *Shell, words []string) []completion.Candidate {
	all := offerColumns(s, words)
	for i := range all {
		all[i].Text += "="
	}
	return all
}

// literals returns the words that a pattern begins with.
func literals(pattern string) string {
	words := strings.Fields(pattern)
	end := slices.IndexFunc(words, func(w string) bool { return strings.ContainsAny(w[:1], "<[(") })
	if end < 0 {
		end = len(words)
	}
	return strings.Join(words[:end], " ")
}
