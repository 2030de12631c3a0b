package shell

import (
	"context"
	"slices"

	"minimega/mesh/wire"
	"minimega/shell/grammar"
	"minimega/shell/output"
)

// everywhere runs m on all hosts of the namespace, this node among them where
// it is one, and answers with what all of them did, in the order of their
// names. A host that is not reachable answers with an error.
func (c *Call) everywhere(ctx context.Context, m *grammar.Match) error {
	to, self, all := c.hosts()
	waiting, stop := c.showWaits(ctx, to)
	var here output.Responses
	var warnings []string
	done := make(chan struct{})
	go func() { // joined below
		defer close(done)
		if self {
			here, warnings = c.here(ctx, m)
		}
	}()
	there, err := c.ask(ctx, to, m, waiting)
	<-done
	stop()
	c.Client.warnings(warnings)
	if err != nil {
		return err
	}
	c.gather(slices.Concat(all, here, there))
	return nil
}

// hosts returns the hosts of the namespace other than this node, whether it is
// one as well, and an answer for each that is not reachable.
func (c *Call) hosts() (to []wire.NodeID, self bool, unknown output.Responses) {
	for _, name := range c.namespace().Hosts() {
		if name == c.shell.host() {
			self = true
			continue
		}
		found, err := c.shell.cfg.Mesh.Lookup(name)
		if err != nil {
			unknown = append(unknown, output.Response{Host: name, Error: err.Error()})
			continue
		}
		to = append(to, found.ID)
	}
	return to, self, unknown
}

// here runs m on this node, as another node would, and returns the answers, and
// the warnings with this node's name in front.
func (c *Call) here(ctx context.Context, m *grammar.Match) (all output.Responses, warnings []string) {
	watch := c.shell.waits.watch(waitKey{c.shell.cfg.Mesh.Self().ID, c.run.token})
	client := NewClient(watch, func(text string) { warnings = append(warnings, c.shell.host()+": "+text) })
	client.remote, client.env = true, c.Client.env
	client.set.Preprocess, client.set.Namespace = c.set.Preprocess, c.set.Namespace
	c.shell.Exec(ctx, client, m.Text, func(r Result) { all = append(all, r.Responses...) })
	return all, warnings
}

// onAllHosts returns a command that runs on all hosts of the namespace. Where
// this node is the only one, or another node asks, it runs here.
func onAllHosts(run func(context.Context, *Call) error) func(context.Context, *Call) error {
	return func(ctx context.Context, c *Call) error {
		hosts := c.namespace().Hosts()
		if c.Client.remote || len(hosts) == 1 && hosts[0] == c.shell.host() {
			return run(ctx, c)
		}
		return c.everywhere(ctx, c.Match)
	}
}
