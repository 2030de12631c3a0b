package shell

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"minimega/vmconfig"
)

// defaultNamespace is the one that every client begins in.
const defaultNamespace = "minimega"

// Limits of what other nodes and users may ask to be kept.
const (
	maxNamespaces    = 1024
	maxNamespaceName = 128 // bytes
)

// Failures of naming a namespace.
var (
	errUnknownNamespace = errors.New("unknown namespace")
	errBadNamespace     = errors.New("bad namespace")
)

// namespace is an experiment of its own: a vm configuration, and the hosts that
// it is about. It is safe for concurrent use.
type namespace struct {
	name string
	vm   *vmconfig.Config

	mu    sync.Mutex // guards what follows
	hosts []string   // names of nodes, sorted, each once
}

// Hosts returns the names of the namespace's nodes, sorted. The slice is the
// caller's.
func (n *namespace) Hosts() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.hosts)
}

// add makes names hosts of n.
func (n *namespace) add(names []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts = slices.Concat(n.hosts, names)
	slices.Sort(n.hosts)
	n.hosts = slices.Compact(n.hosts)
}

// remove takes names from the hosts of n.
func (n *namespace) remove(names []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts = slices.DeleteFunc(n.hosts, func(host string) bool { return slices.Contains(names, host) })
}

// namespaces are all namespaces of a node. They are safe for concurrent use.
type namespaces struct {
	filesDir string // what relative paths are below

	mu  sync.Mutex // guards what follows
	all map[string]*namespace
}

// newNamespaces returns namespaces of which there is only the one that all
// begin in, whose configuration is vm and whose host is self.
func newNamespaces(vm *vmconfig.Config, self, filesDir string) *namespaces {
	first := &namespace{name: defaultNamespace, vm: vm, hosts: []string{self}}
	return &namespaces{filesDir: filesDir, all: map[string]*namespace{defaultNamespace: first}}
}

// open returns the namespace of that name, and makes it, with those hosts,
// where there is none. Its errors wrap [errBadNamespace].
func (ns *namespaces) open(name string, hosts func() []string) (*namespace, error) {
	if err := checkNamespace(name); err != nil {
		return nil, err
	}
	if n := ns.find(name); n != nil {
		return n, nil
	}
	return ns.create(name, hosts(), maxNamespaces)
}

// get returns a namespace that a client works in. Where another has removed it
// meanwhile it is made again, so that no client finds itself in another one.
func (ns *namespaces) get(name string, hosts func() []string) *namespace {
	if n := ns.find(name); n != nil {
		return n
	}
	n, _ := ns.create(name, hosts(), math.MaxInt)
	return n
}

// find returns the namespace of that name, or nil.
func (ns *namespaces) find(name string) *namespace {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	return ns.all[name]
}

// create adds a namespace while there are fewer than most, and returns it, or the
// one of that name that there is by now.
func (ns *namespaces) create(name string, hosts []string, most int) (*namespace, error) {
	made := &namespace{name: name, vm: vmconfig.New(ns.filesDir)}
	made.add(hosts)
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if n, ok := ns.all[name]; ok {
		return n, nil
	}
	if len(ns.all) >= most {
		return nil, fmt.Errorf("%w: there are %d, which is the most: remove one with clear namespace NAME", errBadNamespace, most)
	}
	ns.all[name] = made
	return made, nil
}

// checkNamespace accepts what can stand in a prompt, a table and a line.
func checkNamespace(name string) error {
	bad := func(r rune) bool {
		return !strings.ContainsRune("-_.", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if name == "" || len(name) > maxNamespaceName || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%w: must be letters, digits, -, _ and ., at most %d, but is %q", errBadNamespace, maxNamespaceName, name)
	}
	return nil
}

// names returns the names of all, sorted.
func (ns *namespaces) names() []string {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	return slices.Sorted(maps.Keys(ns.all))
}

// keys returns the keys that a field has, in any namespace: none where there is
// no such field.
func (ns *namespaces) keys(field string) []string {
	var all []string
	for _, name := range ns.names() {
		if n := ns.find(name); n != nil {
			keys, _ := n.vm.Keys(field)
			all = append(all, keys...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// values returns the values that a field has in each namespace: none where there
// is no such field.
func (ns *namespaces) values(field string) [][]string {
	var all [][]string
	for _, name := range ns.names() {
		if n := ns.find(name); n != nil {
			values, _ := n.vm.Values(field)
			all = append(all, values)
		}
	}
	return all
}

// saved returns the names that configurations were saved under, in any
// namespace, sorted.
func (ns *namespaces) saved() []string {
	var all []string
	for _, name := range ns.names() {
		if n := ns.find(name); n != nil {
			all = append(all, n.vm.Saved()...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// remove forgets a namespace. The first of all is only put back to what it
// was. The error wraps [errUnknownNamespace].
func (ns *namespaces) remove(name, self string) error {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	n, ok := ns.all[name]
	switch {
	case !ok:
		return fmt.Errorf("%w: %s: namespace lists them", errUnknownNamespace, name)
	case name == defaultNamespace:
		n.vm.ClearAll()
		n.mu.Lock()
		n.hosts = []string{self}
		n.mu.Unlock()
		return nil
	}
	delete(ns.all, name)
	return nil
}

// namespace returns the namespace that c runs in.
func (c *Call) namespace() *namespace {
	return c.shell.spaces.get(c.set.Namespace, c.shell.newHosts)
}

// vm returns the vm configuration of the namespace that c runs in.
func (c *Call) vm() *vmconfig.Config { return c.namespace().vm }

// newHosts returns the hosts that a namespace begins with: all other nodes, or
// this one where it is alone.
func (s *Shell) newHosts() []string {
	var names []string
	for _, m := range s.cfg.Mesh.Members() {
		names = append(names, string(m.Name))
	}
	if len(names) == 0 {
		names = []string{s.host()}
	}
	return names
}
