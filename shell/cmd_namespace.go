package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"minimega/completion"
	"minimega/mesh"
	"minimega/shell/output"
)

// namespaceCommands are the commands on namespaces and their hosts.
func namespaceCommands() []Command {
	named := map[string]completion.Kind{"name": namespaceNames}
	hosts := map[string]completion.Kind{"hosts": completion.Node}
	return []Command{
		{
			Patterns: []string{"namespace [name]", "namespace <name> (command)"},
			Help:     "show namespaces, work in one, or run a command in one",
			Long: "A namespace has a vm configuration and hosts of its own. It is made when it is first named; its\n" +
				"hosts are then all other nodes, or this one where it is alone. Which one you work in is yours:\n" +
				"other clients are not moved. `minimega` is the one that everybody begins in.",
			Example: "namespace test\nnamespace test vm config memory 512",
			Columns: []string{"namespace", "vlans", "active"},
			Hints:   named, Raw: true, Run: runNamespace,
		},
		{
			Patterns: []string{"clear namespace [name]"},
			Help:     "go back to the first namespace, or forget the one named",
			Long: "With a name the namespace, its vm configuration and what this node has of its pipes and pipelines are\n" +
				"gone; the first one becomes as it was.",
			Example: "clear namespace\nclear namespace test",
			Hints:   named, Run: clearNamespace,
		},
		{
			Patterns: []string{"ns <hosts,>"},
			Help:     "show the hosts of the namespace",
			Example:  "ns hosts",
			Run: func(_ context.Context, c *Call) error {
				names := c.namespace().Hosts()
				c.emit(output.Response{Response: mesh.CompressRange(names), Data: names})
				return nil
			},
		},
		{
			Patterns: []string{"ns <add-hosts,> <hosts:hostname or range or all>"},
			Help:     "add nodes to the hosts of the namespace",
			Long:     "`localhost` is this node.",
			Example:  "ns add-hosts kn[1-3]\nns add-hosts localhost",
			Hints:    hosts, Words: hostWords(), NeedsMesh: true, Run: addHosts,
		},
		{
			Patterns: []string{"ns <del-hosts,> <hosts:hostname or range or all>"},
			Help:     "take nodes from the hosts of the namespace",
			Example:  "ns del-hosts kn2",
			Hints:    hosts, Words: hostWords(), Run: delHosts,
		},
		{
			Patterns:  []string{"ns <run,> (command)"},
			Help:      "run a command on all hosts of the namespace",
			Example:   "ns run file get foo.qcow2",
			NeedsMesh: true, Run: nsRun,
		},
	}
}

func hostWords() map[string][]completion.Candidate {
	return map[string][]completion.Candidate{"hosts": {
		{Text: "all", Help: "every node"}, {Text: localhost, Help: "this node"},
	}}
}

// localhost names this node among hosts.
const localhost = "localhost"

func runNamespace(ctx context.Context, c *Call) error {
	name, given := c.Values["name"]
	if !given {
		c.Table(c.columns(), c.namespaceRows())
		return nil
	}
	if c.shell.spaces.find(name) == nil { // its hosts are those of the mesh
		if err := c.run.settle(ctx); err != nil {
			return err
		}
	}
	if _, err := c.shell.spaces.open(name, c.shell.newHosts); err != nil {
		return err
	}
	if c.Match.Nested == nil {
		c.Client.set.Namespace = name
		return nil
	}
	inner := c.set
	inner.Namespace = name
	c.nested(ctx, inner)
	return nil
}

func (c *Call) namespaceRows() [][]string {
	active := c.namespace().name
	var rows [][]string
	for _, name := range c.shell.spaces.names() {
		rows = append(rows, []string{name, "", strconv.FormatBool(name == active)})
	}
	return rows
}

func clearNamespace(ctx context.Context, c *Call) error {
	name, given := c.Values["name"]
	if !given {
		c.Client.set.Namespace = defaultNamespace
		return nil
	}
	if err := c.shell.spaces.remove(name, c.shell.host()); err != nil {
		return err
	}
	c.shell.plumber.Forget(name)
	if err := c.shell.plumber.Unplumb(ctx, name, nil); err != nil {
		return err
	}
	if c.Client.set.Namespace == name {
		c.Client.set.Namespace = defaultNamespace
	}
	return nil
}

// hostNames returns the names that spec means.
func (c *Call) hostNames(spec string) ([]string, error) {
	if spec == "all" {
		return c.names(true), nil
	}
	names, err := mesh.ExpandRange(spec)
	if err != nil {
		return nil, err
	}
	for i := range names {
		if names[i] == localhost {
			names[i] = c.shell.host()
		}
	}
	return names, nil
}

func addHosts(_ context.Context, c *Call) error {
	names, err := c.hostNames(c.Values["hosts"])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := c.shell.cfg.Mesh.Lookup(name); err != nil {
			return fmt.Errorf("unknown host: `%s`: %w", name, err)
		}
	}
	c.namespace().add(names)
	return nil
}

func delHosts(_ context.Context, c *Call) error {
	names, err := c.hostNames(c.Values["hosts"])
	if err != nil {
		return err
	}
	hosts := c.namespace().Hosts()
	for _, name := range names {
		if c.Values["hosts"] != "all" && !slices.Contains(hosts, name) {
			return fmt.Errorf("unknown host: `%s`: must be one of %s", name, strings.Join(hosts, ", "))
		}
	}
	c.namespace().remove(names)
	return nil
}

// nsRun runs the command in c on all hosts of the namespace.
func nsRun(ctx context.Context, c *Call) error {
	bad := func(command *Command) bool {
		return command.LocalOnly || command.is("namespace [name]") || command.is("ns <run,> (command)")
	}
	if text, refused := c.shell.refused(c.Match.Nested, bad); refused {
		return fmt.Errorf("cannot run `%s` using `ns run`: type it on each host", text)
	}
	return c.everywhere(ctx, c.Match.Nested)
}
