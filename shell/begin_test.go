package shell

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// lateJob is a job that does not begin.
type lateJob struct{ fakeJob }

func (lateJob) Begun() <-chan struct{} { return nil }

func TestFileGetAnswersSoonThoughTheTransferDoesNotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := time.Now()
		time.Sleep(beginWithin / 2) // the mesh's answers
		job := &lateJob{fakeJob{done: make(chan struct{})}}
		if err := atOnce(t.Context(), job, asked.Add(beginWithin)); err != nil {
			t.Error(err)
		}
		if took := time.Since(asked); took != beginWithin {
			t.Errorf("it took %v", took)
		}
	})
}

func TestFileGetTellsOfAFailureHoweverLongTheMeshTook(t *testing.T) {
	job := &lateJob{fakeJob{done: make(chan struct{}), err: errors.New("no space")}}
	close(job.done)
	if err := atOnce(t.Context(), job, time.Now().Add(-time.Second)); !errors.Is(err, job.err) {
		t.Errorf("it says %v", err)
	}
}
