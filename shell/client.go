package shell

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"minimega/mesh"
	"minimega/shell/grammar"
	"minimega/shell/output"
	"minimega/transfer"
)

// maxHistory is how many lines a client's history keeps.
const maxHistory = 10_000

// Settings are what the dot commands of a client set.
type Settings struct {
	output.Settings
	Record     bool // lines go into the history
	Preprocess bool // $NAME, file:, tar: and URLs are expanded

	Updates time.Duration // between reports of progress; 0: none

	Namespace string // whose vm configuration and hosts are meant
}

// Watch shows progress from now on until stop is called. It asks rows as often
// as it likes, from any goroutine.
type Watch func(rows func() []transfer.Progress) (stop func())

// A Client is one conversation with a [Shell]: what it has set is its own. It
// is not safe for concurrent use.
type Client struct {
	watch   Watch                      // of what commands wait for; nil: not shown
	warn    func(text string)          // of what is no error; nil: not shown
	started func(name string, job Job) // told of each file get; nil: nobody asks
	cleared func()                     // told when the history was cleared; nil: nobody asks
	follows func()                     // told when another answer is sure to come; nil: nobody asks
	remote  bool                       // another node's user, through mesh send
	quit    bool                       // the user has asked the program to end
	set     Settings

	history []string
	alias   atomic.Pointer[map[string]string] // first word → what it stands for; replaced, never changed; nil: none
	env     *environment
}

// NewClient returns a client with the settings that everybody begins with.
// watch and warn may be nil.
func NewClient(watch Watch, warn func(text string)) *Client {
	set := Settings{Settings: output.Defaults(), Record: true, Preprocess: true, Updates: statusEvery, Namespace: defaultNamespace}
	set.Condense = mesh.CompressRange
	return &Client{watch: watch, warn: warn, set: set, env: &environment{}}
}

// Quit reports whether the client has asked the program to end.
func (c *Client) Quit() bool { return c.quit }

// warnings shows lines that are no errors.
func (c *Client) warnings(lines []string) {
	if c.warn == nil {
		return
	}
	for _, line := range lines {
		c.warn(output.EscapeLine(hideCredentials(line)))
	}
}

// remember adds line to the history, without the credentials in it, and forgets
// the oldest.
func (c *Client) remember(line string) {
	if len(c.history) >= maxHistory {
		c.history = slices.Delete(c.history, 0, len(c.history)-maxHistory+1)
	}
	c.history = append(c.history, oneLine(strings.TrimSpace(hideCredentials(line))))
}

// oneLine returns line without the breaks that a program may send in it, so that
// it is one line, of the same words, in a file for read.
func oneLine(line string) string {
	if !strings.ContainsAny(line, "\r\n") {
		return line
	}
	split, err := grammar.Lex(line)
	if err != nil || split.Blank() {
		return strings.NewReplacer("\r", " ", "\n", " ").Replace(line)
	}
	words := make([]string, len(split.Words))
	for i, w := range split.Words {
		words[i] = w.Text
	}
	return lexed(words)
}

// forget clears the history.
func (c *Client) forget() {
	c.history = nil
	if c.cleared != nil {
		c.cleared()
	}
}

// aliases returns what words stand for; nobody may change it. It may be called
// while the client runs a command, and of no client.
func (c *Client) aliases() map[string]string {
	if c == nil {
		return nil
	}
	if known := c.alias.Load(); known != nil {
		return *known
	}
	return nil
}

// setAlias has name stand for expansion, or for itself where that is "".
func (c *Client) setAlias(name, expansion string) {
	known := maps.Clone(c.aliases())
	if known == nil {
		known = map[string]string{}
	}
	known[name] = expansion
	if expansion == "" {
		delete(known, name)
	}
	c.alias.Store(&known)
}

// unalias replaces the first word of line where it is an alias, once.
func (c *Client) unalias(line string) string {
	text := strings.TrimLeft(line, " \t")
	word, rest := text, ""
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		word, rest = text[:i], text[i:]
	}
	if full, ok := c.aliases()[word]; ok {
		return full + rest
	}
	return line
}
