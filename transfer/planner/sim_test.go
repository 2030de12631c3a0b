package planner

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// shown is what a simulation has shown.
func (s *netsim) shown(took, bound time.Duration, seeds int) string {
	sent := 0
	for _, h := range s.hosts[:seeds] {
		sent += h.sent
	}
	return fmt.Sprintf("time/bound %.3f, seeds sent %.3f x the file, %.2f %% of chunks came twice",
		float64(took)/float64(bound), float64(sent)/float64(s.chunks), 100*s.again())
}

// again returns how many chunks came though they were here, as a part of those that
// were not.
func (s *netsim) again() float64 {
	twice := 0
	for _, h := range s.hosts {
		twice += h.twice
	}
	return float64(twice) / float64(s.useful)
}

// sizes returns the numbers of receivers that are simulated: short tests leave
// out the large ones.
func sizes(all ...int) []int {
	return slices.DeleteFunc(all, func(n int) bool { return testing.Short() && n > 16 })
}

func everybody(*simHost) bool { return true }

func TestTimeHardlyGrowsWithTheNumberOfReceivers(t *testing.T) {
	const chunks, bound = 1024, 1024 * slot
	for _, n := range sizes(2, 4, 8, 16, 32, 64, 128, 256, 512) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := newNetsim(simSetup{seeds: 1, receivers: n, chunks: chunks, latency: time.Millisecond})
			took := s.run(everybody)
			t.Logf("N %3d: %s", n, s.shown(took, bound, 1))
			over := 1.03
			switch {
			case n > fewSources:
				over = 1.18
			case n > 16:
				over = 1.04
			}
			if most := time.Duration(over * float64(bound)); took == 0 || took > most {
				t.Errorf("%d receivers take %v, want at most %v", n, took, most)
			}
		})
	}
}

func TestChunksThatAreSentSideBySideTakeHardlyLonger(t *testing.T) {
	const chunks, bound = 1024, 1024 * slot
	for _, n := range sizes(16, 64) {
		over := 1.03
		if n > fewSources {
			over = 1.17
		}
		s := newNetsim(simSetup{seeds: 1, receivers: n, chunks: chunks, latency: time.Millisecond, pieces: 8})
		took := s.run(everybody)
		t.Logf("N %3d: %s", n, s.shown(took, bound, 1))
		if most := time.Duration(over * float64(bound)); took == 0 || took > most {
			t.Errorf("%d receivers take %v, want at most %v", n, took, most)
		}
	}
}

// So do real connections that share a link: which of them gets on is luck.
func TestChunksThatAreSentInNoOrderTakeLittleLonger(t *testing.T) {
	const chunks, bound = 1024, 1024 * slot
	for _, n := range sizes(16, 40) {
		over := 1.06
		if n > 16 {
			over = 1.13
		}
		s := newNetsim(simSetup{seeds: 1, receivers: n, chunks: chunks, latency: time.Millisecond, pieces: 8, unfair: true})
		took := s.run(everybody)
		t.Logf("N %3d: %s", n, s.shown(took, bound, 1))
		if most := time.Duration(over * float64(bound)); took == 0 || took > most {
			t.Errorf("%d receivers take %v, want at most %v", n, took, most)
		}
		if sent := float64(s.hosts[0].sent) / chunks; sent > over {
			t.Errorf("for %d receivers the seed sends %.3f x the file, want at most %.2f", n, sent, over)
		}
	}
}

func TestSlowOnesOfFortyHoldTheOthersUpLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 3 s")
	}
	t.Parallel()
	const receivers, chunks, bound = 40, 1024, 1024 * slot
	s := newNetsim(simSetup{seeds: 1, receivers: receivers, chunks: chunks, latency: 5 * time.Millisecond, shape: uneven})
	took := s.run(func(h *simHost) bool { return h.down <= slot })
	t.Logf("the fast ones: %s", s.shown(took, bound, 1))
	if most := time.Duration(1.15 * float64(bound)); took == 0 || took > most {
		t.Errorf("the fast ones take %v, want at most %v", took, most)
	}
}

func TestFortyHostsTakeHardlyLongerThanOne(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 3 s")
	}
	t.Parallel()
	const receivers, chunks, bound = 40, 2048, 2048 * slot
	s := newNetsim(simSetup{seeds: 1, receivers: receivers, chunks: chunks, latency: time.Millisecond})
	took := s.run(everybody)
	t.Log(s.shown(took, bound, 1))
	if most := time.Duration(1.03 * float64(bound)); took == 0 || took > most {
		t.Errorf("%d receivers take %v, want at most %v", receivers, took, most)
	}
}

func TestALargeFileTakesManyHardlyLongerThanOne(t *testing.T) {
	const chunks, bound = 4096, 4096 * slot
	for _, n := range sizes(2, 16, 40, 64, 128, 256, 512) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := newNetsim(simSetup{seeds: 1, receivers: n, chunks: chunks, latency: time.Millisecond})
			took := s.run(everybody)
			t.Logf("N %3d: %s", n, s.shown(took, bound, 1))
			if most := time.Duration(1.04 * float64(bound)); took == 0 || took > most {
				t.Errorf("%d receivers take %v, want at most %v", n, took, most)
			}
		})
	}
}

