package shell

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dustin/go-humanize"

	"minimega/shell/output"
	"minimega/transfer"
)

// maxFollowed is how many transfers a client is told of at most when they end,
// of those that go on at the same time.
const maxFollowed = 1024

// endings tell a client of transfers that its commands have begun, and that went
// on by themselves, when they end, until stop. Its methods are for one goroutine.
type endings struct {
	shell *Shell
	tell  func(output.Response) // from any goroutine; may block

	ctx   context.Context // ends with stop
	end   context.CancelFunc
	slots chan struct{} // one for each transfer that is followed
	jobs  sync.WaitGroup
}

func (s *Shell) newEndings(ctx context.Context, tell func(output.Response)) *endings {
	ctx, end := context.WithCancel(ctx)
	return &endings{shell: s, tell: tell, ctx: ctx, end: end, slots: make(chan struct{}, maxFollowed)}
}

// follow has job's end be told when it comes. It does not block. One that has been
// done before the command was is no news. Where too many are followed the log tells
// of its failure, and c is warned.
func (e *endings) follow(c *Client, name string, job Job) {
	select {
	case <-job.Done():
		if job.Err() == nil {
			return
		}
	default:
	}
	select {
	case e.slots <- struct{}{}:
	default:
		job.Leave()
		c.warnings([]string{fmt.Sprintf("get %s: how it ends will not be told, as %d others are waited for: see file status", name, maxFollowed)})
		return
	}
	e.jobs.Go(func() {
		defer func() { <-e.slots }()
		select {
		case <-job.Done():
		case <-e.ctx.Done():
			job.Leave()
			return
		}
		if r, news := e.shell.ending(name, job); news {
			e.tell(r)
		}
	})
}

// stop returns when nothing more will be told. The log tells of what fails then.
func (e *endings) stop() {
	e.end()
	e.jobs.Wait()
}

// ending returns how a job has ended, which is news unless the user has ended it.
func (s *Shell) ending(name string, job Job) (r output.Response, news bool) {
	r.Host = s.host()
	switch err := job.Err(); {
	case err == nil:
		size := humanize.IBytes(uint64(max(0, job.Progress().BytesTotal)))
		r.Response = fmt.Sprintf("get %s: done, %s", name, size)
	case errors.Is(err, transfer.ErrCanceled):
		return r, false
	default:
		r.Error = getError(name, err).Error()
	}
	return r, true
}

// endingLine returns what a prompt shows of an ending, above the line being
// typed.
func endingLine(r output.Response) string {
	if r.Error != "" {
		return output.ErrorLine(r.Host, r.Error)
	}
	return output.EscapeLine(r.Host + ": " + r.Response)
}
