package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of a quiet machine.
const (
	probeTime = 400 * time.Millisecond
	probes    = 5    // in that time, of which the middle one counts
	mostDrift = 0.15 // of the speed before and after a row
	mostSteal = 0.02 // of the processors' time during a row
)

// A moment is what the machine could do at one time: how fast all processors
// together hash and copy memory, and how much of their time its host has taken
// so far.
type moment struct {
	at    time.Time
	speed float64 // MB/s, the middle of several
	steal float64 // seconds
}

// look measures for 0.4 s.
func look() moment {
	m := moment{at: time.Now(), steal: stolen()}
	speeds := make(sample, probes)
	for i := range speeds {
		speeds[i] = speed(probeTime / probes)
	}
	slices.Sort(speeds)
	m.speed = speeds.median()
	return m
}

// speed returns what all processors together do, in MB/s.
func speed(d time.Duration) float64 {
	done := make([]float64, runtime.NumCPU())
	var all sync.WaitGroup
	for i := range done {
		all.Go(func() { done[i] = work(d) })
	}
	all.Wait()
	total := 0.0
	for _, n := range done {
		total += n
	}
	return total / 1e6 / d.Seconds()
}

// work copies memory, and hashes an eighth of it, for a time and returns the
// bytes.
func work(d time.Duration) float64 {
	const size = 8 << 20
	from, to := bytes.Repeat([]byte{1}, size), bytes.Repeat([]byte{2}, size)
	done := 0.0
	for start := time.Now(); time.Since(start) < d; {
		sum := sha256.Sum256(from[:size/8])
		copy(to, from)
		from[0] = sum[0]
		done += size
	}
	return done
}

// stolen returns the seconds that the host of this virtual machine has taken
// from all processors, 0 where that is not known.
func stolen() float64 {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	fields := strings.Fields(line)
	var ticks float64
	if len(fields) > 8 {
		fmt.Sscan(fields[8], &ticks) // stays 0
	}
	return ticks / 100 // USER_HZ
}

// disturbed says, unless the machine was quiet from before to after, why a
// row's figures are not to be trusted.
func disturbed(before, after moment) string {
	var why []string
	if drift := 1 - min(before.speed, after.speed)/max(before.speed, after.speed); drift > mostDrift {
		why = append(why, fmt.Sprintf("the machine did %.0f MB/s before and %.0f after", before.speed, after.speed))
	}
	span := after.at.Sub(before.at).Seconds() * float64(runtime.NumCPU())
	if share := (after.steal - before.steal) / span; share > mostSteal {
		why = append(why, fmt.Sprintf("its host took %.0f %% of its time", 100*share))
	}
	return strings.Join(why, "; ")
}
