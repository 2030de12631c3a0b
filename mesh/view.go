package mesh

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"minimega/mesh/topology"
	"minimega/mesh/wire"
)

// view is who there was at one moment. It is immutable.
type view struct {
	self    wire.Member
	members []wire.Member // without self, sorted by name
	byID    map[wire.NodeID]wire.Member
	byLabel map[wire.NodeName][]wire.Member // the name that a node gave itself → all of it
}

func newView(m *topology.Machine) *view {
	self := m.Self()
	states := append(m.Members(), self)
	v := &view{
		byID:    make(map[wire.NodeID]wire.Member, len(states)),
		byLabel: make(map[wire.NodeName][]wire.Member, len(states)),
	}
	namesakes := make(map[wire.NodeName][]wire.NodeID, len(states))
	for _, s := range states {
		namesakes[s.Name] = append(namesakes[s.Name], s.ID)
	}
	for _, s := range states {
		member := wire.Member{ID: s.ID, Name: distinct(s.Name, s.ID, namesakes[s.Name])}
		v.byID[s.ID] = member
		v.byLabel[s.Name] = append(v.byLabel[s.Name], member)
		if s.ID != self.ID {
			v.members = append(v.members, member)
		}
	}
	v.self = v.byID[self.ID]
	slices.SortFunc(v.members, byName)
	for _, alike := range v.byLabel {
		slices.SortFunc(alike, byName)
	}
	return v
}

// distinct returns the name itself where one node has it, else name~2f9c with
// as many digits of the id as tell all of them apart.
func distinct(name wire.NodeName, id wire.NodeID, all []wire.NodeID) wire.NodeName {
	if len(all) == 1 {
		return name
	}
	full := id.String()
	digits := 4
	for slices.ContainsFunc(all, func(other wire.NodeID) bool {
		return other != id && strings.HasPrefix(other.String(), full[:digits])
	}) && digits < len(full) {
		digits++
	}
	return name + "~" + wire.NodeName(full[:digits])
}

func byName(a, b wire.Member) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), strings.Compare(a.ID.String(), b.ID.String()))
}

// member returns who id is; one that is not known is named by its id.
func (v *view) member(id wire.NodeID) wire.Member {
	if m, ok := v.byID[id]; ok {
		return m
	}
	return wire.Member{ID: id, Name: wire.NodeName("~" + id.Short())}
}

// Self returns this node.
func (n *Node) Self() wire.Member { return n.view.Load().self }

// Members returns who can be reached, without this node, sorted by name. The
// caller owns the slice.
func (n *Node) Members() []wire.Member { return slices.Clone(n.view.Load().members) }

// Changed returns a channel that is closed at the next change of the members.
func (n *Node) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// AmbiguousError reports a name that several nodes have.
type AmbiguousError struct {
	Name  string
	Forms []wire.NodeName // that name one of them each
}

func (e *AmbiguousError) Error() string {
	forms := make([]string, len(e.Forms))
	for i, form := range e.Forms {
		forms[i] = string(form)
	}
	return fmt.Sprintf("%s: must name one node, but %d have that name: use %s", e.Name, len(forms), strings.Join(forms, " or "))
}

// Lookup returns the node of that name, which may be this one. The error is an
// *[AmbiguousError] for a name that several have, and wraps
// [wire.ErrUnreachable] for one that no node has which can be reached.
func (n *Node) Lookup(name string) (wire.Member, error) {
	switch matches := n.view.Load().match(name); len(matches) {
	case 0:
		return wire.Member{}, fmt.Errorf("%s: %w: see mesh list all", name, wire.ErrUnreachable)
	case 1:
		return matches[0], nil
	default:
		e := &AmbiguousError{Name: name}
		for _, m := range matches {
			e.Forms = append(e.Forms, m.Name)
		}
		return wire.Member{}, e
	}
}

// match returns all nodes that name may mean: kn1, or kn1~2f for the one whose
// id begins so.
func (v *view) match(name string) []wire.Member {
	label, prefix, _ := strings.Cut(name, "~")
	return slices.DeleteFunc(slices.Clone(v.byLabel[wire.NodeName(label)]), func(m wire.Member) bool {
		return !strings.HasPrefix(m.ID.String(), prefix)
	})
}

// Status is what `mesh status` shows.
type Status struct {
	Size    int // nodes of the mesh, this one included
	Degree  int // links wanted
	Peers   int // of those, with a direct link
	Context string
	Port    int
	Open    bool // anybody may join
}

// Status returns the node's present state.
func (n *Node) Status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	v := n.view.Load()
	gone := func(id wire.NodeID) bool { return v.byID[id].ID != id } // others told so before its link ended
	return Status{
		Size:    len(v.members) + 1,
		Degree:  n.topo.Degree(),
		Peers:   len(slices.DeleteFunc(n.topo.Peers(), gone)),
		Context: n.cfg.Context,
		Port:    int(n.topo.Self().Port),
		Open:    n.cfg.Open,
	}
}

// Degree returns how many links the node tries to keep.
func (n *Node) Degree() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.topo.Degree()
}

// SetDegree changes how many links the node tries to keep.
func (n *Node) SetDegree(degree int) {
	n.step(func(m *topology.Machine, now time.Time) { m.SetDegree(now, max(degree, 0)) })
}

// Adjacency is one node and those that it has direct links to.
type Adjacency struct {
	Node  wire.NodeName
	Peers []wire.NodeName // sorted
}

// Links returns the mesh as this node sees it, itself included, sorted by name.
func (n *Node) Links() []Adjacency {
	n.mu.Lock()
	states := append(n.topo.Members(), n.topo.Self())
	n.mu.Unlock()
	v := n.view.Load()
	links := make([]Adjacency, 0, len(states))
	for _, s := range states {
		a := Adjacency{Node: v.member(s.ID).Name}
		for _, peer := range s.Peers {
			if m, ok := v.byID[peer]; ok {
				a.Peers = append(a.Peers, m.Name)
			}
		}
		slices.Sort(a.Peers)
		links = append(links, a)
	}
	slices.SortFunc(links, func(a, b Adjacency) int { return cmp.Compare(a.Node, b.Node) })
	return links
}
