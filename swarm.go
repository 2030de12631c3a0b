package main

import (
	"context"

	"minimega/mesh/wire"
	"minimega/transfer"
	"minimega/transfer/download"
	"minimega/transfer/store"
)

// swarm hands the engine to the downloader.
type swarm struct{ *transfer.Engine }

func (s swarm) Offer(name wire.FileName, meta wire.Meta, m *store.Manifest, r *store.DownloadReader) download.Offer {
	return s.Engine.Offer(name, meta, m, r)
}

func (s swarm) Join(ctx context.Context, name wire.FileName) (download.Joined, error) {
	job, err := s.Get(ctx, string(name), transfer.Pick{})
	if err != nil {
		return nil, err
	}
	job.Hurry()
	job.Follow()
	return joined{job}, nil
}

// joined is a job as the downloader sees it.
type joined struct{ *transfer.Job }

func (j joined) Far() (done, total int64) {
	p := j.Progress()
	return p.BytesDone, p.BytesTotal
}

func (j joined) Leave() { j.Cancel() }
