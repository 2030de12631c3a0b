// Package shell understands and runs command lines.
//
// # What
//
// One table of commands (command.go) says for each which patterns it has, what
// help prints, what Tab offers and what runs. [Shell.Exec] is the dispatcher:
// it parses a line, expands its arguments, runs the command and hands over
// [Result] after [Result], rendered as the client's settings have it. Three
// front ends stand over it: the prompt, lines from a pipe, and a unix socket
// that speaks JSON (protocol.go); [Execute] and [Attach] are clients of the
// socket. Other nodes run commands here through [Shell.Methods].
//
//	line → grammar → arguments expanded → Command.Run → output → front end
//
// # Arguments
//
// In each argument $NAME is replaced by the environment's value, and an
// argument that begins with file: is fetched from the mesh and replaced by the
// local path, which blocks. One that begins with tar: is an archive; it is
// fetched and unpacked, and replaced by the path of the directory in it. A URL is brought here
// and replaced likewise where a file is expected. A nested command's arguments are
// expanded on the node that runs it.
//
// # Concurrency
//
// A Shell is safe for concurrent use. A [Client] is one conversation: its
// commands run one after another, its settings, aliases, environment and
// history are its own. No command waits for another client's. Every command
// ends when its context does.
//
// # Namespaces
//
// A vm configuration belongs to a namespace, of which a Shell has at most
// 1,024; which one a Client works in is one of its settings. Programs that
// `background` began are the Shell's; [Shell.RunBackground] ends them. Pipes and
// pipelines are those of package plumb; [Shell.RunPlumber] joins them to other
// nodes' and ends them.
//
// # Limits
//
// A line is at most 1 MiB, a history 10,000 lines, the output of `shell` and of
// `background` 16 MiB.
//
// # What it does not do
//
// It starts no node and moves no files: it asks the mesh and the transfer
// engine through the small interfaces in needs.go.
package shell
