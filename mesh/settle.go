package mesh

import (
	"context"
	"fmt"
	"time"

	"minimega/mesh/wire"
)

// settleLimit is how long [Node.Settle] waits at most after the start.
const settleLimit = 5 * time.Second

// Settle blocks until the mesh has had its time to form: discovery has asked
// everywhere once, what it found has been dialled, who was reached is a member,
// and the members have been the same for half a second. Later it returns at once.
// The error is ctx's, or [wire.ErrUnreachable] when the node has left.
func (n *Node) Settle(ctx context.Context) error {
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for !n.settled.Load() {
		if n.isCalm() {
			n.settled.Store(true)
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.tasks.ctx.Done():
			return fmt.Errorf("%w: this node has left", wire.ErrUnreachable)
		case <-ticker.C:
		}
	}
	return nil
}

// isCalm reports whether nothing happens that belongs to the start.
func (n *Node) isCalm() bool {
	first := n.cfg.FirstRound == nil
	if !first {
		select {
		case <-n.cfg.FirstRound:
			first = true
		default:
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.calm.IsZero() {
		return false // Run was not called yet
	}
	still := time.Since(n.calm) >= 500*time.Millisecond
	return first && still && !n.topo.Forming() || time.Since(n.began) >= settleLimit
}
