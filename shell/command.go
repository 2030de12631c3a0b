package shell

import (
	"context"

	"minimega/completion"
	"minimega/shell/grammar"
	"minimega/shell/output"
)

// A Command is a line of the table that drives parsing, help, completion and
// running.
type Command struct {
	Patterns []string // see package grammar
	Help     string   // one line
	Long     string   // more of it, or ""
	Example  string   // lines to type, or ""

	Hints   map[string]completion.Kind        // key of an argument → what Tab offers
	Words   map[string][]completion.Candidate // key → words that Tab offers as well
	Options map[string][]completion.Candidate // key → what Tab offers behind a comma
	Offers  map[string]Offer                  // key → what Tab offers as well, at that moment
	Parts   map[string]Offer                  // key → what Tab offers in a word of parts, behind those before the last comma
	Columns []string                          // of the table that it answers with, for Tab
	About   map[string]string                 // word of a choice → what Tab says beside it, where that is not Help

	NeedsMesh  bool // waits, right after the start, until the mesh is known
	LocalOnly  bool // cannot be sent to other nodes
	Raw        bool // arguments are taken as they stand
	Unrecorded bool // is no part of the history
	Yields     bool // gives way to others that the same shortened words could mean

	// Run answers with the methods of c. An error that it returns is answered
	// as one. It ends soon after ctx.
	Run func(ctx context.Context, c *Call) error
}

// An Offer returns what may stand in an argument behind those words. It does
// not block.
type Offer func(s *Shell, words []string) []completion.Candidate

// table returns all commands.
func (s *Shell) table() []Command {
	var all []Command
	for _, part := range [][]Command{
		fileCommands(), meshCommands(), vmCommands(s.cfg.VM), hostCommands(),
		s.basicCommands(), historyCommands(), scriptCommands(), outputCommands(), sessionCommands(),
		namespaceCommands(), diskCommands(), logCommands(), backgroundCommands(), debugCommands(), deployCommands(),
		plumbCommands(),
	} {
		all = append(all, part...)
	}
	return all
}

// A Call is one run of a command.
type Call struct {
	*grammar.Match // with arguments expanded

	Client *Client
	shell  *Shell
	set    Settings // of this run; a wrapper such as `.csv true` changes them for the command in it
	run    *execution
}

// Text answers with text.
func (c *Call) Text(text string) { c.emit(output.Response{Response: text}) }

// Bare answers with text that is printed without the host in front.
func (c *Call) Bare(text string) { c.emit(output.Response{Response: text, Bare: true}) }

// columns returns the columns that the command's table may have.
func (c *Call) columns() []string { return c.shell.commands[c.Match.Command].Columns }

// Table answers with a table.
func (c *Call) Table(header []string, rows [][]string) {
	if rows == nil {
		rows = [][]string{}
	}
	c.emit(output.Response{Header: header, Tabular: rows})
}

// emit answers in the name of this node.
func (c *Call) emit(r output.Response) {
	r.Host = c.shell.host()
	c.answer(output.Responses{r})
}

// answer hands over one batch of responses.
func (c *Call) answer(all output.Responses) {
	shown, err := all.Select(c.set.Settings)
	if err != nil {
		shown = output.Responses{{Host: c.shell.host(), Error: err.Error()}}
	}
	c.run.answered = true
	c.run.emit(Result{Responses: shown, Rendered: output.Render(shown, c.set.Settings)})
}

// fail answers with an error.
func (c *Call) fail(err error) { c.emit(output.Response{Error: hideCredentials(err.Error())}) }

// nested runs the command in this one.
func (c *Call) nested(ctx context.Context, set Settings) {
	c.run.depth++
	defer func() { c.run.depth-- }()
	c.run.match(ctx, c.Match.Nested, set)
}
