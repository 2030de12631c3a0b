// Package output turns what commands answer into what people and programs
// read: tables, CSV, JSON and plain text. It does no I/O and keeps no state.
//
// A table's columns are as wide as their widest cell, at least 5, and joined by
// "| "; a table without rows prints nothing. The host column stands in front
// while Settings.Annotate is set. Texts of several hosts that are equal are
// printed once, under a condensed list of the hosts. Errors are no part of what
// is rendered: the front ends print them, with [ErrorLine].
//
// Everything printed goes through [Escape]: no name, text or error of another
// node can act on a terminal.
package output
