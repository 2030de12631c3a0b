package transfer

import (
	"errors"
	"fmt"
	"strings"

	"minimega/mesh/wire"
)

// ErrNotFound is wire.ErrNotFound: no node has what was asked for.
var ErrNotFound = wire.ErrNotFound

// ErrCanceled ends a job that was cancelled.
var ErrCanceled = errors.New("transfer canceled")

// Holding is one row of a [ConflictError]: a node and what it holds.
type Holding struct {
	Node    wire.NodeName
	Version wire.Version
	Meta    wire.Meta
}

// ConflictError reports that nodes hold different contents under one name, or
// none that Pick means.
type ConflictError struct {
	Name wire.FileName
	Rows []Holding // sorted by version, then node
	Pick Pick      // zero: nothing was picked
}

// Error tells the rows and how to pick one.
func (e *ConflictError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Name, e.reason())
	for _, r := range e.Rows {
		version := "not hashed"
		if !r.Version.IsZero() {
			version = r.Version.Short()
		}
		fmt.Fprintf(&b, "\n  %-12s %-12s  %d bytes  %s", r.Node, version, r.Meta.Size,
			r.Meta.Time().Format("2006-01-02 15:04:05"))
	}
	if len(e.Rows) > 0 {
		fmt.Fprintf(&b, "\npick one: file get %s from %s, or file get %s from newest", e.Name, e.Rows[0].Node, e.Name)
	}
	return b.String()
}

// reason says what is wrong with the rows.
func (e *ConflictError) reason() string {
	switch {
	case e.Pick.From != "":
		return fmt.Sprintf("%s does not hold it, but", e.Pick.From)
	case e.Pick.Version != "":
		return fmt.Sprintf("no node holds version %.20q, but", e.Pick.Version)
	}
	return "nodes hold different versions"
}
