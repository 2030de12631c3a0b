package plumb

import (
	"context"
	"slices"
)

// Joint is a reader of a pipe, a writer, or both. Its methods are safe for
// concurrent use.
type Joint struct {
	plumber *Plumber
	pipe    *pipe
	queue   *queue // of a reader
	writes  bool
}

// Reader joins a reader to a pipe. What is written from now on waits for it.
func (p *Plumber) Reader(name Name) (*Joint, error) { return p.join(name, true, false) }

// Writer joins a writer to a pipe.
func (p *Plumber) Writer(name Name) (*Joint, error) { return p.join(name, false, true) }

// Both joins somebody who reads a pipe and writes it. He is not given what he
// has written.
func (p *Plumber) Both(name Name) (*Joint, error) { return p.join(name, true, true) }

func (p *Plumber) join(name Name, reads, writes bool) (*Joint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to, err := p.pipeLocked(name)
	switch {
	case err != nil:
		return nil, err
	case len(to.readers)+to.writers >= maxJoints:
		return nil, errJoints
	}
	j := &Joint{plumber: p, pipe: to, queue: newQueue(), writes: writes}
	if writes {
		to.writers++
	}
	if reads {
		to.readers = append(slices.Clone(to.readers), j) // others may range over the old ones
		p.tellLocked()
	}
	return j, nil
}

// Next waits for lines and returns some that there are, in order, as the pipe's via
// has made them. Its error is [ErrCleared], once what had been written before has been
// returned, or ctx's.
func (j *Joint) Next(ctx context.Context) ([]string, error) {
	for {
		cleared := j.pipe.ctx.Err() != nil // so that nothing follows what waits
		if items := j.queue.take(takeLines, takeBytes); len(items) > 0 {
			lines := make([]string, len(items))
			for i, it := range items {
				lines[i] = it.text
			}
			if lines = j.through(ctx, lines); len(lines) > 0 {
				return lines, nil
			}
			continue
		}
		if cleared {
			return nil, ErrCleared
		}
		select {
		case <-j.queue.ready:
		case <-j.pipe.ctx.Done():
		case <-j.plumber.ctx.Done():
			return nil, errEnding
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Write writes lines: text, of which each ends with \n, or is the last. Its
// error is [ErrCleared].
func (j *Joint) Write(ctx context.Context, text string) error {
	return j.plumber.writeLines(ctx, j.pipe, j, text)
}

// Close takes j from its pipe. It may be called once.
func (j *Joint) Close() {
	p := j.plumber
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.writes {
		j.pipe.writers--
	}
	left := readersBut(j.pipe.readers, j)
	if len(left) == len(j.pipe.readers) {
		return
	}
	j.pipe.readers = left
	j.pipe.lost += j.queue.misses(j.pipe.name)
	p.tellLocked()
}
