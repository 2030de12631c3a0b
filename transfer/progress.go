package transfer

import (
	"time"

	"minimega/mesh/wire"
)

// Progress returns how far the job has come.
func (j *Job) Progress() Progress {
	now := j.e.now()
	p := Progress{Name: j.what}
	peers := map[wire.NodeID]bool{}
	j.mu.Lock()
	defer j.mu.Unlock()
	p.State = j.state
	for _, f := range j.files {
		p.FilesTotal++
		p.BytesTotal += f.meta.Size
		switch {
		case f.ended:
			p.FilesDone++
			p.BytesDone += f.meta.Size
		case f.fetch != nil:
			p.BytesDone += f.fetch.progress(now, &p, peers)
		}
	}
	p.Peers = len(peers)
	if left := p.BytesTotal - p.BytesDone; p.Rate > 0 {
		p.Left = time.Duration(float64(left) / p.Rate * float64(time.Second))
	}
	return p
}
