package plumb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"minimega/mesh/wire"
)

// maxJoints is how many readers and writers a pipe has on a node.
const maxJoints = 1024

// Failures of pipes.
var (
	ErrCleared = errors.New("the pipe was cleared: join it again to have a new one")

	errPipes  = fmt.Errorf("pipe: there are %d pipes, which is the most: clear pipe NAME forgets one", maxPipes)
	errJoints = fmt.Errorf("pipe: it has %d readers and writers here, which is the most: end one first", maxJoints)
	errEnding = errors.New("pipe: the program is ending")
)

// Mesh is what a [Plumber] needs of the mesh.
type Mesh interface {
	Self() wire.Member
	Members() []wire.Member   // who can be reached, without self
	Changed() <-chan struct{} // closed at their next change
	Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply]
}

// Plumber has the pipes and pipelines of a node. See the package comment.
type Plumber struct {
	mesh   Mesh
	log    *slog.Logger
	ctx    context.Context // of all that it starts
	cancel context.CancelFunc

	running sync.WaitGroup // of all that it starts

	mu        sync.Mutex // guards what follows
	ended     bool       // nothing is started any more
	pipes     map[Name]*pipe
	peers     map[wire.NodeID]*peer
	inboxes   map[wire.NodeID]*inbox
	forgotten map[wire.NodeID]bool // had pipes, and was lost: to be asked when it is back
	clock     uint64               // the highest version of settings seen
	shares    map[Name][]share     // who else reads, as far as somebody has asked
	seq       uint64               // of the parcel that was sent last
	pipelines []*pipeline          // in the order in which they began
}

// New returns a plumber that has no pipes. Until it runs it reaches no other
// node.
func New(mesh Mesh, log *slog.Logger) *Plumber {
	p := &Plumber{
		mesh: mesh, log: log,
		pipes: make(map[Name]*pipe), peers: make(map[wire.NodeID]*peer), inboxes: make(map[wire.NodeID]*inbox),
		forgotten: make(map[wire.NodeID]bool), shares: make(map[Name][]share),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Run keeps the pipes joined to those of the other nodes until ctx ends. Then it
// ends all pipelines and readers, and returns when all is gone.
func (p *Plumber) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		changed := p.mesh.Changed()
		p.meet(p.mesh.Members())
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.cancel()
	p.running.Wait()
	return nil
}

// startLocked runs f on a goroutine that Run waits for, and reports whether it
// does.
func (p *Plumber) startLocked(f func()) bool {
	if p.ended {
		return false
	}
	p.running.Go(f)
	return true
}

// pipe is this node's part of one pipe. Its fields are guarded by Plumber.mu.
type pipe struct {
	name    Name
	set     settings
	readers []*Joint
	writers int
	turn    uint64             // whose turn it is, in RoundRobin
	count   uint64             // lines written here
	last    string             // of them, or its beginning
	at      time.Time          // of last
	lost    uint64             // by readers that have gone
	slow    bool               // somebody was slow, which has been logged
	ctx     context.Context    // ends when it is cleared
	end     context.CancelFunc // of ctx
}

// pipeLocked returns the pipe of that name, which it makes where there is none.
func (p *Plumber) pipeLocked(name Name) (*pipe, error) {
	if found := p.pipes[name]; found != nil {
		return found, nil
	}
	switch {
	case p.ended:
		return nil, errEnding
	case len(p.pipes) >= maxPipes:
		return nil, errPipes
	}
	made := &pipe{name: name, set: p.knownLocked(name)}
	made.ctx, made.end = context.WithCancel(context.Background())
	p.pipes[name] = made
	return made, nil
}

// knownLocked returns the settings of a pipe that any node knows.
func (p *Plumber) knownLocked(name Name) settings {
	var best settings
	for _, in := range p.inboxes {
		if known := in.pipes[name].Set; known.later(best) {
			best = known
		}
	}
	return best
}

// Write writes lines to a pipe: text, of which each line ends with \n, or is the
// last. It waits for readers as the package comment says.
func (p *Plumber) Write(ctx context.Context, name Name, text string) error {
	p.mu.Lock()
	to, err := p.pipeLocked(name)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	return p.writeLines(ctx, to, nil, text)
}

func (p *Plumber) writeLines(ctx context.Context, to *pipe, from *Joint, text string) error {
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") {
			line += "\n"
		}
		for len(line) > MaxLine {
			if err := p.writeLine(ctx, to, from, line[:MaxLine-1]+"\n"); err != nil {
				return err
			}
			line = line[MaxLine-1:]
		}
		if err := p.writeLine(ctx, to, from, line); err != nil {
			return err
		}
	}
	return nil
}

