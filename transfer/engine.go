package transfer

import (
	"context"
	"errors"

	"minimega/mesh/wire"
)

// Engine moves files of one node. See the package comment.
type Engine struct {
	cfg Config
}

// New returns an engine that does nothing until [Engine.Run].
func New(cfg Config) (*Engine, error) {
	if cfg.Store == nil || cfg.Mesh == nil {
		return nil, errors.New("transfer: a store and a mesh are needed")
	}
	return &Engine{cfg: cfg}, nil
}

// Run fetches and serves until ctx ends, and returns when every goroutine of
// the engine is gone.
func (e *Engine) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Methods returns the calls that the engine answers, by name.
func (e *Engine) Methods() map[string]wire.Handler { return nil }

// Streams returns the stream services that the engine provides, by name.
func (e *Engine) Streams() map[string]wire.StreamHandler { return nil }

// Get asks the mesh who has what pattern names — a file, a directory with all
// below it, a glob — and queues what is not here yet. It blocks for the mesh's
// answers only. Errors: [ErrNotFound], *[ConflictError].
func (e *Engine) Get(ctx context.Context, pattern string, pick Pick) (*Job, error) {
	return nil, ErrNotFound
}

// Status lists what is being fetched, sorted by name.
func (e *Engine) Status() []Status { return nil }

// Idle waits until no job runs and returns the errors of those that failed
// meanwhile, joined.
func (e *Engine) Idle(ctx context.Context) error { return nil }

// Stream hands over a file's content in order, in parts of wire.PartSize, from
// the store or from the mesh, keeping nothing. A part is part's only during the
// call.
func (e *Engine) Stream(ctx context.Context, name string, part func([]byte) error) error {
	return ErrNotFound
}

// Delete removes what pattern names from the store and cancels its transfers.
func (e *Engine) Delete(pattern string) error { return nil }
