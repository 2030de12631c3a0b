package shell

import (
	"sync"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer"
)

// meter turns how far a download is into a rate.
type meter struct {
	name  string
	start time.Time

	mu          sync.Mutex
	done, total int64         // bytes
	had         int64         // done when it was first told
	told        bool          // it was
	at          wire.NodeName // the node that downloads; "": this one
}

// tell says how far the download is. at is the node that it is on.
func (m *meter) tell(done, total int64, at wire.NodeName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.told || done < m.had || at != m.at {
		m.told, m.had, m.start = true, done, time.Now()
	}
	m.done, m.total, m.at = done, total, at
}

// progress returns how far it is at a time.
func (m *meter) progress(now time.Time) transfer.Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := transfer.Progress{Name: m.name, BytesDone: m.done, FilesTotal: 1}
	if m.total > 0 { // the server has said it
		p.BytesTotal = max(m.total, m.done)
	}
	if m.told {
		p.Peers = 1
	}
	if m.at != "" {
		p.State = "downloaded by " + string(m.at)
	}
	if passed := now.Sub(m.start).Seconds(); passed > 0 {
		p.Rate = float64(m.done-m.had) / passed
	}
	if p.Rate > 0 && p.BytesTotal > 0 {
		p.Left = time.Duration(float64(p.BytesTotal-p.BytesDone) / p.Rate * float64(time.Second))
	}
	return p
}

// rows is what a [Watch] shows.
func (m *meter) rows() []transfer.Progress { return []transfer.Progress{m.progress(time.Now())} }
