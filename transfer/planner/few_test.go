package planner

import (
	"fmt"
	"testing"
	"time"
)

func TestASmallFileLeavesTheSeedOnce(t *testing.T) {
	for _, chunks := range []int{4, 8, 16, 32} {
		for _, latency := range []time.Duration{100 * time.Microsecond, 5 * time.Millisecond, 20 * time.Millisecond} {
			t.Run(fmt.Sprintf("%d chunks, latency %v", chunks, latency), func(t *testing.T) {
				s := newNetsim(simSetup{seeds: 1, receivers: 16, chunks: chunks, latency: latency})
				took := s.run(everybody)
				t.Log(s.shown(took, time.Duration(chunks)*slot, 1))
				if took == 0 || s.hosts[0].sent > chunks*5/4 {
					t.Errorf("in %v 16 receivers made the seed send %d chunks of %d", took, s.hosts[0].sent, chunks)
				}
			})
		}
	}
}
