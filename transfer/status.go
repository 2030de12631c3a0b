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

// Status lists what is being fetched, sorted by name. It waits for no disk and no
// network.
func (e *Engine) Status() []Status {
	e.mu.Lock()
	jobs := slices.Collect(maps.Keys(e.jobs))
	e.mu.Unlock()
	var rows []Status
	for _, j := range jobs {
		rows = j.status(rows)
	}
	order := make([]*Status, len(rows)) // which sorts faster
	for i := range rows {
		order[i] = &rows[i]
	}
	slices.SortFunc(order, func(a, b *Status) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(waits(a), waits(b)))
	})
	out := make([]Status, 0, len(rows))
	for _, row := range order {
		if len(out) == 0 || out[len(out)-1].Name != row.Name {
			out = append(out, *row)
		}
	}
	return out
}

// waits is 1 for a row that is queued: of what two jobs want, the one that is
// on its way is shown.
func waits(s *Status) int {
	if s.Queued {
		return 1
	}
	return 0
}

// status appends a row for each file of j that has not ended.
func (j *Job) status(rows []Status) []Status {
	now := j.e.now()
	j.mu.Lock()
	defer j.mu.Unlock()
	rows = slices.Grow(rows, len(j.files))
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
		rows = append(rows, row)
	}
	return rows
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

// brought returns how many bytes of content came: neither holes nor what was
// here.
func (f *fetch) brought() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.came
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
	if f.comparingLocked() {
		return "comparing: other nodes hash what they hold"
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
