package transfer

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"minimega/mesh/wire"
)

const (
	keptFor = time.Hour
	keptMax = 100 // of those that failed, and of those that did not
)

// A history knows how transfers ended: of each name the last, for an hour, and
// not more than some, so that a directory of many files does not push out what
// failed before.
type history struct {
	mu   sync.Mutex
	rows []endedRow // the oldest first
}

// endedRow is one end.
type endedRow struct {
	Status
	at time.Duration // engine time
}

// add notes that what row tells of has ended.
func (h *history) add(now time.Duration, row Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rows = slices.DeleteFunc(h.rows, func(o endedRow) bool { return o.Name == row.Name || now-o.at >= keptFor })
	like := func(o endedRow) bool { return (o.Err == nil) == (row.Err == nil) }
	n := 0
	for _, o := range h.rows {
		if like(o) {
			n++
		}
	}
	if n >= keptMax {
		i := slices.IndexFunc(h.rows, like)
		h.rows = slices.Delete(h.rows, i, i+1)
	}
	h.rows = append(h.rows, endedRow{row, now})
}

// list returns what is kept, the oldest first.
func (h *history) list(now time.Duration) []Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []Status
	for _, o := range h.rows {
		if now-o.at < keptFor {
			out = append(out, o.Status)
		}
	}
	return out
}

// finished reports whether the last transfer of name ended well, since then.
func (h *history) finished(name wire.FileName, since time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.rows, func(o endedRow) bool { return o.Name == name && o.Err == nil && o.at >= since })
}

// Ended lists how the transfers of the last hour ended, the last of each name,
// the oldest first: up to 100 that failed and 100 that did not.
func (e *Engine) Ended() []Status { return e.ended.list(e.now()) }

// note keeps how one file of j ended. What was here all along is no transfer.
func (j *Job) note(name wire.FileName, err error) {
	j.mu.Lock()
	f := *j.files[name]
	j.mu.Unlock()
	if f.here {
		return
	}
	row := Status{Name: name, Size: f.meta.Size, Version: f.version, Total: int(wire.PartCount(f.meta.Size)), Err: err, Ended: time.Now()}
	now := j.e.now()
	row.Took = now - cmp.Or(f.from, j.made)
	switch {
	case f.fetch != nil:
		f.fetch.row(now, &row)
		row.Dir, row.State, row.Left = "", "", 0
		row.Rate = average(f.fetch.brought(), row.Took)
	case err == nil:
		row.Done, row.Parts = row.Size, row.Total
		row.Rate = average(row.Size, row.Took)
	}
	j.e.ended.add(now, row)
}

// average returns the rate at which n bytes came, in all that time.
func average(n int64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(n) / took.Seconds()
}
