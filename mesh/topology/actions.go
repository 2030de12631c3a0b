package topology

import (
	"minimega/mesh/wire"
)

// Action is something that the machine's owner is to do: a [Dial], [Send],
// [Drop], [Changed] or [Rerouted].
type Action interface{ action() }

// Dial wants a connection to Target; Up or DialFailed tells how it went.
type Dial struct{ Target Target }

// Send wants a frame put on a link, before all that is not topology's. The
// payload is not changed after this.
type Send struct {
	Link    LinkID
	Type    wire.Type
	Payload any
}

// Drop wants a link closed; Down need not be called for it. A Reject is to be
// sent before if it is set.
type Drop struct {
	Link   LinkID
	Why    string
	Reject *wire.Reject
}

// Changed says that other nodes are members now.
type Changed struct{}

// Rerouted says that a link somewhere is gone or silent, and what was on its
// way over it may be lost.
type Rerouted struct{}

func (Dial) action()     {}
func (Send) action()     {}
func (Drop) action()     {}
func (Changed) action()  {}
func (Rerouted) action() {}

func (m *Machine) do(a Action) { m.actions = append(m.actions, a) }

func (m *Machine) send(l *link, t wire.Type, payload any) {
	m.do(Send{l.id, t, payload})
}
