package shell

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"minimega/completion"
)

// sessionCommands are the commands on aliases and the environment.
func sessionCommands() []Command {
	return []Command{
		{
			Patterns: []string{".alias [alias:name=command]..."},
			Help:     "show aliases, or let a word stand for the beginning of a command",
			Example:  ".alias fl=file list",
			Columns:  []string{"alias", "expansion"},
			Hints:    map[string]completion.Kind{"alias": aliasBody},
			Raw:      true, Run: alias,
		},
		{
			Patterns: []string{".unalias <alias>"},
			Help:     "forget an alias",
			Example:  ".unalias fl",
			Hints:    map[string]completion.Kind{"alias": aliasNames},
			Raw:      true,
			Run: func(_ context.Context, c *Call) error {
				c.Client.setAlias(c.Values["alias"], "")
				return nil
			},
		},
		{
			Patterns: []string{".env [name]", ".env <name> <value>"},
			Help:     "show or set what $NAME stands for; an empty value unsets it",
			Example:  ".env IMAGE foo.qcow2\n.env IMAGE\n.env IMAGE \"\"",
			Hints:    map[string]completion.Kind{"name": completion.Variable, "value": localFiles},
			Columns:  []string{"key", "value"},
			Run:      env,
		},
		{
			Patterns: []string{"status updates [frequency]"},
			Help:     "show or set how often commands that wait tell of their progress",
			Long:     "As in 3s or 1m; 0 is never. At a prompt a bar tells it all the time.",
			Example:  "status updates 10s",
			Words:    map[string][]completion.Candidate{"frequency": {{Text: "1s"}, {Text: "10s"}, {Text: "1m"}, {Text: "0", Help: "never"}}},
			Run:      statusUpdates,
		},
	}
}

func alias(_ context.Context, c *Call) error {
	words := c.Lists["alias"]
	if len(words) == 0 {
		var rows [][]string
		known := c.Client.aliases()
		for _, name := range slices.Sorted(maps.Keys(known)) {
			rows = append(rows, []string{name, known[name]})
		}
		c.Table(c.columns(), rows)
		return nil
	}
	name, first, ok := strings.Cut(words[0], "=")
	if !ok || name == "" {
		return errors.New("expected alias of format `alias=expansion`: as in .alias fl=file list")
	}
	if strings.ContainsFunc(name, unicode.IsSpace) {
		return fmt.Errorf("alias: must be one word in front of the `=`, but is %q", name)
	}
	expansion := first
	if len(words) > 1 {
		expansion += " " + lexed(words[1:])
	}
	c.Client.setAlias(name, expansion)
	return nil
}

func statusUpdates(_ context.Context, c *Call) error {
	text, given := c.Values["frequency"]
	switch each := c.Client.set.Updates; {
	case !given && each == 0:
		c.Text("status updates disabled")
		return nil
	case !given:
		c.Text("status update frequency: " + each.String())
		return nil
	}
	each, err := time.ParseDuration(text)
	if err != nil || each < 0 {
		return fmt.Errorf("invalid frequency duration provided: must be as in 3s, or 0 for never, but is %q", text)
	}
	c.Client.set.Updates = each
	return nil
}

func env(_ context.Context, c *Call) error {
	name, named := c.Values["name"]
	value, given := c.Values["value"]
	switch {
	case named && (name == "" || strings.ContainsAny(name, "=\x00")):
		return fmt.Errorf(".env: must be a name without =, but is %q", name)
	case given:
		c.Client.env.put(name, value)
	case named:
		c.Text(c.Client.env.get(name))
	default:
		var rows [][]string
		for _, pair := range c.Client.environ() {
			key, value, _ := strings.Cut(pair, "=")
			rows = append(rows, []string{key, value})
		}
		c.Table(c.columns(), rows)
	}
	return nil
}
