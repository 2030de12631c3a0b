package shell

import (
	"flag"

	"minimega/shell/grammar"
	"minimega/vmconfig"
)

// An Entry is a command as a manual describes it.
type Entry struct {
	Usage   []string // its forms, as `help` prints them; at least one
	Help    string   // one line
	Long    string   // more of it, or ""
	Example string   // lines to type, or ""
}

// Manual returns all commands, in the order of the table, for the documents
// that are made of it. The error wraps [grammar.ErrPattern].
func Manual() ([]Entry, error) {
	s := &Shell{cfg: Config{VM: vmconfig.New(defaultBase + "/files")}}
	var all []Entry
	for _, command := range s.table() {
		e := Entry{Help: command.Help, Long: command.Long, Example: command.Example}
		for _, source := range command.Patterns {
			p, err := grammar.Compile(source)
			if err != nil {
				return nil, err
			}
			e.Usage = append(e.Usage, p.Usage())
		}
		all = append(all, e)
	}
	return all, nil
}

// A Flag is a flag of the program as a manual describes it.
type Flag struct {
	Name     string
	Argument string // what stands behind it, "" for nothing
	Help     string
	Default  string // "" where the help says it or there is none
}

// ManualFlags returns the program's flags by name.
func ManualFlags() []Flag {
	var o Options
	var name, head, join string
	var execute bool
	var all []Flag
	newFlags(&o, &name, &head, &join, &execute).VisitAll(func(f *flag.Flag) {
		argument, help := flag.UnquoteUsage(f)
		def := f.DefValue
		if def == "false" || def == "0" {
			def = ""
		}
		all = append(all, Flag{Name: f.Name, Argument: argument, Help: help, Default: def})
	})
	return all
}
