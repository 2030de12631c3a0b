package shell

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"minimega/mesh/wire"
)

// ErrUsage reports flags that make no sense. The text of the flags' help is
// [Usage].
var ErrUsage = errors.New("usage")

// Options are what the program was started with.
type Options struct {
	Base     string        // state directory
	FilePath string        // the directory that is served
	Name     wire.NodeName // of this node; need not be unique
	Context  string        // meshes are kept apart by it
	Degree   int           // links to keep
	Port     int           // TCP; 0 takes a free one
	Key      string        // file that holds the mesh's key; "" is the default one
	Join     []string      // HOST[:PORT]
	Head     wire.NodeName // whose files are preferred, and that the log goes to; "": none, or this node
	Open     bool          // a mesh that anybody may join
	NoStdin  bool          // no prompt and no script
	Execute  []string      // a command for a program that runs; nil: -e was not given
	Attach   bool          // a prompt for a program that runs
	Pipe     string        // of a program that runs, for the standard streams; "": none
	Space    string        // the namespace of -e and -attach; "" is the first
	Force    bool          // take the base directory over
	Level    string        // debug, info, warn or error
	Hash     bool          // all files are hashed, and file list tells the hashes
	LogFile  string        // "" is standard error
	CACert   string        // file with roots besides the system's, for https; "": none
	Allow    string        // networks that URLs may lead to; "": all but link-local ones
	Version  bool          // print the version and end
	Absolute bool          // disk snapshot names backing images by absolute paths
	CLI      bool          // print the table of commands as JSON and end
	Complete string        // a shell whose completion script is to be printed, or what a script asks for; "": none

	flags *flag.FlagSet
}

// defaultBase is where the reference keeps its state.
const defaultBase = "/tmp/minimega"

// Parse reads the program's arguments, without its name. Its error wraps
// [ErrUsage], and flag.ErrHelp where help was asked for.
func Parse(args []string) (Options, error) {
	var o Options
	var name, head, join string
	var execute bool
	o.flags = newFlags(&o, &name, &head, &join, &execute)
	if err := o.flags.Parse(args); err != nil {
		return o, explainFlag(err)
	}
	if execute {
		o.Execute = append([]string{}, o.flags.Args()...)
	} else if o.flags.NArg() > 0 {
		return o, fmt.Errorf("%w: %q: must be a flag: use -e to run a command", ErrUsage, o.flags.Arg(0))
	}
	for host := range strings.SplitSeq(join, ",") {
		if host = strings.TrimSpace(host); host != "" {
			o.Join = append(o.Join, host)
		}
	}
	return o, o.check(name, head)
}

// newFlags returns the flags of the program, which set o.
func newFlags(o *Options, name, head, join *string, execute *bool) *flag.FlagSet {
	f := flag.NewFlagSet("minimega", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.Base, "base", defaultBase, "`directory` for the socket and other state")
	f.StringVar(&o.FilePath, "filepath", "", "`directory` whose files are shared (default files below -base)")
	f.StringVar(name, "name", "", "`name` of this node (default the host's)")
	f.StringVar(&o.Context, "context", "minimega", "`name` of the mesh: nodes of another one are not met")
	f.IntVar(&o.Degree, "degree", 4, "least `number` of links to other nodes; 0 waits for theirs")
	f.IntVar(&o.Port, "port", 9000, "TCP `port`; 0 takes a free one")
	f.StringVar(&o.Key, "key", "", "`file` with the mesh's key (default /etc/minimega/mesh.key as root, ~/.config/minimega/mesh.key)")
	f.StringVar(join, "join", "", "`hosts` to dial, HOST[:PORT], separated by commas")
	f.StringVar(head, "headnode", "", "`name` of the node whose files are taken where nodes differ, and that the log goes to")
	f.BoolVar(&o.Hash, "hashfiles", false, "hash all files at once, and have file list tell the hashes")
	f.BoolVar(&o.Open, "open", false, "a mesh that anybody on the network may join")
	f.BoolVar(&o.NoStdin, "nostdin", false, "serve without reading commands")
	f.BoolVar(execute, "e", false, "have the minimega that runs do the command that follows")
	f.BoolVar(&o.Attach, "attach", false, "a prompt of the minimega that runs")
	f.StringVar(&o.Pipe, "pipe", "", "`name` of a pipe of the minimega that runs: standard input goes into it, its lines come out")
	f.StringVar(&o.Space, "namespace", "", "`namespace` to work in, for -e, -attach and -pipe")
	f.BoolVar(&o.Force, "force", false, "take over a base directory that is in use")
	f.StringVar(&o.Level, "level", "error", "least `level` that is logged: debug, info, warn, error, fatal")
	f.StringVar(&o.LogFile, "logfile", "", "`file` to log to (default standard error)")
	f.BoolVar(&o.Force, "recover", false, "the same as -force")
	f.BoolVar(&o.Absolute, "abssnapshot", false, "have disk snapshot name backing images by absolute paths")
	f.BoolVar(&o.CLI, "cli", false, "print the table of commands as JSON")
	f.StringVar(&o.Complete, "completion", "", "print the completion script of a `shell`: bash, fish or zsh")
	f.StringVar(&o.CACert, "cacert", "", "`file` with certificates in PEM that https:// servers may be signed by as well")
	f.StringVar(&o.Allow, "http-allow", "", "`networks`, CIDR[,CIDR]..., that URLs may lead to (default all but 169.254.0.0/16 and fe80::/10)")
	f.BoolVar(&o.Version, "version", false, "print the version")
	return f
}