// writeLine hands one line to who is to have it.
func (p *Plumber) writeLine(ctx context.Context, to *pipe, from *Joint, line string) error {
	targets, err := p.note(to, from, line)
	for _, t := range targets {
		if t.queue.put(ctx, item{to.name, t.one, line}) {
			p.noteSlow(to)
		}
	}
	return err
}

// target is a queue that a line goes into.
type target struct {
	queue *queue
	one   bool
}

// note counts a line and returns where it goes.
func (p *Plumber) note(to *pipe, from *Joint, line string) ([]target, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to.ctx.Err() != nil {
		return nil, ErrCleared
	}
	to.count++
	to.last, to.at = strings.Clone(line[:min(len(line)-1, maxLast)]), time.Now()
	if to.set.Log {
		p.log.Info("pipe", "name", to.name.Pipe, "namespace", to.name.Space, "line", to.last)
	}
	if to.set.Mode == All || to.set.Mode > Random {
		return p.everybodyLocked(to, from), nil
	}
	return p.somebodyLocked(to, from), nil
}

// everybodyLocked returns all readers of a pipe, here and on other nodes.
func (p *Plumber) everybodyLocked(to *pipe, from *Joint) []target {
	var all []target
	for _, r := range to.readers {
		if r != from {
			all = append(all, target{r.queue, false})
		}
	}
	for _, s := range p.sharesLocked(to.name) {
		all = append(all, target{s.peer.queue, false})
	}
	return all
}

// somebodyLocked returns one reader of a pipe, here or on another node.
func (p *Plumber) somebodyLocked(to *pipe, from *Joint) []target {
	here := readersBut(to.readers, from)
	shares := p.sharesLocked(to.name)
	total := len(here)
	for _, s := range shares {
		total += s.readers
	}
	if total == 0 {
		return nil
	}
	i := to.set.turn(total, &to.turn, rand.IntN)
	if i < len(here) {
		return []target{{here[i].queue, false}}
	}
	i -= len(here)
	for _, s := range shares {
		if i < s.readers {
			return []target{{s.peer.queue, true}}
		}
		i -= s.readers
	}
	return nil
}

// readersBut returns all but one of readers.
func readersBut(readers []*Joint, but *Joint) []*Joint {
	for i, r := range readers {
		if r == but {
			return append(append([]*Joint(nil), readers[:i]...), readers[i+1:]...)
		}
	}
	return readers
}

// noteSlow logs the first time that somebody does not keep up with a pipe.
func (p *Plumber) noteSlow(to *pipe) {
	p.mu.Lock()
	first := !to.slow
	to.slow = true
	p.mu.Unlock()
	if first {
		p.log.Warn("a reader of a pipe is slow: it loses its oldest lines", "pipe", to.name.Pipe, "namespace", to.name.Space)
	}
}

// deliver hands a line of another node to readers here.
func (p *Plumber) deliver(ctx context.Context, name Name, one bool, line string) {
	p.mu.Lock()
	to := p.pipes[name]
	var readers []*Joint
	if to != nil {
		readers = readersBut(to.readers, nil)
	}
	if one && len(readers) > 1 {
		i := to.set.turn(len(readers), &to.turn, rand.IntN)
		readers = readers[i : i+1]
	}
	p.mu.Unlock()
	for _, r := range readers {
		if r.queue.put(ctx, item{name, false, line}) {
			p.noteSlow(to)
		}
	}
}
