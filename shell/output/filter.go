package output

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Failures of what a user asks to see.
var (
	ErrFilter = errors.New("invalid filter, see help .filter")
	ErrColumn = errors.New("bad column")
)

// A Filter is a condition on one column. Case does not matter.
type Filter struct {
	Column string
	Value  string
	Part   bool // the value need only be contained
	Not    bool
}

// ParseFilter reads column=value, !=, ~ (contains) or !~. Its error is
// [ErrFilter].
func ParseFilter(text string) (Filter, error) {
	i := strings.IndexAny(text, "=~")
	if i < 0 {
		return Filter{}, ErrFilter
	}
	f := Filter{Column: text[:i], Value: text[i+1:], Part: text[i] == '~'}
	f.Column, f.Not = strings.CutSuffix(f.Column, "!")
	if f.Column = strings.TrimSpace(f.Column); f.Column == "" {
		return Filter{}, ErrFilter
	}
	return f, nil
}

// String returns f as [ParseFilter] reads it.
func (f Filter) String() string {
	operator := "="
	if f.Part {
		operator = "~"
	}
	if f.Not {
		operator = "!" + operator
	}
	return f.Column + operator + f.Value
}

// passes reports whether cell meets f. A list in a cell ([…], {…}) is searched.
func (f Filter) passes(cell string) bool {
	cell, value := strings.ToLower(cell), strings.ToLower(f.Value)
	list := strings.HasPrefix(cell, "[") || strings.HasPrefix(cell, "{")
	if f.Part || list {
		return strings.Contains(cell, value) != f.Not
	}
	return (cell == value) != f.Not
}

// Column returns the index in header that name means: a whole name, or the
// beginning of only one. Its errors wrap [ErrColumn].
func Column(header []string, name string) (int, error) {
	var found []int
	var names []string
	if name == "" {
		return 0, columnError{"no such column ``: must be one of " + strings.Join(header, ", ")}
	}
	for i, column := range header {
		if strings.EqualFold(column, name) {
			return i, nil
		}
		if len(name) <= len(column) && strings.EqualFold(column[:len(name)], name) {
			found, names = append(found, i), append(names, column)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return 0, columnError{fmt.Sprintf("ambiguous column `%s`: could be %s", name, strings.Join(names, " or "))}
	}
	return 0, columnError{fmt.Sprintf("no such column `%s`: must be one of %s", name, strings.Join(header, ", "))}
}

type columnError struct{ text string }

func (e columnError) Error() string { return e.text }
func (e columnError) Unwrap() error { return ErrColumn }

// Select returns r with only the rows that pass the filters of set and only
// its columns. Tables alone are touched; r itself is not changed.
func (r Responses) Select(set Settings) (Responses, error) {
	if len(set.Columns) == 0 && len(set.Filters) == 0 {
		return r, nil
	}
	all := slices.Clone(r)
	for i := range all {
		if all[i].Header == nil {
			continue
		}
		if err := all[i].filter(set.Filters); err != nil {
			return nil, err
		}
		if err := all[i].project(set.Columns); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// filter keeps the rows that pass all filters. The column "host" is the node's
// name where the table has none of its own.
func (r *Response) filter(filters []Filter) error {
	for _, f := range filters {
		i, err := Column(r.Header, f.Column)
		byHost := err != nil && strings.EqualFold(f.Column, "host")
		if err != nil && !byHost {
			return err
		}
		kept := [][]string{}
		for _, row := range r.Tabular {
			cell := r.Host
			if !byHost {
				cell = row[i]
			}
			if f.passes(cell) {
				kept = append(kept, row)
			}
		}
		r.Tabular = kept
	}
	return nil
}

// project keeps the columns, in their order. "host" among them is the host
// column that stands in front anyway.
func (r *Response) project(columns []string) error {
	if len(columns) == 0 {
		return nil
	}
	var take []int
	for _, name := range columns {
		i, err := Column(r.Header, name)
		if err != nil && strings.EqualFold(name, "host") {
			continue
		}
		if err != nil {
			return err
		}
		take = append(take, i)
	}
	pick := func(row []string) []string {
		cells := make([]string, len(take))
		for to, from := range take {
			cells[to] = row[from]
		}
		return cells
	}
	r.Header = pick(r.Header)
	rows := make([][]string, len(r.Tabular))
	for i, row := range r.Tabular {
		rows[i] = pick(row)
	}
	r.Tabular = rows
	return nil
}
