package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"minimega/mesh"
	"minimega/mesh/wire"
	"minimega/shell/grammar"
	"minimega/shell/output"
)

// methodCommand is the mesh call that runs a command. Its body is a
// [commandRequest], its answer a [commandReply].
const methodCommand = "command"

// commandRequest asks a node to run a line.
type commandRequest struct {
	Line       string `cbor:"1,keyasint"`
	Preprocess bool   `cbor:"2,keyasint"` // $NAME and file: are expanded there
	Namespace  string `cbor:"3,keyasint"` // in which it runs there; "" is the first
	Token      uint64 `cbor:"4,keyasint"` // by which [methodWaits] asks about it; 0: nobody will
}

// commandReply is what the node answered.
type commandReply struct {
	Responses []commandResponse `cbor:"1,keyasint"`
	Warnings  []string          `cbor:"2,keyasint"` // of what is no error
}

// commandResponse is an [output.Response] without the host, which the caller
// knows better.
type commandResponse struct {
	Response string     `cbor:"1,keyasint"`
	Header   []string   `cbor:"2,keyasint"`
	Tabular  [][]string `cbor:"3,keyasint"`
	Error    string     `cbor:"4,keyasint"`
	Data     []byte     `cbor:"5,keyasint"` // JSON, or empty
}

// meshSend runs the command in c on other nodes.
func meshSend(ctx context.Context, c *Call) error {
	bad := func(command *Command) bool { return command.LocalOnly }
	if text, refused := c.shell.refused(c.Match.Nested, bad); refused {
		return fmt.Errorf("cannot run `%s` via meshage: type it on that node", text)
	}
	to, unknown, err := c.recipients(c.Values["clients"])
	if err != nil {
		return err
	}
	waiting, stop := c.showWaits(ctx, to)
	all, err := c.ask(ctx, to, c.Match.Nested, waiting)
	stop()
	if err != nil {
		return err
	}
	c.gather(append(unknown, all...))
	return nil
}

// gather answers with what several nodes did, in the order of their names.
func (c *Call) gather(all output.Responses) {
	slices.SortStableFunc(all, func(a, b output.Response) int { return strings.Compare(a.Host, b.Host) })
	if len(all) > 0 {
		c.answer(all)
	}
}

// ask has nodes run m and returns what they answer. It waits for all of them,
// as long as mesh timeout says, and tells waiting of each that has answered.
func (c *Call) ask(ctx context.Context, to []wire.NodeID, m *grammar.Match, waiting *sentWaits) (all output.Responses, err error) {
	if len(to) == 0 {
		return nil, nil
	}
	body, err := wire.Marshal(commandRequest{m.Text, c.set.Preprocess, c.set.Namespace, c.run.token})
	if err != nil {
		return nil, err
	}
	if timeout := time.Duration(c.shell.timeout.Load()); timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	for reply := range c.shell.cfg.Mesh.Call(ctx, to, methodCommand, body) {
		waiting.answered(reply.From)
		answers, warnings := readReply(reply)
		all = append(all, answers...)
		c.Client.warnings(warnings)
	}
	return all, nil
}

// recipients returns the nodes that spec names, and an answer for each name
// that nobody has.
func (c *Call) recipients(spec string) (to []wire.NodeID, unknown output.Responses, err error) {
	if spec == "all" {
		for _, m := range c.shell.cfg.Mesh.Members() {
			to = append(to, m.ID)
		}
		return to, nil, nil
	}
	names, err := mesh.ExpandRange(spec)
	if err != nil {
		return nil, nil, err
	}
	if slices.Contains(names, "all") {
		return nil, nil, errWildcard
	}
	self, alone := c.shell.cfg.Mesh.Self().ID, true
	for _, name := range names {
		found, err := c.shell.cfg.Mesh.Lookup(name)
		if err != nil {
			unknown = append(unknown, output.Response{Host: name, Error: err.Error()})
		} else if found.ID != self && !slices.Contains(to, found.ID) {
			to = append(to, found.ID)
		}
		alone = alone && err == nil && found.ID == self
	}
	if alone {
		return nil, nil, errSendSelf
	}
	return to, unknown, nil
}

// readReply returns the responses of one node, or its failure as one, and its
// warnings with its name in front.
func readReply(reply wire.Reply) (all output.Responses, warnings []string) {
	host := string(reply.From.Name)
	if reply.Err != nil {
		return output.Responses{{Host: host, Error: sendError(reply.Err).Error()}}, nil
	}
	var decoded commandReply
	if err := wire.Unmarshal(reply.Body, &decoded); err != nil {
		return output.Responses{{Host: host, Error: fmt.Sprintf("bad answer: %v", err)}}, nil
	}
	for _, text := range decoded.Warnings {
		warnings = append(warnings, host+": "+text)
	}
	return decoded.responses(host), warnings
}

// responses returns what host answered.
func (decoded *commandReply) responses(host string) output.Responses {
	all := make(output.Responses, 0, len(decoded.Responses))
	for _, r := range decoded.Responses {
		one := output.Response{Host: host, Response: r.Response, Header: r.Header, Tabular: r.Tabular, Error: r.Error}
		if json.Valid(r.Data) {
			one.Data = json.RawMessage(r.Data)
		}
		if slices.ContainsFunc(r.Tabular, func(row []string) bool { return len(row) != len(r.Header) }) {
			one = output.Response{Host: host, Error: "bad answer: rows and header differ in length"}
		}
		all = append(all, one)
	}
	return all
}

// sendError says why a node did not answer.
func sendError(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errTimedOut
	case errors.Is(err, context.Canceled):
		return ErrInterrupted
	}
	return err
}

// serveCommand runs a line for another node.
func (s *Shell) serveCommand(ctx context.Context, from wire.Member, body []byte) ([]byte, error) {
	var req commandRequest
	if err := wire.Unmarshal(body, &req); err != nil {
		return nil, fmt.Errorf("bad command request: %w", err)
	}
	s.cfg.Log.Info("command from another node", "node", from.Name, "id", from.ID, "line", hideCredentials(req.Line))
	var reply commandReply
	client := NewClient(s.waits.watch(waitKey{from.ID, req.Token}), func(text string) { reply.Warnings = append(reply.Warnings, text) })
	client.remote = true
	client.set.Preprocess = req.Preprocess
	if req.Namespace != "" && req.Namespace != defaultNamespace {
		if _, err := s.spaces.open(req.Namespace, s.newHosts); err != nil {
			return nil, err
		}
		client.set.Namespace = req.Namespace
	}
	s.Exec(ctx, client, req.Line, func(r Result) {
		for _, one := range r.Responses {
			reply.Responses = append(reply.Responses, wireResponse(one))
		}
	})
	return wire.Marshal(reply)
}

// wireResponse returns r as it crosses the network.
func wireResponse(r output.Response) commandResponse {
	c := commandResponse{Response: r.Response, Header: r.Header, Tabular: r.Tabular, Error: r.Error}
	if r.Data != nil {
		data, err := json.Marshal(r.Data)
		if err == nil {
			c.Data = data
		}
	}
	return c
}
