package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"minimega/completion"
)

// backgroundCommands are the commands on programs that run beside the others.
func backgroundCommands() []Command {
	return []Command{
		{
			Patterns: []string{"background <command>..."},
			Help:     "start a program on this node and do not wait for it",
			Long: "Prints the id by which the other background commands know it. It ends with this program at the\n" +
				"latest. No shell is between: use `background bash -c \"…\"` for pipes and globs.",
			Example: "background tcpdump -w trace.pcap",
			Hints:   map[string]completion.Kind{"command": programs},
			Run:     background,
		},
		{
			Patterns: []string{"background-status [id]", "background <status,> [id]"},
			Help:     "show the programs that run in the background, and those that have ended",
			Example:  "background-status\nbackground status 1",
			Offers:   map[string]Offer{"id": offerProcesses},
			Columns:  []string{"ID", "PID", "RUNNING", "ERROR", "TIME_START", "TIME_END", "COMMAND"},
			Run:      backgroundStatus,
		},
		{
			Patterns: []string{"background-output <id>", "background-error <id>"},
			Help:     "show what a program in the background has printed, or what to its error output",
			Long:     "It must have ended. The first 16 MiB of each are kept.",
			Example:  "background-output 1\nbackground-error 1",
			Offers:   map[string]Offer{"id": offerProcesses},
			Run:      backgroundOutput,
		},
		{
			Patterns: []string{"clear background-status"},
			Help:     "forget the programs in the background that have ended",
			Example:  "clear background-status",
			Run: func(_ context.Context, c *Call) error {
				c.Text(fmt.Sprintf("Cleared %d elements from background-status", c.shell.processes.clear()))
				return nil
			},
		},
	}
}

func background(_ context.Context, c *Call) error {
	id, err := c.shell.processes.begin(c.Lists["command"], c.Client.environ())
	if err != nil {
		return err
	}
	c.Text(fmt.Sprintf("Started background process with id %d", id))
	return nil
}

// processID returns the argument id.
func (c *Call) processID() (int, error) {
	id, err := strconv.ParseUint(c.Values["id"], 10, 31)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("background: must be an id, but is %q: background-status lists them", c.Values["id"])
	}
	return int(id), nil
}

func backgroundStatus(_ context.Context, c *Call) error {
	header := c.columns()
	if _, given := c.Values["id"]; !given {
		c.Table(header, c.shell.processes.rows(0))
		return nil
	}
	id, err := c.processID()
	if err != nil {
		return err
	}
	rows := c.shell.processes.rows(id)
	if len(rows) == 0 {
		return errNoProcess
	}
	c.Table(header, rows)
	return nil
}

func backgroundOutput(_ context.Context, c *Call) error {
	id, err := c.processID()
	if err != nil {
		return err
	}
	p, err := c.shell.processes.finished(id)
	if err != nil {
		return err
	}
	text := printed(&p.stdout)
	if strings.HasPrefix(c.Match.Pattern, "background-error") {
		text = printed(&p.stderr)
	}
	c.Text(text)
	return nil
}
