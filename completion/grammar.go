package completion

// A Candidate is one word that may stand at the cursor.
type Candidate struct {
	Text string // unquoted; a directory ends in "/"
	Help string // one line, or empty
}

// Kind tells what may stand in a [Slot].
type Kind int

// Kinds of slot. From Own on they are the caller's: Complete hands them to
// [Sources.Names] as they are.
const (
	None        Kind = iota // nothing is offered
	MeshFile                // a path below the files directory, on any node
	LocalFile               // a path on this node
	Node                    // node names, the last of a list after commas
	Command                 // a whole command: the words that begin one
	Word                    // the slot's Words and nothing else
	MeshArchive             // a MeshFile that tar: unpacks; what Complete asks for behind tar:
	Variable                // what may follow a $; Complete asks for it in any argument
	Host                    // names of hosts, in the mesh or not, the last of a list as with Node
	Own         Kind = 100
)

// A Slot is one way in which a line may go on.
type Slot struct {
	Kind    Kind
	Words   []Candidate // offered as well, whatever the kind (such as "all" beside Node)
	Options []Candidate // offered after a comma in the word (such as disk interfaces); of those with one Help only one may stand
	Repeat  bool        // more words of the same slot may follow

	// Parts, where it is set, is all that is offered: it returns what may follow
	// those parts of the word and a comma, each ending in a comma where more must
	// follow. It must not block.
	Parts func(parts []string) []Candidate
}

// Partial is the word that the cursor stands at the end of.
type Partial struct {
	Text  string // without quotes and escapes
	Start int    // where it begins in the line, its opening quote included, in bytes
	Quote byte   // the quote that is still open: 0, '"' or '\''
}

// Grammar knows commands. Both methods are pure.
type Grammar interface {
	// Split returns the complete words of line, unquoted, and the unfinished
	// one at its end: empty, starting at len(line), after a space.
	Split(line string) (words []string, last Partial)
	// Slots returns what may follow these words; inside a nested command,
	// what may follow there. Nothing where the words are no command.
	Slots(words []string) []Slot
}

// Sources holds what is known at the moment.
type Sources interface {
	// Names returns names of a kind that begin with prefix, whole and not
	// only what follows the prefix, in any order. It must not block. The
	// slice is only read.
	Names(kind Kind, prefix string) []string
}

// A Result says what to do with a line at a cursor.
type Result struct {
	Start      int         // line[Start:cursor] is to be replaced
	Insert     string      // by this: the longest common prefix, quoted where it must be
	Candidates []Candidate // sorted, each once
	Pending    bool        // set by the caller: more may be known in a moment
	Total      int         // set by the caller: there are at least so many, where Candidates are not all
}
