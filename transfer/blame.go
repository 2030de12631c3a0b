package transfer

import (
	"sync"
	"time"

	"minimega/mesh/wire"
)

const (
	blameWithin = 10 * time.Minute
	blameLimit  = 3 // bad chunks within blameWithin that ban a node
	firstBan    = 10 * time.Minute
	longestBan  = 24 * time.Hour
)

// blames counts who sent bad data.
type blames struct {
	mu    sync.Mutex
	nodes map[wire.NodeID]*blamed
}

type blamed struct {
	name  wire.NodeName
	times []time.Duration // of bad data, the latest last
	ban   time.Duration   // length of the last ban; 0: none yet
	until time.Duration   // its end
}

// blame counts one bad chunk or manifest of a node. The third in ten minutes
// bans it for ten minutes, each ban lasting twice as long as the one before.
func (e *Engine) blame(node wire.Member) {
	now := e.now()
	e.blames.mu.Lock()
	defer e.blames.mu.Unlock()
	b := e.blames.nodes[node.ID]
	if b == nil {
		b = &blamed{}
		e.blames.nodes[node.ID] = b
	}
	b.name = node.Name
	b.times = append(b.times, now)
	for len(b.times) > 0 && now-b.times[0] > blameWithin {
		b.times = b.times[1:]
	}
	e.log.Warn("bad data", "node", node.Name, "times", len(b.times))
	if len(b.times) < blameLimit {
		return
	}
	b.ban = min(max(2*b.ban, firstBan), longestBan)
	b.until, b.times = now+b.ban, nil
	e.log.Warn("node banned as a source", "node", node.Name, "for", b.ban)
}

// banned reports whether nothing is to be asked of a node.
func (e *Engine) banned(id wire.NodeID) bool {
	e.blames.mu.Lock()
	defer e.blames.mu.Unlock()
	b := e.blames.nodes[id]
	return b != nil && e.now() < b.until
}

// Banned returns the nodes that nothing is asked of, because they sent bad
// data, and for how long still.
func (e *Engine) Banned() map[wire.NodeName]time.Duration {
	e.blames.mu.Lock()
	defer e.blames.mu.Unlock()
	out := map[wire.NodeName]time.Duration{}
	for _, b := range e.blames.nodes {
		if left := b.until - e.now(); left > 0 {
			out[b.name] = left
		}
	}
	return out
}
