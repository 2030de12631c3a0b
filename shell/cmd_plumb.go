package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"minimega/completion"
	"minimega/shell/plumb"
)

// plumbCommands are the commands on named pipes and pipelines.
func plumbCommands() []Command {
	pipes := map[string]Offer{"name": offerPipes}
	return []Command{
		{
			Patterns: []string{"plumb", "plumb <source> <destination>..."},
			Help:     "show the pipelines of this node, or join pipes and programs into one",
			Long: "Each source and destination is a program where its first word is one that can be run here, else the\n" +
				"name of a pipe. What one writes, the next reads. A pipeline is over when its programs are, when a pipe\n" +
				"of it is cleared, or by clear plumb; one that failed is shown with why. Many programs hold back what\n" +
				"they print to a pipeline until it is much: `sed -u`, `grep --line-buffered` and `stdbuf -oL` do not.",
			Example:   "plumb foo \"sed -u s/foo/bar/\" bar\nplumb",
			Hints:     map[string]completion.Kind{"source": stages, "destination": stages},
			Offers:    map[string]Offer{"source": offerPipes, "destination": offerPipes},
			NeedsMesh: true, Run: runPlumb,
		},
		{
			Patterns: []string{"clear plumb [pipeline]..."},
			Help:     "end all pipelines of this node, or one",
			Long:     "Its programs are killed. A pipeline is named as plumb shows it, or as it was typed.",
			Example:  "clear plumb foo \"sed -u s/foo/bar/\" bar\nclear plumb",
			Offers:   map[string]Offer{"pipeline": offerPipelines},
			Run: func(ctx context.Context, c *Call) error {
				return c.shell.plumber.Unplumb(ctx, c.set.Namespace, c.Lists["pipeline"])
			},
		},
		{
			Patterns: []string{"pipe [name]", "pipe <name> <message>"},
			Help:     "show the named pipes of the mesh, or write a line to one",
			Long: "A pipe is there once it is named. A line reaches the readers on all nodes, and is gone where there are\n" +
				"none. A reader that does not keep up holds nobody up: it loses its oldest lines, which are counted.\n" +
				"`minimega -pipe NAME` reads and writes a pipe from outside; NAMESPACE//NAME is one of another namespace.",
			Example: "pipe foo \"hello there\"\npipe\npipe foo",
			Offers:  pipes, NeedsMesh: true, Run: runPipe,
		},
		{
			Patterns:  []string{"pipe <name> <mode,> <value:all,round-robin,random>"},
			Help:      "set which readers of a pipe get a line: all, each in turn, or one by chance",
			Example:   "pipe foo mode round-robin",
			About:     map[string]string{"all": "every reader", "round-robin": "one after the other", "random": "one by chance"},
			Offers:    pipes,
			NeedsMesh: true, Run: pipeMode,
		},
		{
			Patterns:  []string{"pipe <name> <log,> <value:true,false>"},
			Help:      "set whether the lines of a pipe are logged, on the nodes that they are written on",
			Long:      "They are logged at the level info, cut to 128 bytes.",
			Example:   "pipe foo log true",
			Offers:    pipes,
			NeedsMesh: true, Run: pipeLog,
		},
		{
			Patterns: []string{"pipe <name> <via,> <command>..."},
			Help:     "set a program that makes of each line of a pipe what a reader gets",
			Long: "It is run for each line and each reader, on the reader's node, reads the line and prints what the\n" +
				"reader gets. A line of which it fails is lost to that reader.",
			Example:   "pipe foo via sed s/foo/bar/",
			Hints:     map[string]completion.Kind{"command": programs},
			Offers:    pipes,
			NeedsMesh: true, Run: pipeVia,
		},
		{
			Patterns: []string{"clear pipe [name]", "clear pipe <name> <part:mode,log,via>"},
			Help:     "forget all pipes of the namespace on all nodes, one of them, or what was set of it",
			Long:     "Who reads or writes it is disconnected, and pipelines that it is a part of end.",
			Example:  "clear pipe foo\nclear pipe foo mode\nclear pipe",
			About:    map[string]string{"mode": "all readers get each line again", "log": "lines are not logged any more", "via": "readers get lines as they were written"},
			Offers:   pipes, NeedsMesh: true, Run: clearPipe,
		},
	}
}