func TestLatencyIsHiddenByWhatIsOnTheWay(t *testing.T) {
	const chunks, bound = 1024, 1024 * slot
	for _, latency := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond} {
		for _, n := range sizes(4, 32) {
			s := newNetsim(simSetup{seeds: 1, receivers: n, chunks: chunks, latency: latency})
			took := s.run(everybody)
			t.Logf("N %2d, latency %v: %s", n, latency, s.shown(took, bound, 1))
			if most := time.Duration(1.15 * float64(bound)); took == 0 || took > most {
				t.Errorf("%d receivers at %v take %v, want at most %v", n, latency, took, most)
			}
		}
	}
}

func TestSlowLinksTakeNoMoreThanTheirTime(t *testing.T) {
	const slow = 105 * time.Millisecond // 64 KiB over 5 Mbit/s
	const chunks, bound = 512, 512 * slow
	for _, n := range sizes(16, 32) {
		over := 1.05
		if n > 16 {
			over = 1.1
		}
		s := newNetsim(simSetup{seeds: 1, receivers: n, chunks: chunks, latency: time.Millisecond, shape: func(h *simHost) {
			h.up, h.down = slow, slow
		}})
		took := s.run(everybody)
		t.Logf("N %3d: %s", n, s.shown(took, bound, 1))
		if most := time.Duration(over * float64(bound)); took == 0 || took > most {
			t.Errorf("%d receivers take %v, want at most %v", n, took, most)
		}
		if s.again() > 0.05 {
			t.Errorf("%.1f %% of what %d receivers got they had already", 100*s.again(), n)
		}
	}
}

// uneven gives every fourth host a link of a fifth of the speed, and every
// eighth one of twice it.
func uneven(h *simHost) {
	switch {
	case h.rx == nil:
	case h.id%4 == 1:
		h.up, h.down = 5*slot, 5*slot
	case h.id%8 == 0:
		h.up, h.down = slot/2, slot/2
	}
}

func TestSlowHostsDoNotHoldUpFastOnes(t *testing.T) {
	const chunks, bound = 1024, 1024 * slot
	for _, n := range sizes(5, 16, 64, 256) {
		s := newNetsim(simSetup{seeds: 1, receivers: n, chunks: chunks, latency: 5 * time.Millisecond, shape: uneven})
		took := s.run(func(h *simHost) bool { return h.down <= slot })
		t.Logf("N %3d, the fast ones: %s", n, s.shown(took, bound, 1))
		over := 1.05
		if n > fewSources {
			over = 1.3
		}
		if most := time.Duration(over * float64(bound)); took == 0 || took > most {
			t.Errorf("the fast ones of %d receivers take %v, want at most %v", n, took, most)
		}
	}
}

func TestLateJoinersTakeTheirOwnTimeAndNobodyElses(t *testing.T) {
	const chunks, bound = 1024, 1024 * slot
	for _, n := range sizes(8, 64) {
		s := newNetsim(simSetup{seeds: 1, receivers: n, chunks: chunks, latency: 5 * time.Millisecond, shape: func(h *simHost) {
			if h.rx != nil && h.id%2 == 0 {
				h.from = bound / 2
			}
		}})
		early := s.run(func(h *simHost) bool { return h.from == 0 })
		late := s.run(everybody) - bound/2
		t.Logf("N %2d: early %.3f of their bound, late %.3f of theirs, seed sent %.3f", n, float64(early)/float64(bound), float64(late)/float64(bound), float64(s.hosts[0].sent)/chunks)
		if early == 0 || float64(early) > 1.35*float64(bound) { // they give to the late ones meanwhile
			t.Errorf("those of %d that began first take %v, want at most 1.35 x %v", n, early, bound)
		}
		if late <= 0 || float64(late) > 1.15*float64(bound) {
			t.Errorf("those of %d that joined late take %v, want at most 1.15 x %v", n, late, bound)
		}
	}
}

func TestOneSlowReceiverDoesNotHoldTheOthersUp(t *testing.T) {
	const chunks, bound = 1024, 1024 * slot
	slow := func(h *simHost) bool { return h.id == 5 }
	s := newNetsim(simSetup{seeds: 1, receivers: 5, chunks: chunks, latency: 10 * time.Millisecond, shape: func(h *simHost) {
		if slow(h) {
			h.up, h.down = 20*slot, 20*slot
		}
	}})
	took := s.run(func(h *simHost) bool { return !slow(h) })
	t.Logf("the others: %s", s.shown(took, bound, 1))
	if most := time.Duration(1.05 * float64(bound)); took == 0 || took > most {
		t.Errorf("the others take %v, want at most %v", took, most)
	}
}

func TestSeveralSeedsShareTheWork(t *testing.T) {
	const chunks, seeds = 1024, 4
	for receivers, bound := range map[int]time.Duration{1: chunks * slot / 4, 3: chunks * slot * 3 / 7} {
		s := newNetsim(simSetup{seeds: seeds, receivers: receivers, chunks: chunks, latency: 10 * time.Millisecond, shape: func(h *simHost) {
			if h.rx != nil {
				h.down = slot / 4
			}
		}})
		took := s.run(everybody)
		t.Logf("N %d: %s", receivers, s.shown(took, bound, seeds))
		if most := time.Duration(1.12 * float64(bound)); took == 0 || took > most {
			t.Errorf("%d receivers take %v, want at most %v", receivers, took, most)
		}
	}
}
