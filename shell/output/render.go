package output

import (
	"fmt"
	"slices"
	"strings"
)

// Render returns r as set has it, without a new line at its end. Errors in r
// are left out, except from JSON. Filters and columns are Select's.
func Render(r Responses, set Settings) string {
	if set.JSON {
		if len(r) == 0 {
			return ""
		}
		return r.JSON()
	}
	tables, texts := split(r)
	switch {
	case len(tables) > 0 && len(texts) > 0:
		return "responses mix simple and tabular data"
	case len(tables) > 0:
		return renderTables(tables, set)
	}
	return renderTexts(texts, set)
}

// split sorts out the tables and the texts that are not empty.
func split(r Responses) (tables, texts Responses) {
	for _, one := range r {
		switch {
		case one.Header != nil:
			tables = append(tables, one)
		case one.Response != "":
			texts = append(texts, one)
		}
	}
	return tables, texts
}

// renderTables returns all tables as one.
func renderTables(r Responses, set Settings) string {
	t := table{header: slices.Clone(r[0].Header), hosts: set.Annotate}
	for _, one := range r {
		if !slices.Equal(one.Header, r[0].Header) {
			return "header mismatch, hosts: " + EscapeLine(r[0].Host+", "+one.Host)
		}
		for i, row := range one.Tabular {
			if len(row) != len(one.Header) {
				return fmt.Sprintf("tabular width mismatch, host: %s, row: %d", EscapeLine(one.Host), i)
			}
			if set.Annotate {
				row = slices.Concat([]string{one.Host}, row)
			}
			t.rows = append(t.rows, row)
		}
	}
	if set.Annotate {
		t.header = slices.Insert(t.header, 0, "host")
	}
	if set.Sort {
		t.sort()
	}
	if !set.Headers {
		t.header = nil
	}
	if set.CSV {
		return t.csv()
	}
	return t.text()
}

// renderTexts returns the texts, each after its hosts, in the order of those
// where equal texts are put together or order is wanted.
func renderTexts(r Responses, set Settings) string {
	groups := group(r, set)
	if set.Compress || set.Sort {
		slices.SortStableFunc(groups, func(a, b textGroup) int { return strings.Compare(a.label, b.label) })
	}
	lines := make([]string, len(groups))
	for i, g := range groups {
		lines[i] = strings.TrimRight(Escape(g.text), "\n")
		if set.Annotate && !g.bare {
			lines[i] = EscapeLine(g.label) + ": " + lines[i]
		}
	}
	return strings.Join(lines, "\n")
}

// textGroup is a text and the hosts that answered it.
type textGroup struct {
	text  string
	hosts []string
	label string // the short form of hosts
	bare  bool
}

// group puts equal texts together where that is wanted.
func group(r Responses, set Settings) []textGroup {
	var groups []textGroup
	for _, one := range r {
		i := -1
		if set.Compress {
			i = slices.IndexFunc(groups, func(g textGroup) bool { return g.text == one.Response })
		}
		if i >= 0 {
			groups[i].hosts = append(groups[i].hosts, one.Host)
			continue
		}
		groups = append(groups, textGroup{text: one.Response, hosts: []string{one.Host}, bare: one.Bare && len(r) == 1})
	}
	for i := range groups {
		groups[i].label = condense(groups[i].hosts, set)
	}
	return groups
}

// condense returns the short form of hosts.
func condense(hosts []string, set Settings) string {
	if set.Condense == nil || len(hosts) == 1 {
		return strings.Join(hosts, ",")
	}
	return set.Condense(hosts)
}