func runPlumb(_ context.Context, c *Call) error {
	source, given := c.Values["source"]
	if given {
		stages := slices.Concat([]string{source}, c.Lists["destination"])
		return c.shell.plumber.Plumb(c.set.Namespace, stages, c.Client.environ())
	}
	var rows [][]string
	for _, one := range c.shell.plumber.Pipelines(c.set.Namespace) {
		state := "running"
		if one.Failed != nil {
			state = one.Failed.Error()
		}
		rows = append(rows, []string{one.Text, state})
	}
	c.Table([]string{"pipeline", "state"}, rows)
	return nil
}

// pipeName returns the pipe that the argument name means.
func (c *Call) pipeName() (plumb.Name, error) {
	return plumb.ParseName(c.Values["name"], c.set.Namespace)
}

func runPipe(ctx context.Context, c *Call) error {
	what := plumb.Name{Space: c.set.Namespace}
	if _, given := c.Values["name"]; given {
		var err error
		if what, err = c.pipeName(); err != nil {
			return err
		}
	}
	if message, given := c.Values["message"]; given {
		if message == "" {
			message = "\n"
		}
		return c.shell.plumber.Write(ctx, what, message)
	}
	all, silent := c.shell.plumber.List(ctx, what.Space, what.Pipe)
	c.Client.warnings(texts(silent))
	rows := make([][]string, len(all))
	for i, one := range all {
		rows[i] = []string{
			one.Pipe, one.Mode.String(), strconv.Itoa(one.Readers), strconv.Itoa(one.Writers),
			strconv.FormatUint(one.Count, 10), strconv.FormatUint(one.Lost, 10), strconv.FormatBool(one.Log),
			lexed(one.Via), one.Last,
		}
	}
	c.Table([]string{"name", "mode", "readers", "writers", "count", "lost", "log", "via", "last"}, rows)
	return nil
}

// texts returns what errors say.
func texts(all []error) []string {
	var lines []string
	for _, err := range all {
		lines = append(lines, err.Error())
	}
	return lines
}

func pipeMode(_ context.Context, c *Call) error {
	name, err := c.pipeName()
	if err != nil {
		return err
	}
	mode, known := plumb.ParseMode(c.Values["value"])
	if !known {
		return fmt.Errorf("pipe mode: must be all, round-robin or random, but is %q", c.Values["value"])
	}
	return c.shell.plumber.SetMode(name, mode)
}

func pipeLog(_ context.Context, c *Call) error {
	name, err := c.pipeName()
	if err != nil {
		return err
	}
	return c.shell.plumber.SetLog(name, c.Values["value"] == "true")
}

func pipeVia(_ context.Context, c *Call) error {
	name, err := c.pipeName()
	if err != nil {
		return err
	}
	return c.shell.plumber.SetVia(name, c.Lists["command"])
}

func clearPipe(ctx context.Context, c *Call) error {
	name := plumb.Name{Space: c.set.Namespace}
	if _, given := c.Values["name"]; given {
		var err error
		if name, err = c.pipeName(); err != nil {
			return err
		}
	}
	switch c.Values["part"] {
	case "mode":
		return c.shell.plumber.SetMode(name, plumb.All)
	case "log":
		return c.shell.plumber.SetLog(name, false)
	case "via":
		return c.shell.plumber.SetVia(name, nil)
	}
	c.Client.warnings(texts(c.shell.plumber.Clear(ctx, name.Space, name.Pipe)))
	return nil
}

// RunPlumber joins the pipes here to those of the other nodes until ctx ends.
// Then it ends the pipelines, and returns when their programs are gone.
func (s *Shell) RunPlumber(ctx context.Context) error { return s.plumber.Run(ctx) }

// offerPipes offers the pipes of all namespaces.
func offerPipes(s *Shell, _ []string) []completion.Candidate {
	return candidates(s.plumber.Names())
}

// offerPipelines offers the pipelines of all namespaces.
func offerPipelines(s *Shell, words []string) []completion.Candidate {
	if len(words) > 2 { // it is named by its stages
		return nil
	}
	var all []string
	for _, space := range s.spaces.names() {
		for _, one := range s.plumber.Pipelines(space) {
			all = append(all, one.Text)
		}
	}
	return candidates(all)
}
