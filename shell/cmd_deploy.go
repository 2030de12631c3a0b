package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"minimega/completion"
	"minimega/mesh"
)

// deployCommands are the commands that start this program on other hosts.
func deployCommands() []Command {
	return []Command{
		{
			Patterns: []string{"deploy <launch,> <hosts> [user]", "deploy <launch,> <hosts> <user> <sudo,>"},
			Help:     "copy this program to other hosts and start it there",
			Long: "It is copied with the mesh's key, by ssh and scp, which must not need to ask for anything, into a\n" +
				"new directory minimega_deploy_TIME in the temporary one. sudo must not ask for a password.",
			Example:   "deploy launch kn[1-40]\ndeploy launch kn[1-40] admin sudo",
			Hints:     map[string]completion.Kind{"hosts": completion.Host},
			Offers:    map[string]Offer{"user": offerUsers},
			About:     map[string]string{"launch": "copy and start the program", "sudo": "start it as root"},
			LocalOnly: true, Run: deployLaunch,
		},
		{
			Patterns: []string{"deploy <flags,> [flags]..."},
			Help:     "show or set the flags that the program is started with on other hosts",
			Long:     "They begin as this program's own, without -name, with this node as -headnode.",
			Example:  "deploy flags -degree=3 -nostdin=true\ndeploy flags",
			Offers:   map[string]Offer{"flags": offerFlags},
			About:    map[string]string{"flags": "the flags there"},
			Run:      deployFlags,
		},
		{
			Patterns: []string{"deploy <stdout,> [path]", "deploy <stderr,> [path]"},
			Help:     "show or set where the program's output goes on other hosts",
			Example:  "deploy stdout /tmp/minimega.out\ndeploy stderr /tmp/minimega.err",
			Hints:    map[string]completion.Kind{"path": completion.LocalFile}, // mostly there as here
			About:    map[string]string{"stdout": "where its answers go", "stderr": "where its errors go"},
			Run:      deployOutput,
		},
		{
			Patterns: []string{"clear deploy flags"},
			Help:     "have the program be started with the flags that it began with",
			Example:  "clear deploy flags",
			Run: func(_ context.Context, c *Call) error {
				c.shell.deploy.set(nil)
				return nil
			},
		},
	}
}

func deployFlags(_ context.Context, c *Call) error {
	flags := c.Lists["flags"]
	if len(flags) == 0 {
		c.Text(strings.Join(c.shell.deploy.flagsOf(), " "))
		return nil
	}
	switch o, err := Parse(flags); {
	case err != nil:
		return fmt.Errorf("deploy flags: %w", err)
	case o.Execute != nil || o.Attach || o.Version || o.CLI || o.Complete != "":
		return errors.New("deploy flags: must start a node that stays, but are for something else: leave -e, -attach and the like out")
	case !o.NoStdin: // it would read the end of its commands at once
		flags = append(slices.Clone(flags), "-nostdin=true")
	}
	c.shell.deploy.set(flags)
	return nil
}

func deployOutput(_ context.Context, c *Call) error {
	d, stderr := &c.shell.deploy, c.Has("stderr")
	if path, given := c.Values["path"]; given {
		d.setOutput(stderr, path)
		return nil
	}
	c.Text(d.output(stderr))
	return nil
}

func deployLaunch(ctx context.Context, c *Call) error {
	hosts, err := mesh.ExpandRange(c.Values["hosts"])
	if err != nil {
		return err
	}
	user := c.Values["user"]
	for _, word := range append(hosts, user) {
		if strings.HasPrefix(word, "-") || strings.ContainsAny(word, " :/@") {
			return fmt.Errorf("deploy launch: must be names of hosts and a user, but is %q", word)
		}
	}
	return c.shell.deploy.launch(user, c.Has("sudo")).on(ctx, hosts)
}
