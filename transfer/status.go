package transfer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"minimega/mesh/wire"
)

// livelyFor is how long a source that gave something counts as a peer.
const livelyFor = 5 * time.Second

// Status lists what is being fetched, sorted by name.
func (e *Engine) Status() []Status {
	e.mu.Lock()
	jobs := slices.Collect(maps.Keys(e.jobs))
	e.mu.Unlock()
	byName := map[wire.FileName]Status{}
	for _, j := range jobs {
		j.status(byName)
	}
	rows := slices.Collect(maps.Values(byName))
	slices.SortFunc(rows, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return rows
}

// status adds a row for each file of j that has not ended.
func (j *Job) status(rows map[wire.FileName]Status) {
	now := j.e.now()
	j.mu.Lock()
	defer j.mu.Unlock()
	for name, f := range j.files {
		if f.ended || f.here || f.skipped && !f.begun {
			continue
		}
		size := f.meta.Size
		row := Status{Name: name, Total: int(wire.PartCount(size)), Queued: !f.begun, Size: size, Version: f.version}
		if f.fetch != nil {
			f.fetch.row(now, &row)
		} else if size <= wire.MaxSmall {
			row.State = j.state
		}
		if old, ok := rows[name]; !ok || old.Queued {
			rows[name] = row
		}
	}
}

// row fills in how far f is.
func (f *fetch) row(now time.Duration, row *Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	row.State, row.Version = f.stateLocked(), f.version
	if f.rx == nil {
		return
	}
	row.Dir, row.Parts, row.Total = f.sink.Dir(), f.partsDone, len(f.parts)
	row.Size, row.Done, row.Reused = f.manifest.Size, f.bytesDone, f.reused+f.reuse.bytes
	row.Rate = f.rate.rate(now)
	if row.Rate > 0 {
		row.Left = time.Duration(float64(row.Size-row.Done) / row.Rate * float64(time.Second))
	}
	if f.carried > 0 {
		row.Ratio = float64(f.came) / float64(f.carried)
	}
	over := !row.Ended.IsZero()
	for _, s := range f.sources {
		if s.given > 0 && (over || s.joined && now-s.heard < livelyFor) {
			row.Peers++
		}
	}
}

// progress adds f's rate, peers and state to p's and returns the bytes it has.
func (f *fetch) progress(now time.Duration, p *Progress, peers map[wire.NodeID]bool) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.Rate += f.rate.rate(now)
	if state := f.stateLocked(); state != "" {
		p.State = state
	}
	for _, s := range f.byPeer {
		if s.given > 0 && now-s.heard < livelyFor {
			peers[s.node.ID] = true
		}
	}
	return f.bytesDone
}

// stateLocked says why f does not get on, or nothing.
func (f *fetch) stateLocked() string {
	if f.paused != nil {
		return fmt.Sprintf("paused: %v", f.paused)
	}
	usable, lost := 0, ""
	for _, s := range f.sources {
		switch {
		case s.refused != nil:
		case s.lost != nil:
			lost = string(s.node.Name)
		default:
			usable++
		}
	}
	switch {
	case usable > 0:
		return ""
	case lost != "":
		return fmt.Sprintf("waiting: no source (%s was the last)", lost)
	case f.searchedAt > 0 && f.refusal != nil:
		return fmt.Sprintf("waiting: no source (%v)", f.refusal)
	case f.searchedAt > 0:
		return "waiting: no source"
	}
	return ""
}
