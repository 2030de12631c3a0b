// Package completion says what Tab should do.
//
// [Complete] is a function: from a grammar, a line, a cursor and what is known
// at the moment it works out the text to insert and the candidates to list, in
// the manner of bash. It holds no state, does no I/O and starts nothing, so it
// can stand in a key loop and be called from any goroutine.
//
// [MeshNames] is what is known of the files of the whole mesh. It never makes a
// key wait: Names returns what other nodes have said so far and asks them again
// in the background; the function that it was made with is called when they
// have answered. A node that stays silent is left out, and keeps no other question
// waiting.
//
//	names := completion.NewMeshNames(node, store.Names, term.Refresh)
//	node.Handle(completion.Method, names.Answer)
//	go names.Run(ctx)                       // owns every question
//	r := completion.Complete(grammar, line, cursor, sources)
//	r.Pending = names.Pending()             // worth waiting a moment longer
//	r.Total = names.Total()                 // there are more than Complete knows
//
// Words are quoted when they must be, each candidate is offered once, a single
// match is followed by a space, and a directory by nothing, since more is to
// come. A word that begins with `file:` or `tar:` completes to the mesh's files
// wherever it stands, in quotes too; one with a $ to the name of a variable. A node
// range is completed at its end, inside of its brackets too, and a word of parts
// part by part.
//
// The package does not know the shell's commands: its [Grammar] does.
package completion
