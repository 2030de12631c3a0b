package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"minimega/completion"
	"minimega/shell/grammar"
)

// basicCommands are help and what is about the program itself.
func (s *Shell) basicCommands() []Command {
	return []Command{
		{
			Patterns: []string{"help [command]..."},
			Help:     "list the commands, or tell more about one",
			Example:  "help\nhelp file get",
			Hints:    map[string]completion.Kind{"command": completion.Command},
			Raw:      true, Run: help,
		},
		{
			Patterns: []string{"version"},
			Help:     "show which version of the program this is, on all hosts of the namespace",
			Example:  "version",
			Run: onAllHosts(func(_ context.Context, c *Call) error {
				c.Text(s.cfg.Version)
				return nil
			}),
		},
		{
			Patterns: []string{"args"},
			Help:     "show the flags that the program was started with",
			Example:  "args",
			Columns:  flagNames(s.cfg.Args),
			Run:      args,
		},
		{
			Patterns: []string{"quit [delay]"},
			Help:     "end the program, now or after some seconds",
			Example:  "quit\nquit 5",
			Run:      quit,
		},
	}
}

func args(_ context.Context, c *Call) error {
	var row []string
	for _, pair := range sortedFlags(c.shell.cfg.Args) {
		row = append(row, pair[1])
	}
	c.Table(c.columns(), [][]string{row})
	return nil
}

func flagNames(all [][2]string) []string {
	var names []string
	for _, pair := range sortedFlags(all) {
		names = append(names, pair[0])
	}
	return names
}

func sortedFlags(all [][2]string) [][2]string {
	return slices.SortedFunc(slices.Values(all), func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
}

// remoteQuitAfter lets the answer to another node's quit leave before this
// node does.
const remoteQuitAfter = time.Second

func quit(_ context.Context, c *Call) error {
	text, delayed := c.Values["delay"]
	if !delayed && !c.Client.remote {
		c.Client.quit = true
		c.shell.cfg.Stop()
		return nil
	}
	var delay time.Duration
	if delayed {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return fmt.Errorf("quit: must be a whole number of seconds, but is %q", text)
		}
		delay = time.Duration(seconds) * time.Second
	}
	if c.Client.remote {
		delay = max(delay, remoteQuitAfter)
	}
	time.AfterFunc(delay, c.shell.cfg.Stop)
	c.Text(fmt.Sprintf("quitting after %d seconds", int(delay.Seconds())))
	return nil
}

// help lists all commands, or those that begin with some words, or tells all
// about one.
func help(_ context.Context, c *Call) error {
	words := c.Lists["command"]
	if len(words) == 0 {
		c.Bare("Display help on a command. Here is a list of commands:\n" + c.shell.listing(c.shell.all()))
		return nil
	}
	found := c.shell.grammar.Find(words)
	switch len(found) {
	case 0:
		return noHelp(c.shell.grammar, strings.Join(words, " "))
	case 1:
		c.Bare(c.shell.entry(found[0]))
	default:
		c.Bare(c.shell.listing(found))
	}
	return nil
}

// noHelp returns the error of words that begin no command, with what may have
// been meant.
func noHelp(g *grammar.Grammar, words string) error {
	var unknown *grammar.MatchError
	if _, err := g.Parse(words); errors.As(err, &unknown) {
		return fmt.Errorf("no help entry for `%s`: %s", words, unknown.Why)
	}
	return fmt.Errorf("no help entry for `%s`: type help for the list of commands", words)
}
