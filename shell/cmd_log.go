package shell

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"minimega/completion"
)

// logParts are what there is to change of the log.
func logParts() []string {
	return []string{"level", "stderr", "file", "ring", "filter", "mesh", "syslog"}
}

// logCommands are the commands on the program's log.
func logCommands() []Command {
	return []Command{
		{
			Patterns: []string{"log level [level:debug,info,warn,error,fatal]"},
			Help:     "show or set how much is logged",
			Long:     "Nothing is logged at fatal.",
			Example:  "log level debug",
			Run:      withLogs("level", (*Logs).setLevel),
		},
		{
			Patterns: []string{"log stderr [value:true,false]"},
			Help:     "show or set whether the log goes to the console",
			Example:  "log stderr false",
			Run:      withLogs("value", (*Logs).setStderr),
		},
		{
			Patterns: []string{"log file [file]"},
			Help:     "show or set the file that the log goes to",
			Example:  "log file /tmp/minimega.log",
			Hints:    map[string]completion.Kind{"file": completion.LocalFile},
			Run:      withLogs("file", (*Logs).setFile),
		},
		{
			Patterns: []string{"log ring [size]"},
			Help:     "show the last lines of the log, or set how many are kept",
			Long:     "None are kept until a size is set; 0 keeps none.",
			Example:  "log ring 1000\nlog ring",
			Run:      withLogs("size", (*Logs).setRing),
		},
		{
			Patterns: []string{"log filter [filter]"},
			Help:     "show or add texts: lines that contain one are not logged",
			Example:  "log filter discovery",
			Run:      withLogs("filter", (*Logs).setFilter),
		},
		{
			Patterns: []string{"log mesh [node]"},
			Help:     "show or set the node that the log goes to as well",
			Long: "Each line has this node's name in front there. It is not sent on from there. While that node is away\n" +
				"the last 1,000 lines wait; without a name it says so.",
			Example: "log mesh kn1\nlog mesh",
			Offers:  map[string]Offer{"node": offerNodes},
			Run:     logMesh,
		},
		{
			Patterns: []string{"log syslog", "log syslog <local,>", "log syslog <remote,> <network:tcp,udp> <address>"},
			Help:     "show or set the syslog server that the log goes to as well",
			Long:     "The address is HOST or HOST:PORT, of which PORT is 514 where it is left out.",
			Example:  "log syslog local\nlog syslog remote udp 10.0.0.1",
			Hints:    map[string]completion.Kind{"address": completion.Host},
			About:    map[string]string{"local": "this host's own", "remote": "another host's"},
			Run:      logSyslog,
		},
		{
			Patterns: []string{"clear log [part:level,stderr,file,ring,filter,mesh,syslog]"},
			Help:     "put the log, or a part of its settings, back to what the program began with",
			Example:  "clear log level\nclear log",
			Run:      clearLog,
		},
	}
}

// withLogs returns what runs change with the argument of that key. What it
// returns is printed.
func withLogs(key string, change func(l *Logs, value string, given bool) (string, error)) func(context.Context, *Call) error {
	return func(_ context.Context, c *Call) error {
		if c.shell.cfg.Logs == nil {
			return errNoLogs
		}
		value, given := c.Values[key]
		text, err := change(c.shell.cfg.Logs, value, given)
		if text != "" {
			c.Text(text)
		}
		return err
	}
}

func (l *Logs) setLevel(level string, given bool) (string, error) {
	if !given {
		return l.LevelText(), nil
	}
	return "", l.SetLevel(level)
}

func (l *Logs) setStderr(value string, given bool) (string, error) {
	if !given {
		return strconv.FormatBool(l.Stderr()), nil
	}
	l.SetStderr(value == "true")
	return "", nil
}

func (l *Logs) setFile(path string, given bool) (string, error) {
	if !given {
		return l.File(), nil
	}
	if err := notPipe(path); err != nil {
		return "", fmt.Errorf("log file: %w", err)
	}
	return "", l.SetFile(path)
}

func (l *Logs) setRing(size string, given bool) (string, error) {
	if !given {
		lines, err := l.Ring()
		return strings.Join(lines, "\n"), err
	}
	n, err := strconv.ParseUint(size, 10, 31)
	if err != nil || n > maxRing {
		return "", fmt.Errorf("log ring: must be 0 to %d lines, but is %q", maxRing, size)
	}
	l.SetRing(int(n))
	return "", nil
}

func (l *Logs) setFilter(text string, given bool) (string, error) {
	if !given {
		return strings.Join(l.Filters(), "\n"), nil
	}
	if text == "" { // which every line contains
		return "", errors.New("log filter: must be a text, but is empty: log level fatal logs nothing")
	}
	l.Filter(text)
	return "", nil
}

func clearLog(_ context.Context, c *Call) error {
	logs := c.shell.cfg.Logs
	if logs == nil {
		return errNoLogs
	}
	if part, given := c.Values["part"]; given {
		return logs.Reset(part)
	}
	for _, part := range logParts() {
		if err := logs.Reset(part); err != nil {
			return err
		}
	}
	return nil
}
