package vmconfig

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Get returns a field's value as `vm config FIELD` prints it: a list in
// brackets, a map as lines of `key -> value`. An empty text prints nothing.
func (c *Config) Get(field string) (string, error) {
	f, err := c.Field(field)
	if err != nil {
		return "", err
	}
	value := c.value(f)
	switch f.Kind {
	case Map, Paths:
		return arrows(value), nil
	case Pairs:
		return overrides(value), nil
	}
	text := strings.Join(value, " ")
	if f.Show == AlwaysList || f.Show == Bracketed && text != "" {
		return "[" + text + "]", nil
	}
	return text, nil
}

// GetKey returns the value of one key of a map, empty where it has none.
func (c *Config) GetKey(field, key string) (string, error) {
	f, err := c.Field(field)
	if err != nil {
		return "", err
	}
	pairs := c.value(f)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == key {
			return pairs[i+1], nil
		}
	}
	return "", nil
}

// Values returns a field's value, for a scalar one element (none when it is
// empty), for a map keys and values in turn. The slice is the caller's.
func (c *Config) Values(field string) ([]string, error) {
	f, err := c.Field(field)
	if err != nil {
		return nil, err
	}
	return c.value(f), nil
}

// value returns what f is set to, or its default.
func (c *Config) value(f Field) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, ok := c.values[f.Name]
	if !ok && f.Default != "" {
		value = []string{f.Default}
	}
	return slices.Clone(value)
}

// String returns the whole configuration, in sections.
func (c *Config) String() string {
	var out []string
	for s := range sections {
		out = append(out, c.section(s))
	}
	return strings.Join(out, "\n")
}

// section returns one section with its heading.
func (c *Config) section(s Section) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", s)
	w := tabwriter.NewWriter(&b, 5, 0, 1, ' ', 0)
	for _, f := range c.fields {
		if f.Section == s && f.Label != "" {
			fmt.Fprintf(w, "%s:\t%s\n", f.Label, c.listed(f))
		}
	}
	w.Flush() // writes to memory: cannot fail
	return b.String()
}

// listed returns f's value as the sections show it.
func (c *Config) listed(f Field) string {
	value := c.value(f)
	switch f.Kind {
	case Map, Paths:
		return object(value)
	case List, Specs, Disks:
		return "[" + strings.Join(value, " ") + "]"
	}
	return strings.Join(value, " ")
}

// object writes pairs as JSON, sorted by key.
func object(pairs []string) string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err.Error() // strings always marshal
	}
	return string(b)
}

// arrows writes pairs as lines, sorted by key.
func arrows(pairs []string) string {
	var lines []string
	for i := 0; i+1 < len(pairs); i += 2 {
		lines = append(lines, pairs[i]+" -> "+pairs[i+1])
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// overrides writes pairs as a table with their number.
func overrides(pairs []string) string {
	if len(pairs) == 0 {
		return ""
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 5, 0, 1, ' ', 0)
	fmt.Fprintln(w, "id\tmatch\treplacement")
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(w, "%d\t%q\t%q\n", i/2, pairs[i], pairs[i+1])
	}
	w.Flush() // writes to memory: cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}
