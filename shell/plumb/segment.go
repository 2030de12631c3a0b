package plumb

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// stage is a place of a pipeline: a program, or else a pipe.
type stage struct {
	words []string // of a program
	pipe  Name
}

// segment is a part of a pipeline in which only the ends may be pipes.
type segment struct {
	in       *Joint // nil: it begins with a program
	out      *Joint // nil: it ends with one
	programs []*program
	stdin    *os.File // of the first program, where there is in
	stdout   *os.File // of the last program, where there is out
}

// segments returns where the segments of stages begin and end: they share the
// pipes between them.
func segments(stages []stage) [][]stage {
	var all [][]stage
	begin := 0
	for i := 1; i < len(stages); i++ {
		if stages[i].words == nil || i == len(stages)-1 {
			all = append(all, stages[begin:i+1])
			begin = i
		}
	}
	return all
}

// open joins the pipes of stages and starts their programs.
func (p *Plumber) open(stages []stage, environ []string) (*segment, error) {
	s := &segment{}
	if err := s.build(p, stages, environ); err != nil {
		s.kill()
		s.close()
		for _, pr := range s.programs {
			_ = pr.wait() // it was killed
		}
		return nil, err
	}
	return s, nil
}

// build is open; what it has begun when it fails is in s.
func (s *segment) build(p *Plumber, stages []stage, environ []string) (err error) {
	if first := stages[0]; first.words == nil {
		if s.in, err = p.Reader(first.pipe); err != nil {
			return err
		}
		stages = stages[1:]
	}
	if last := stages[len(stages)-1]; last.words == nil {
		if s.out, err = p.Writer(last.pipe); err != nil {
			return err
		}
		stages = stages[:len(stages)-1]
	}
	return s.start(p, stages, environ)
}

// start starts programs, each of which reads what the one before prints.
func (s *segment) start(p *Plumber, programs []stage, environ []string) error {
	if len(programs) == 0 {
		return nil
	}
	var read *os.File // what the next program reads
	defer func() { closeFile(read) }()
	var err error
	if s.in != nil {
		if read, s.stdin, err = os.Pipe(); err != nil {
			return err
		}
	}
	for i, one := range programs {
		var next, write *os.File
		if i < len(programs)-1 || s.out != nil {
			if next, write, err = os.Pipe(); err != nil {
				return err
			}
		}
		pr, err := begin(one.words, environ, read, write, p.log)
		closeFile(read)
		closeFile(write)
		read = next
		if err != nil {
			return err
		}
		s.programs = append(s.programs, pr)
	}
	s.stdout, read = read, nil
	return nil
}

func closeFile(f *os.File) {
	if f != nil {
		_ = f.Close() // nothing of ours waits in it
	}
}

// run carries lines until the segment is over, or ctx ends, which kills its
// programs. It returns when they are gone, with what failed first.
func (s *segment) run(ctx context.Context) error {
	defer s.close()
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	first := &firstError{}
	for _, j := range []*Joint{s.in, s.out} {
		if j != nil {
			watching.Go(func() { j.watch(ctx, cancel, first) })
		}
	}
	if len(s.programs) > 0 {
		s.conduct(ctx, cancel, first)
	} else if err := s.copy(ctx); ctx.Err() == nil {
		first.note(err)
	}
	return first.get()
}

// watch waits for the end of ctx, or for that of the pipe, which it notes and makes
// that of ctx as well.
func (j *Joint) watch(ctx context.Context, cancel func(), first *firstError) {
	select {
	case <-j.pipe.ctx.Done():
		first.note(ErrCleared)
		cancel()
	case <-ctx.Done():
	}
}

// conduct runs programs and what leads to them and from them.
func (s *segment) conduct(ctx context.Context, cancel func(), first *firstError) {
	stop := context.AfterFunc(ctx, func() {
		s.kill()
		closeFile(s.stdin)
		closeFile(s.stdout)
	})
	defer stop()
	var carried, fed sync.WaitGroup
	defer fed.Wait()
	feeding, fedUp := context.WithCancel(ctx)
	defer fedUp()
	if s.in != nil {
		fed.Go(func() { s.feed(feeding) })
	}
	if s.out != nil {
		carried.Go(func() { s.drain(ctx) })
	}
	var programs sync.WaitGroup
	for i, pr := range s.programs[:len(s.programs)-1] {
		programs.Go(func() {
			s.ended(ctx, first, pr)
			if i == 0 {
				fedUp()
			}
		})
	}
	s.ended(ctx, first, s.programs[len(s.programs)-1])
	carried.Wait()
	cancel() // who still writes has no reader any more
	programs.Wait()
}

// ended waits for a program and notes its failure, unless it was killed from
// here, or had nobody left who reads what it prints.
func (s *segment) ended(ctx context.Context, first *firstError, pr *program) {
	if err := pr.wait(); ctx.Err() == nil && !pr.unread() {
		first.note(err)
	}
}

// copy carries lines from one pipe to another.
func (s *segment) copy(ctx context.Context) error {
	for {
		lines, err := s.in.Next(ctx)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if err := s.out.Write(ctx, line); err != nil {
				return err
			}
		}
	}
}

// feed carries lines from a pipe to the first program, while it reads.
func (s *segment) feed(ctx context.Context) {
	defer closeFile(s.stdin)
	stop := context.AfterFunc(ctx, func() { closeFile(s.stdin) }) // a program may not read
	defer stop()
	for {
		lines, err := s.in.Next(ctx)
		if err != nil {
			return
		}
		for _, line := range lines {
			if _, err := io.WriteString(s.stdin, line); err != nil {
				return
			}
		}
	}
}

// drain carries what the last program prints to a pipe, until that is all, or
// either is gone.
func (s *segment) drain(ctx context.Context) {
	reader := bufio.NewReaderSize(s.stdout, 64<<10)
	for {
		line, err := ReadLine(reader)
		if len(line) > 0 {
			if s.out.Write(ctx, line) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// ReadLine returns the next line with its \n, or MaxLine-1 bytes of a longer
// one, or what stands before the end.
func ReadLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		line = append(line, piece...)
		if !errors.Is(err, bufio.ErrBufferFull) || len(line)+r.Size() >= MaxLine {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = nil
			}
			return string(line), err
		}
	}
}

// kill ends all programs.
func (s *segment) kill() {
	for _, pr := range s.programs {
		pr.kill()
	}
}

// close takes the segment from its pipes.
func (s *segment) close() {
	if s.in != nil {
		s.in.Close()
	}
	if s.out != nil {
		s.out.Close()
	}
	closeFile(s.stdin)
	closeFile(s.stdout)
}

// firstError keeps the first of several errors. It is safe for concurrent use.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
