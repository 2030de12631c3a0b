package discovery

import (
	"context"
	"math/rand/v2"
	"net"
	"time"
)

// When the network is asked and looked at again.
const (
	firstGap = time.Second      // between the first two rounds; then it doubles
	lastGap  = 60 * time.Second // between rounds in the long run
	relook   = 3 * time.Second  // between looks at the interfaces
)

// multicast is the mDNS source: a responder and rounds of questions.
type multicast struct {
	self       Announcement
	interfaces func() ([]net.Interface, error)
	log        *limitedLog
}

func newMulticast(self Announcement, interfaces func() ([]net.Interface, error), log *limitedLog) *multicast {
	return &multicast{self, interfaces, log}
}

// run answers and asks until ctx ends. New interfaces and addresses start the
// quick rounds again.
func (m *multicast) run(ctx context.Context, out outlet) {
	if err := checkTag(m.self.Tag); err != nil {
		m.log.warn("mdns: off", "err", err)
		out.firstRoundDone(ctx)
		return
	}
	answers := newResponder(m.self, m.log)
	defer answers.close()
	gap, next := firstGap, time.Now()
	for asked := false; ctx.Err() == nil; {
		links := m.links()
		if answers.update(links) {
			gap, next = firstGap, time.Now()
		}
		if !time.Now().Before(next) {
			m.round(ctx, links, out)
			next = time.Now().Add(jitter(gap - listenFor))
			gap = min(2*gap, lastGap)
		}
		if !asked {
			asked = true
			out.firstRoundDone(ctx)
		}
		pause(ctx, min(time.Until(next), relook))
	}
}

func (m *multicast) links() []link {
	ifs, err := m.interfaces()
	if err != nil {
		m.log.warn("mdns: cannot list the interfaces", "err", err)
		return nil
	}
	return multicastLinks(ifs)
}

func (m *multicast) round(ctx context.Context, links []link, out outlet) {
	if len(links) == 0 {
		return
	}
	r, err := newRound(m.self.Tag)
	if err != nil {
		m.log.warn("mdns: cannot ask", "err", err)
		return
	}
	r.run(ctx, links, out)
}

// jitter spreads d by a fifth either way, so that nodes started together drift
// apart.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// pause returns after d, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
