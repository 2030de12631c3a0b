package transfer

import "minimega/mesh/wire"

// Job is one `file get`.
type Job struct {
	Warnings []string // one line each, for people; never changes
	done     chan struct{}
}

// Done is closed when the job has ended.
func (j *Job) Done() <-chan struct{} { return j.done }

// Err returns why the job failed: nil before its end and after success.
func (j *Job) Err() error { return nil }

// Progress returns how far the job has come.
func (j *Job) Progress() Progress { return Progress{} }

// Files returns the names of all files of the job known so far, sorted.
func (j *Job) Files() []wire.FileName { return nil }

// Hurry puts the job before others, because somebody waits for it.
func (j *Job) Hurry() {}

// Cancel ends the job; what it has fetched of unfinished files is removed.
func (j *Job) Cancel() {}
