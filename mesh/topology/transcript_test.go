package topology

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"minimega/mesh/wire"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// TestTranscripts replays testdata/*.txt. A block is one event, a line of four
// dashes and what the machine wants done about it; blank lines part blocks.
//
//	new NODE DEGREE
//	hint NODE ADDR | join ADDR | failed KEY [MET]
//	up LINK NODE (dialled|accepted|asked) [KEY] | down LINK | hangup NODE
//	heard LINK | ping LINK DIGEST | state LINK NODE SEQ PEERS [left] [silent=PEERS]
//	summary LINK NODE=SEQ …
//	run DURATION        lets time pass, ticking when the machine wants
//	show                members, their links and distances
//
// Nodes are single letters; m is the machine itself.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { replay(t, file) })
	}
}

func replay(t *testing.T, file string) {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	s := &script{now: time.Unix(0, 0)}
	for block := range strings.SplitSeq(strings.TrimRight(string(content), "\n"), "\n\n") {
		event, _, _ := strings.Cut(block, "\n----")
		fmt.Fprintf(&got, "%s\n----\n", event)
		lines := strings.Split(event, "\n")
		s.play(strings.Fields(lines[len(lines)-1]), &got)
		got.WriteString("\n")
	}
	result := strings.TrimRight(got.String(), "\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(result), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if result != string(content) {
		t.Errorf("%s: differs; run with -update and look at the change. Now:\n%s", file, result)
	}
}

// script is the state of a replay.
type script struct {
	now time.Time
	m   *Machine
}

// letter returns the node that a letter stands for.
func letter(s string) wire.NodeID { return wire.NodeID{s[0]} }

// key returns the key of a target: a node's id, or else an address.
func key(s string) string {
	if len(s) == 1 {
		return letter(s).String()
	}
	return s
}

func letters(s string) []wire.NodeID {
	var nodes []wire.NodeID
	for _, c := range s {
		if c != '-' {
			nodes = append(nodes, letter(string(c)))
		}
	}
	return nodes
}

func name(id wire.NodeID) string {
	if id.IsZero() {
		return "?"
	}
	return string(rune(id[0]))
}

func names(ids []wire.NodeID) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(name(id))
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}

func number(s string) uint64 {
	v, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		panic(err)
	}
	return v
}

// play hands one event to the machine and writes what it wants.
func (s *script) play(words []string, out *strings.Builder) {
	args := words[1:]
	switch words[0] {
	case "new":
		self := wire.LinkState{ID: letter(args[0]), Name: wire.NodeName(args[0]), Addrs: []string{"10.0.0.1"}, Port: 9000}
		s.m = New(Config{Self: self, Degree: int(number(args[1])), Timing: DefaultTiming(), Seed: 1}, s.now)
	case "hint":
		s.m.Hint(s.now, Target{Key: key(args[0]), ID: letter(args[0]), Addrs: args[1:]})
	case "join":
		s.m.Join(s.now, Target{Key: args[0], Addrs: args[:1]})
	case "failed":
		s.m.DialFailed(s.now, key(args[0]), letter((strings.Join(args[1:], "") + "\x00")[:1]))
	case "up":
		origin := map[string]Origin{"dialled": Dialled, "accepted": Accepted, "asked": Asked}[args[2]]
		s.m.Up(s.now, LinkID(number(args[0])), letter(args[1]), origin, key(strings.Join(args[3:], "")))
	case "down":
		s.m.Down(s.now, LinkID(number(args[0])))
	case "hangup":
		fmt.Fprintf(out, "%v\n", s.m.Hangup(s.now, letter(args[0])))
	case "heard":
		s.m.Heard(s.now, LinkID(number(args[0])))
	case "ping":
		s.m.Receive(s.now, LinkID(number(args[0])), &wire.Ping{Seq: 1, Digest: number(args[1])})
	case "state":
		s.state(args)
	case "summary":
		summary := &wire.Summary{}
		for _, arg := range args[1:] {
			id, seq, _ := strings.Cut(arg, "=")
			summary.Known = append(summary.Known, wire.Known{ID: letter(id), Seq: number(seq)})
		}
		s.m.Receive(s.now, LinkID(number(args[0])), summary)
	case "run":
		s.run(args[0], out)
	case "forming":
		fmt.Fprintf(out, "%v\n", s.m.Forming())
	case "show":
		s.show(out)
	default:
		panic(words[0])
	}
	s.print(out)
}

func (s *script) state(args []string) {
	state := wire.LinkState{
		ID: letter(args[1]), Name: wire.NodeName(args[1]), Seq: number(args[2]), Peers: letters(args[3]),
		Addrs: []string{"10.0.1." + strconv.Itoa(int(args[1][0]))}, Port: 9000, Want: 4,
	}
	for _, arg := range args[4:] {
		if silent, ok := strings.CutPrefix(arg, "silent="); ok {
			state.Silent = letters(silent)
		}
		state.Left = state.Left || arg == "left"
	}
	s.m.Receive(s.now, LinkID(number(args[0])), &wire.LinkStates{States: []wire.LinkState{state}})
}

func (s *script) run(d string, out *strings.Builder) {
	limit, err := time.ParseDuration(d)
	if err != nil {
		panic(err)
	}
	end := s.now.Add(limit)
	for !s.m.Next().After(end) {
		if next := s.m.Next(); next.After(s.now) {
			s.now = next
		}
		s.m.Tick(s.now)
		s.print(out)
	}
	s.now = end
}

func (s *script) show(out *strings.Builder) {
	for _, n := range s.m.members {
		fmt.Fprintf(out, "%s: %d hops over link %d\n", name(n.state.ID), n.hops, n.via.id)
	}
}

// print writes the actions, each with the time since the start.
func (s *script) print(out *strings.Builder) {
	for _, a := range s.m.Actions() {
		fmt.Fprintf(out, "%v %s\n", s.now.Sub(time.Unix(0, 0)).Round(time.Millisecond), describe(a))
	}
}

func describe(a Action) string {
	switch a := a.(type) {
	case Dial:
		return fmt.Sprintf("dial %s at %s", name(a.Target.ID), strings.Join(a.Target.Addrs, " "))
	case Drop:
		return fmt.Sprintf("drop link %d: %s", a.Link, a.Why)
	case Send:
		return fmt.Sprintf("link %d: %s", a.Link, payload(a))
	case Changed:
		return "members changed"
	case Rerouted:
		return "a way is gone"
	}
	panic(a)
}

func payload(a Send) string {
	switch p := a.Payload.(type) {
	case *wire.Ping:
		return map[wire.Type]string{wire.TypePing: "ping", wire.TypePong: "pong"}[a.Type] + fmt.Sprintf(" %d", p.Seq)
	case *wire.Summary:
		text := "summary"
		for _, k := range p.Known {
			text += fmt.Sprintf(" %s=%d", name(k.ID), k.Seq)
		}
		return text
	case *wire.LinkStates:
		text := "states"
		for _, s := range p.States {
			text += fmt.Sprintf(" %s=%d,%s", name(s.ID), s.Seq, names(s.Peers))
			if len(s.Silent) > 0 {
				text += ",silent=" + names(s.Silent)
			}
			if s.Left {
				text += ",left"
			}
		}
		return text
	}
	return "leave"
}
