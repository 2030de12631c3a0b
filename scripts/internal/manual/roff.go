package main

import (
	"fmt"
	"strings"

	"minimega/shell"
)

// before is the man page down to the options.
const before = `.\" Written by scripts/manual: do not edit.
.TH MINIMEGA 1 "" minimega "User Commands"
.SH NAME
minimega \- a shell whose nodes form an encrypted mesh and move files between them
.SH SYNOPSIS
.B minimega
.RI [ flags ]
.br
.B minimega
.RI [ flags ]
.B \-e
.I command
.br
.B minimega
.RI [ flags ]
.B \-attach
.SH DESCRIPTION
Each process is a node. Nodes that hold the same key find each other, and fetch files from every node that has any of
them. On a terminal
.B minimega
reads commands at a prompt; where its standard input is a pipe or a file it runs the lines and waits for the transfers
that they began. With
.B \-e
it has the minimega that runs with the same
.B \-base
do one command; with
.B \-attach
it is a prompt of that one.
.SH OPTIONS
`

// after is the man page behind the commands.
const after = `.SH EXIT STATUS
0 when all went well, 1 when a command failed or the program could not run, 2 when its flags make no sense.
.SH FILES
.TP
.I /tmp/minimega
State of a node, unless
.B \-base
names another directory.
.TP
.I /tmp/minimega/files
The files that the node shares, unless
.B \-filepath
names another directory.
.TP
.I /tmp/minimega/minimega
The socket that programs use.
.TP
.IR /etc/minimega/mesh.key ", " ~/.config/minimega/mesh.key
The mesh's key, made by the first start, of root and of other users: copy it to the other hosts.
`

// howToRead is how the commands are read.
const howToRead = `.SH COMMANDS
In the forms below
.I <word>
must be given and
.I [word]
may be left out; behind
.B ...
any number may follow, and
.I (command)
is another command, to the end of the line. Words may be abbreviated as long as one command is meant.
`

// roff returns docs/minimega.1.
func roff(chapters []chapter, flags []shell.Flag) string {
	var b strings.Builder
	b.WriteString(before)
	for _, f := range flags {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", strings.TrimSpace(plain("-"+f.Name+" "+f.Argument)), plain(sentence(f.Help+whenLeft(f))+"."))
	}
	b.WriteString(howToRead)
	for _, c := range chapters {
		fmt.Fprintf(&b, ".SS %s\n", plain(c.title))
		for _, e := range c.entries {
			roffCommand(&b, e)
		}
	}
	b.WriteString(after)
	return b.String()
}

// roffCommand describes one command.
func roffCommand(b *strings.Builder, e entry) {
	for i, form := range e.Usage {
		tag := ".TP"
		if i > 0 {
			tag = ".TQ"
		}
		fmt.Fprintf(b, "%s\n.B %s\n", tag, plain(form))
	}
	fmt.Fprintf(b, "%s\n", plain(sentence(e.Help)+"."))
	if e.Long != "" {
		fmt.Fprintf(b, ".IP\n%s\n", plain(strings.TrimSpace(e.Long)))
	}
	if e.Example != "" {
		fmt.Fprintf(b, ".IP\n.nf\n%s\n.fi\n", plain(e.Example))
	}
}

// plain escapes what roff would take for its own.
func plain(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", "", "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "…", "...").Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
