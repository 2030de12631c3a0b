package shell

import (
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

// environment is what $NAME stands for: the process's environment, and over it
// what a client has set. It may be read from any goroutine, and is changed by one.
type environment struct {
	over atomic.Pointer[map[string]*string] // replaced, never changed; a nil value: unset; nil: nothing was set
}

// set returns what was set; nobody may change it.
func (e *environment) set() map[string]*string {
	if over := e.over.Load(); over != nil {
		return *over
	}
	return nil
}

// put sets name, or unsets it where value is "".
func (e *environment) put(name, value string) {
	over := maps.Clone(e.set())
	if over == nil {
		over = map[string]*string{}
	}
	over[name] = &value
	if value == "" {
		over[name] = nil
	}
	e.over.Store(&over)
}

// get returns the value of name, "" where it is not set.
func (e *environment) get(name string) string {
	if value, ok := e.set()[name]; ok {
		if value == nil {
			return ""
		}
		return *value
	}
	return os.Getenv(name)
}

// all returns what is set, by name.
func (e *environment) all() map[string]string {
	all := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		all[name] = value
	}
	for name, value := range e.set() {
		delete(all, name)
		if value != nil {
			all[name] = *value
		}
	}
	return all
}

// environ returns NAME=value for all that is set, sorted by name.
func (c *Client) environ() []string {
	all := c.env.all()
	pairs := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		pairs = append(pairs, name+"="+all[name])
	}
	return pairs
}

// variables returns the names of what is set for a client, which may be nil. It
// may be called while the client runs a command.
func (c *Client) variables() []string {
	env := &environment{}
	if c != nil {
		env = c.env
	}
	return slices.Collect(maps.Keys(env.all()))
}
