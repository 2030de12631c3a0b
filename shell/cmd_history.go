package shell

import (
	"context"
	"errors"
	"os"
	"strings"

	"minimega/completion"
)

// historyCommands are the commands on what has been typed.
func historyCommands() []Command {
	return []Command{
		{
			Patterns: []string{"history"},
			Help:     "show what has been typed",
			Example:  "history",
			Run: func(_ context.Context, c *Call) error {
				c.Bare(strings.Join(c.Client.history, "\n"))
				return nil
			},
		},
		{
			Patterns: []string{"clear history"},
			Help:     "forget what has been typed",
			Long:     "At a prompt the arrow keys, Ctrl-R and the file that keeps the lines of all your prompts forget it too.",
			Example:  "clear history",
			Run: func(_ context.Context, c *Call) error {
				c.Client.forget()
				return nil
			},
		},
		{
			Patterns: []string{"write <file>"},
			Help:     "write what has been typed to a file, for read",
			Example:  "write /tmp/session.mm",
			Hints:    map[string]completion.Kind{"file": completion.LocalFile},
			Run: func(_ context.Context, c *Call) error {
				path, err := c.localPath("file")
				if err != nil {
					return err
				}
				text := strings.Join(c.Client.history, "\n") + "\n"
				return os.WriteFile(path, []byte(text), 0o600)
			},
		},
		{
			Patterns: []string{"clear all"},
			Help:     "forget the history, the flags of deploy, pipes and pipelines, and all namespaces with their vm configurations",
			Long:     "Of pipes it forgets what this node has of them; clear pipe forgets them on all nodes.",
			Example:  "clear all",
			Run: func(ctx context.Context, c *Call) error {
				c.Client.forget()
				c.shell.deploy.set(nil)
				if err := c.shell.plumber.UnplumbAll(ctx); err != nil {
					return err
				}
				c.shell.plumber.ForgetAll()
				c.Client.set.Namespace = defaultNamespace
				for _, name := range c.shell.spaces.names() {
					if err := c.shell.spaces.remove(name, c.shell.host()); err != nil && !errors.Is(err, errUnknownNamespace) {
						return err
					}
				}
				return nil
			},
		},
	}
}
