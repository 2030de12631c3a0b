package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"minimega/completion"
	"minimega/mesh"
	"minimega/shell/output"
)

// maxDegree is the largest number of links that can be asked for.
const maxDegree = 1023

// meshCommands are the commands on the mesh, except mesh send.
func meshCommands() []Command {
	return []Command{
		{
			Patterns:  []string{"mesh status"},
			Help:      "show this node's part in the mesh",
			Long:      "Shows how many nodes there are, how many links this one wants and has, and where it listens.",
			Example:   "mesh status",
			Columns:   []string{"size", "degree", "peers", "context", "port"},
			NeedsMesh: true, Run: meshStatus,
		},
		{
			Patterns:  []string{"mesh list [what:all,peers]"},
			Help:      "show all nodes and their links",
			Long:      "With all, lists the names of all nodes; with peers, of all but this one.",
			Example:   "mesh list\nmesh list all",
			About:     map[string]string{"all": "the names of all nodes", "peers": "the names of all nodes but this one"},
			NeedsMesh: true, Run: meshList,
		},
		{
			Patterns: []string{"mesh degree [degree]"},
			Help:     "show or set how many links this node keeps",
			Example:  "mesh degree 6",
			Run:      meshDegree,
		},
		{
			Patterns: []string{"mesh dial <hostname>"},
			Help:     "link to a node by address: HOST or HOST:PORT",
			Example:  "mesh dial kn2\nmesh dial [fd00::2]:9000",
			Offers:   map[string]Offer{"hostname": offerDialled},
			Run: func(ctx context.Context, c *Call) error {
				return c.shell.cfg.Mesh.Dial(ctx, c.Values["hostname"])
			},
		},
		{
			Patterns: []string{"mesh hangup <hostname>"},
			Help:     "cut the link to a node",
			Example:  "mesh hangup kn2",
			Offers:   map[string]Offer{"hostname": offerPeers},
			Run: func(_ context.Context, c *Call) error {
				return c.shell.cfg.Mesh.Hangup(c.Values["hostname"])
			},
		},
		{
			Patterns:  []string{"mesh dot <filename>"},
			Help:      "write the mesh to a file for graphviz",
			Example:   "mesh dot /tmp/mesh.dot",
			Hints:     map[string]completion.Kind{"filename": completion.LocalFile},
			NeedsMesh: true, Run: meshDot,
		},
		{
			Patterns: []string{"mesh timeout [seconds:timeout]"},
			Help:     "show or set how long mesh send waits, in seconds; 0 is no limit",
			Example:  "mesh timeout 30",
			Run:      meshTimeout,
		},
		{
			Patterns: []string{meshSendPattern},
			Help:     "run a command on other nodes",
			Long: "Runs the command on the nodes named, as in kn1, kn[1-3,7],kn9 or all, never on this one, and\n" +
				"waits for all of them. What it names, such as file:, is found there; how far that is, is shown here.",
			Example:   "mesh send kn[1-3] file get foo\nmesh send all vm config disk file:foo.qcow2",
			Hints:     map[string]completion.Kind{"clients": completion.Node},
			Words:     map[string][]completion.Candidate{"clients": {{Text: "all", Help: "every other node"}}},
			NeedsMesh: true, LocalOnly: true, Run: meshSend,
		},
	}
}

// meshSendPattern is the pattern of mesh send.
const meshSendPattern = "mesh send <clients:hostname or range or all> (command)"

func meshStatus(_ context.Context, c *Call) error {
	s := c.shell.cfg.Mesh.Status()
	where := s.Context
	if s.Open {
		where += " (open: anybody may join)"
	}
	c.Table(c.columns(), [][]string{{
		strconv.Itoa(s.Size), strconv.Itoa(s.Degree), strconv.Itoa(s.Peers), where, strconv.Itoa(s.Port),
	}})
	return nil
}

func meshList(_ context.Context, c *Call) error {
	if what := c.Values["what"]; what != "" {
		names := c.names(what == "all")
		c.emit(output.Response{Response: mesh.CompressRange(names), Data: names})
		return nil
	}
	var b strings.Builder
	for _, node := range c.shell.cfg.Mesh.Links() {
		fmt.Fprintf(&b, "%s\n", node.Node)
		for _, peer := range node.Peers {
			fmt.Fprintf(&b, " |--%s\n", peer)
		}
	}
	c.Text(strings.TrimRight(b.String(), "\n"))
	return nil
}

// names returns the names of all other nodes, sorted, and this one's if wanted.
func (c *Call) names(self bool) []string {
	names := []string{}
	for _, m := range c.shell.cfg.Mesh.Members() {
		names = append(names, string(m.Name))
	}
	if self {
		names = append(names, c.shell.host())
	}
	slices.Sort(names)
	return names
}

func meshDegree(_ context.Context, c *Call) error {
	text, given := c.Values["degree"]
	if !given {
		c.Text(strconv.Itoa(c.shell.cfg.Mesh.Status().Degree))
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 10)
	if err != nil {
		return fmt.Errorf("mesh degree: must be 0 to %d: %w", maxDegree, err)
	}
	c.shell.cfg.Mesh.SetDegree(int(n))
	return nil
}

func meshTimeout(_ context.Context, c *Call) error {
	text, given := c.Values["seconds"]
	switch timeout := time.Duration(c.shell.timeout.Load()); {
	case !given && timeout == 0:
		c.Text("unlimited")
		return nil
	case !given:
		c.Text(timeout.String())
		return nil
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return fmt.Errorf("mesh timeout: must be seconds, 0 for no limit: %w", err)
	}
	c.shell.timeout.Store(int64(time.Duration(seconds) * time.Second))
	return nil
}

func meshDot(_ context.Context, c *Call) error {
	var b bytes.Buffer
	b.WriteString("graph minimega {\nsize=7;\noverlap=false;\n")
	for _, node := range c.shell.cfg.Mesh.Links() {
		fmt.Fprintf(&b, "%q;\n", node.Node)
		for _, peer := range node.Peers {
			if node.Node < peer { // each link once
				fmt.Fprintf(&b, "%q -- %q;\n", node.Node, peer)
			}
		}
	}
	b.WriteString("}\n")
	path, err := c.localPath("filename")
	if err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// Failures of naming the nodes of mesh send.
var (
	errSendSelf = errors.New("cannot mesh send yourself: type the command without mesh send")
	errWildcard = errors.New("wildcard included amongst list of recipients: all alone names every other node")
)
