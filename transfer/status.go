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
	j.mu.Lock()
	defer j.mu.Unlock()
	for name, f := range j.files {
		if f.ended || f.here {
			continue
		}
		row := Status{Name: name, Total: int(wire.PartCount(f.meta.Size)), Queued: !f.begun}
		if f.fetch != nil {
			f.fetch.row(&row)
		} else if f.meta.Size <= wire.MaxSmall {
			row.State = j.state
		}
		if old, ok := rows[name]; !ok || old.Queued {
			rows[name] = row
		}
	}
}

// row fills in how far f is.
func (f *fetch) row(row *Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	row.State = f.stateLocked()
	row.Reused = f.reuse.bytes
	if f.rx != nil {
		row.Dir, row.Parts, row.Total = f.sink.Dir(), f.partsDone, len(f.parts)
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
