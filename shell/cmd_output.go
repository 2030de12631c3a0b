package shell

import (
	"context"
	"strconv"
	"strings"

	"minimega/shell/output"
)

// outputCommands are the commands on how answers are printed: for all that
// follows, or for one command.
func outputCommands() []Command {
	return []Command{
		toggle(".csv", "tables as comma-separated values", func(s *Settings, on bool) { s.CSV, s.JSON = on, s.JSON && !on }, func(s *Settings) bool { return s.CSV }),
		toggle(".json", "everything as JSON", func(s *Settings, on bool) { s.JSON, s.CSV = on, s.CSV && !on }, func(s *Settings) bool { return s.JSON }),
		toggle(".headers", "a header row in tables", func(s *Settings, on bool) { s.Headers = on }, func(s *Settings) bool { return s.Headers }),
		toggle(".annotate", "the host in front of what it answers", func(s *Settings, on bool) { s.Annotate = on }, func(s *Settings) bool { return s.Annotate }),
		toggle(".sort", "rows of tables in order", func(s *Settings, on bool) { s.Sort = on }, func(s *Settings) bool { return s.Sort }),
		toggle(".compress", "equal answers of several hosts once", func(s *Settings, on bool) { s.Compress = on }, func(s *Settings) bool { return s.Compress }),
		toggle(".record", "commands in the history, and in the file that prompts keep", func(s *Settings, on bool) { s.Record = on }, func(s *Settings) bool { return s.Record }),
		toggle(".preprocess", "$NAME, file:, tar: and URLs expanded in arguments", func(s *Settings, on bool) { s.Preprocess = on }, func(s *Settings) bool { return s.Preprocess }),
		{
			Patterns: []string{".columns", ".columns <columns> (command)"},
			Help:     "print only some columns of a command's table",
			Long:     "It holds for that command only. By itself it shows the columns that hold where it stands.",
			Example:  ".columns name,size file list\n.columns",
			Offers:   map[string]Offer{"columns": offerColumns},
			Raw:      true, Run: columns,
		},
		{
			Patterns: []string{".filter", ".filter <filter> (command)"},
			Help:     "print only some rows of a command's table",
			Long: "The filter is column=value, column!=value, column~part or column!~part. Case does not matter.\n" +
				"It holds for that command only. By itself it shows the filters that hold where it stands.",
			Example: ".filter name~qcow2 file list",
			Offers:  map[string]Offer{"filter": offerFilters},
			Raw:     true, Run: filter,
		},
	}
}

// toggle returns the command on one setting that is on or off.
func toggle(name, help string, set func(*Settings, bool), get func(*Settings) bool) Command {
	return Command{
		Patterns: []string{name + " [value:true,false]", name + " <value:true,false> (command)"},
		Help:     "show or set: " + help,
		Long:     "With a command behind it, it holds for that command only.",
		Example:  name + " true\n" + name + " false file list",
		Run: func(ctx context.Context, c *Call) error {
			text, given := c.Values["value"]
			on := text == "true"
			switch {
			case !given:
				c.Text(strconv.FormatBool(get(&c.set)))
			case c.Match.Nested == nil:
				set(&c.Client.set, on)
			default:
				inner := c.set
				set(&inner, on)
				c.run.record = c.run.record && inner.Record
				c.nested(ctx, inner)
			}
			return nil
		},
	}
}

func columns(ctx context.Context, c *Call) error {
	if c.Match.Nested == nil {
		c.Text(strings.Join(c.set.Columns, ","))
		return nil
	}
	inner := c.set
	inner.Columns = nil
	for name := range strings.SplitSeq(c.Values["columns"], ",") {
		inner.Columns = append(inner.Columns, strings.TrimSpace(name))
	}
	c.nested(ctx, inner)
	return nil
}

func filter(ctx context.Context, c *Call) error {
	if c.Match.Nested == nil {
		var all []string
		for _, f := range c.set.Filters {
			all = append(all, f.String())
		}
		c.Text(strings.Join(all, "\n"))
		return nil
	}
	f, err := output.ParseFilter(c.Values["filter"])
	if err != nil {
		return err
	}
	inner := c.set
	inner.Filters = append(inner.Filters[:len(inner.Filters):len(inner.Filters)], f)
	c.nested(ctx, inner)
	return nil
}
