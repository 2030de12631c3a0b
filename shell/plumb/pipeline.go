package plumb

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"minimega/shell/grammar"
)

// Limits of pipelines.
const (
	maxPipelines = 256
	maxStages    = 32
)

// Failures of pipelines.
var (
	errPipelines  = fmt.Errorf("plumb: there are %d pipelines, which is the most: clear plumb PIPELINE ends one", maxPipelines)
	errAgain      = errors.New("that pipeline is there already: plumb lists them")
	errNoPipeline = errors.New("no such pipeline: plumb lists them")
)

// pipeline is one that plumb has made.
type pipeline struct {
	space string
	text  string // as it is shown: the stages, quoted where they must be
	end   context.CancelFunc
	over  chan struct{} // closed when all of it is gone

	failed error // guarded by Plumber.mu; with it the pipeline is over
}

// Pipeline is one that there is, or one that failed.
type Pipeline struct {
	Text   string
	Failed error // nil: it runs
}

// Plumb begins a pipeline of texts, each a pipe or the line of a program. Its
// programs get environ.
func (p *Plumber) Plumb(space string, texts, environ []string) error {
	stages, err := parseStages(space, texts)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(p.ctx)
	made := &pipeline{space: space, text: quoted(texts), end: cancel, over: make(chan struct{})}
	if err := p.reserve(made); err != nil {
		cancel()
		return err
	}
	all, err := p.openAll(stages, environ)
	p.mu.Lock()
	begun := err == nil && p.startLocked(func() { p.keep(ctx, made, all) })
	p.mu.Unlock()
	if begun {
		return nil
	}
	cancel()
	for _, s := range all {
		_ = s.run(ctx) // which only ends it
	}
	p.remove(made)
	close(made.over)
	if err == nil {
		err = errEnding
	}
	return err
}

// reserve adds a pipeline to the list, in the place of one that failed.
func (p *Plumber) reserve(made *pipeline) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.pipelines, func(other *pipeline) bool { return other.space == made.space && other.text == made.text })
	switch {
	case i >= 0 && p.pipelines[i].failed == nil:
		return fmt.Errorf("plumb %s: %w", made.text, errAgain)
	case i >= 0:
		p.pipelines = slices.Delete(p.pipelines, i, i+1)
	case len(p.pipelines) >= maxPipelines:
		return errPipelines
	}
	p.pipelines = append(p.pipelines, made)
	return nil
}

func (p *Plumber) remove(gone *pipeline) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pipelines = slices.DeleteFunc(p.pipelines, func(other *pipeline) bool { return other == gone })
}

// openAll opens the segments of stages: those that it returns, with an error or
// without, are to be run.
func (p *Plumber) openAll(stages []stage, environ []string) (all []*segment, err error) {
	for _, part := range slices.Backward(segments(stages)) { // readers before writers
		s, err := p.open(part, environ)
		if err != nil {
			return all, err
		}
		all = append(all, s)
	}
	return all, nil
}

// keep runs a pipeline until it is over.
func (p *Plumber) keep(ctx context.Context, made *pipeline, all []*segment) {
	defer close(made.over)
	first := &firstError{}
	var running sync.WaitGroup
	for _, s := range all {
		running.Go(func() {
			err := s.run(ctx)
			if errors.Is(err, ErrCleared) {
				made.end()
			}
			if ctx.Err() == nil {
				first.note(err)
			}
		})
	}
	running.Wait()
	failed := first.get()
	made.end()
	if failed == nil {
		p.log.Info("a pipeline is over", "pipeline", made.text, "namespace", made.space)
		p.remove(made)
		return
	}
	p.log.Warn("a pipeline failed", "pipeline", made.text, "namespace", made.space, "err", failed)
	p.mu.Lock()
	made.failed = failed
	p.mu.Unlock()
}

// Pipelines returns the pipelines of a namespace in the order in which they
// began.
func (p *Plumber) Pipelines(space string) []Pipeline {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Pipeline
	for _, one := range p.pipelines {
		if one.space == space {
			all = append(all, Pipeline{one.text, one.failed})
		}
	}
	return all
}

// Unplumb ends a pipeline of a namespace, named by its stages or as it is listed,
// or, where texts are none, all. It returns when their programs are gone, or ctx
// ends.
func (p *Plumber) Unplumb(ctx context.Context, space string, texts []string) error {
	ended, err := p.end(ctx, func(one *pipeline) bool {
		return one.space == space && (len(texts) == 0 || one.text == quoted(texts) || len(texts) == 1 && one.text == texts[0])
	})
	if ended == 0 && len(texts) > 0 {
		return fmt.Errorf("clear plumb %s: %w", quoted(texts), errNoPipeline)
	}
	return err
}

// UnplumbAll is Unplumb for all pipelines of this node, in all namespaces.
func (p *Plumber) UnplumbAll(ctx context.Context) error {
	_, err := p.end(ctx, func(*pipeline) bool { return true })
	return err
}

// end ends pipelines, waits until they have, and returns how many those are.
func (p *Plumber) end(ctx context.Context, meant func(*pipeline) bool) (int, error) {
	p.mu.Lock()
	var all []*pipeline
	for _, one := range p.pipelines {
		if meant(one) {
			all = append(all, one)
		}
	}
	p.mu.Unlock()
	for _, one := range all {
		one.end()
	}
	for _, one := range all {
		select {
		case <-one.over:
			p.remove(one) // it may have failed before
		case <-ctx.Done():
			return len(all), ctx.Err()
		}
	}
	return len(all), nil
}

// parseStages returns what texts mean.
func parseStages(space string, texts []string) ([]stage, error) {
	if len(texts) < 2 || len(texts) > maxStages {
		return nil, fmt.Errorf("plumb: must be 2 to %d pipes and programs, but is %d: as in plumb foo \"sed -u s/a/b/\" bar", maxStages, len(texts))
	}
	var stages []stage
	for _, text := range texts {
		one, err := parseStage(space, text)
		if err != nil {
			return nil, err
		}
		if n := len(stages); n > 0 && one.words == nil && stages[n-1].words == nil && stages[n-1].pipe == one.pipe {
			return nil, fmt.Errorf("plumb: must lead to another pipe, but leads from %s to itself: as in plumb foo bar", text)
		}
		stages = append(stages, one)
	}
	return stages, nil
}

// parseStage returns a program where the first word of text is one, else a pipe.
func parseStage(space, text string) (stage, error) {
	line, err := grammar.Lex(text)
	if err != nil {
		return stage{}, fmt.Errorf("plumb: %q: %w", text, err)
	}
	var words []string
	for _, word := range line.Words {
		words = append(words, word.Text)
	}
	switch {
	case len(words) == 0:
		return stage{}, fmt.Errorf("plumb: must be a pipe or a program, but is %q: as in plumb foo bar", text)
	case strings.Contains(words[0], "//"): // a pipe of another namespace
	default:
		_, err = exec.LookPath(words[0])
		if err == nil || len(words) > 1 || strings.Contains(words[0], "/") {
			return stage{words: words}, wrapLook(err, words[0])
		}
	}
	name, err := ParseName(words[0], space)
	return stage{pipe: name}, err
}

// wrapLook says what to do where a program was not found.
func wrapLook(err error, program string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("plumb: %w: name a program that can be run here, or, in one word, a pipe, but not %q", err, program)
}

// quoted returns texts as they can be typed.
func quoted(texts []string) string {
	words := make([]string, len(texts))
	for i, text := range texts {
		words[i] = grammar.Quote(text)
	}
	return strings.Join(words, " ")
}
