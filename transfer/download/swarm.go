package download

import (
	"context"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// Swarm carries what is downloaded through the mesh while it comes.
type Swarm interface {
	// Offer makes a download known, of which r reads chunks. It owns r.
	Offer(name wire.FileName, meta wire.Meta, m *store.Manifest, r *store.DownloadReader) Offer
	// Join fetches what another node offers, until the file is here.
	Join(ctx context.Context, name wire.FileName) (Joined, error)
	// Yield ends that, and returns what came, and of which draft; nil where that
	// is nothing.
	Yield(name wire.FileName) (*store.Partial, wire.Version)
}

// Offer is a download that others take part in. It fills in the manifest.
type Offer interface {
	Draft() wire.Version         // what it is known as
	Told(first int, sums []byte) // chunks that can be read by now, in order
	Done(wire.Version)           // it is in the store
	End(why error)               // it came to nothing
}

// Joined is a part in the download of another node.
type Joined interface {
	Done() <-chan struct{} // closed when the file is here, or will not be
	Far() (done, total int64)
	Leave() // once nobody here waits any more what came is removed
}
