package shell

import (
	"context"

	"minimega/completion"
	"minimega/mesh"
	"minimega/transfer"
	"minimega/transfer/store"
)

// FromEngine returns e as the shell needs it.
func FromEngine(e *transfer.Engine) Files { return engine{e} }

// engine is a transfer engine whose jobs are an interface.
type engine struct{ *transfer.Engine }

func (e engine) Get(ctx context.Context, pattern string, pick transfer.Pick) (Job, error) {
	j, err := e.Engine.Get(ctx, pattern, pick)
	if err != nil {
		return nil, err
	}
	return job{j}, nil
}

type job struct{ *transfer.Job }

func (j job) Warnings() []string { return j.Job.Warnings }

// These are used as they are.
var (
	_ Mesh  = (*mesh.Node)(nil)
	_ Store = (*store.Store)(nil)
	_ Names = (*completion.MeshNames)(nil)

	_ Versions = (*transfer.Holdings)(nil)
)