// check fills what was left to defaults and refuses what makes no sense.
func (o *Options) check(name, head string) error {
	switch {
	case o.Port < 0 || o.Port > 65535:
		return fmt.Errorf("%w: -port: must be 0 to 65535, but is %d", ErrUsage, o.Port)
	case o.Degree < 0 || o.Degree > maxDegree:
		return fmt.Errorf("%w: -degree: must be 0 to %d, but is %d", ErrUsage, maxDegree, o.Degree)
	case o.Base == "":
		return fmt.Errorf("%w: -base: must name a directory", ErrUsage)
	case o.Space != "" && !o.Attach && o.Execute == nil && o.Pipe == "":
		return fmt.Errorf("%w: -namespace: is for -e, -attach and -pipe: type `namespace %s` at the prompt", ErrUsage, o.Space)
	}
	if o.Complete != "" && o.Complete != completionWords && o.Complete != completionLine && !slices.Contains(completionShells(), o.Complete) {
		return fmt.Errorf("%w: -completion: must be bash, fish or zsh, but is %q", ErrUsage, o.Complete)
	}
	if !slices.Contains(levelNames(), o.Level) {
		return fmt.Errorf("%w: -level: must be debug, info, warn, error or fatal, but is %q", ErrUsage, o.Level)
	}
	var err error
	if o.Base, err = filepath.Abs(o.Base); err != nil {
		return fmt.Errorf("%w: -base: %w", ErrUsage, err)
	}
	if o.FilePath == "" {
		o.FilePath = filepath.Join(o.Base, "files")
	}
	if o.FilePath, err = filepath.Abs(o.FilePath); err != nil {
		return fmt.Errorf("%w: -filepath: %w", ErrUsage, err)
	}
	return o.named(name, head)
}

// levelNames are the levels of the log, the lowest first.
func levelNames() []string { return []string{"debug", "info", "warn", "error", "fatal"} }

// named gives the node its name, and another one as its head.
func (o *Options) named(name, head string) error {
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("%w: -name: must be given, the host has none: %w", ErrUsage, err)
		}
		name = host
	}
	parsed, err := wire.ParseNodeName(name)
	if err != nil {
		return fmt.Errorf("%w: -name: %w", ErrUsage, err)
	}
	if o.Name = parsed; head == "" || head == name {
		return nil
	}
	if o.Head, err = wire.ParseNodeName(head); err != nil {
		return fmt.Errorf("%w: -headnode: %w", ErrUsage, err)
	}
	return nil
}

// Args returns all flags and their values, sorted, as the command args prints
// them.
func (o *Options) Args() [][2]string {
	var all [][2]string
	o.flags.VisitAll(func(f *flag.Flag) {
		all = append(all, [2]string{f.Name, f.Value.String()})
	})
	for i := range all {
		switch all[i][0] {
		case "base":
			all[i][1] = o.Base
		case "filepath":
			all[i][1] = o.FilePath
		case "name":
			all[i][1] = string(o.Name)
		case "port":
			all[i][1] = strconv.Itoa(o.Port)
		}
	}
	return all
}

// Usage returns the help of all flags.
func Usage() string {
	var o Options
	var name, head, join string
	var execute bool
	var b strings.Builder
	f := newFlags(&o, &name, &head, &join, &execute)
	f.SetOutput(&b)
	b.WriteString("usage: minimega [flags] [-e command]\n")
	f.PrintDefaults()
	return b.String()
}
