package shell

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"minimega/completion"
	"minimega/shell/child"
)

// Limits of what is kept of QEMU programs.
const (
	maxQEMULists  = 16      // programs and fields
	maxQEMUOutput = 1 << 20 // bytes of one
)

// qemuTypes knows the types of machine and CPU that QEMU programs list. Nobody
// waits for a program: one is run in the background when its list is first wanted,
// and again when it is another one by then. It is safe for concurrent use.
type qemuTypes struct {
	asks chan qemuList

	mu    sync.Mutex // guards what follows
	known map[qemuList][]completion.Candidate
}

// qemuList is one list of one program.
type qemuList struct {
	path, field string // field: cpu or machine
	changed     time.Time
}

func newQEMUTypes() *qemuTypes {
	return &qemuTypes{asks: make(chan qemuList, maxQEMULists), known: map[qemuList][]completion.Candidate{}}
}

// offerTypes offers the types that the configured QEMU has, of which field is
// about, as far as it has told.
func offerTypes(field string) Offer {
	return func(s *Shell, _ []string) []completion.Candidate {
		var all []completion.Candidate
		for _, program := range once(slices.Concat(s.spaces.values("qemu")...)) {
			all = append(all, s.qemu.list(program, field)...)
		}
		return all
	}
}

// list returns what a program lists, or has it asked for.
func (q *qemuTypes) list(program, field string) []completion.Candidate {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	one := qemuList{path, field, info.ModTime()}
	found, ok := q.known[one]
	if !ok {
		q.askLocked(one)
	}
	return found
}

// askLocked has one asked for, once; where too many questions wait already, not
// now.
func (q *qemuTypes) askLocked(one qemuList) {
	select {
	case q.asks <- one:
	default:
		return
	}
	if len(q.known) >= maxQEMULists {
		clear(q.known)
	}
	q.known[one] = nil
}

// RunQEMU asks QEMU for the types that Tab finds missing, until ctx ends. It
// returns when no program runs any more, always nil.
func (s *Shell) RunQEMU(ctx context.Context) error {
	for {
		select {
		case one := <-s.qemu.asks:
			if s.qemu.ask(ctx, one) {
				s.cfg.Console.Refresh()
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// ask runs a program for its list, and reports whether there is one. Where it
// fails the next Tab has it asked again.
func (q *qemuTypes) ask(ctx context.Context, one qemuList) bool {
	ctx, cancel := context.WithTimeout(ctx, qemuWithin)
	defer cancel()
	said := child.Kept{Most: maxQEMUOutput}
	command := child.Command(ctx, one.path, "-"+one.field, "help")
	command.Stdout = &said
	err := command.Run()
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		delete(q.known, one)
		return false
	}
	q.known[one] = typesIn(said.String())
	return true
}

// typesIn returns what is listed between the first line that ends in a colon and
// the next, or an empty one: a name each, which the kind of processor may stand
// before, and what it is.
func typesIn(text string) []completion.Candidate {
	var all []completion.Candidate
	_, list, _ := strings.Cut(text, ":\n")
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasSuffix(words[len(words)-1], ":") {
			break
		}
		if len(words) > 1 && slices.Contains([]string{"x86", "PowerPC", "s390"}, words[0]) {
			words = words[1:]
		}
		all = append(all, completion.Candidate{Text: words[0], Help: strings.Join(words[1:], " ")})
	}
	return all
}
