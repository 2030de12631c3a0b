package shell

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"minimega/transfer"
)

// statusEvery is how often progress is told where it is told in lines, until
// `status updates` changes it.
const statusEvery = 3 * time.Second

// watch sends progress to a client that understands it.
func (t *talk) watch(rows func() []transfer.Progress) (stop func()) {
	t.mu.Lock()
	asked := t.status
	t.mu.Unlock()
	if !asked {
		return func() {}
	}
	return every(t.client.set.Updates, func() {
		for _, p := range rows() {
			_ = t.send(reply{Rendered: fmt.Sprintf("[%s]: %s", t.shell.host(), describe(p)), Status: true})
		}
	})
}

// warn sends a warning to a client that understands it; for another it is
// logged.
func (t *talk) warn(text string) {
	t.mu.Lock()
	asked := t.status
	t.mu.Unlock()
	if !asked {
		t.shell.cfg.Log.Warn("warning for a client at the socket", "text", text)
		return
	}
	_ = t.send(reply{Rendered: fmt.Sprintf("[%s]: warning: %s", t.shell.host(), text), Status: true})
}

// every calls f each d, on a goroutine of its own, until stop is called, which
// returns when f does not run any more. Where d is 0 it is never called.
func every(d time.Duration, f func()) (stop func()) {
	if d <= 0 {
		return func() {}
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(d)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				f()
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
	}
}

// describe returns progress as one line.
func describe(p transfer.Progress) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.Name, bytesText(p.BytesDone))
	if p.BytesTotal > 0 { // it is known
		fmt.Fprintf(&b, " of %s", bytesText(p.BytesTotal))
	}
	if p.Rate > 0 {
		fmt.Fprintf(&b, ", %s/s", bytesText(int64(p.Rate)))
	}
	if p.Left > 0 {
		fmt.Fprintf(&b, ", %s left", p.Left.Round(time.Second))
	}
	if p.Peers > 0 {
		fmt.Fprintf(&b, ", from %d", p.Peers)
	}
	if p.State != "" {
		fmt.Fprintf(&b, ", %s", p.State)
	}
	return b.String()
}

func bytesText(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }
