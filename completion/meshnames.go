package completion

import (
	"context"
	"iter"

	"minimega/mesh/wire"
)

// Method is the name of the mesh call that asks a node for its file names.
const Method = "names"

// Mesh is what MeshNames needs of the mesh.
type Mesh interface {
	Members() []wire.Member
	Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply]
}
