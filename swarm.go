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

// urls is the downloader as the shell sees it.
type urls struct{ *download.Downloader }

// Running tells of downloads as of transfers.
func (u urls) Running() []transfer.Status {
	var rows []transfer.Status
	for _, r := range u.Downloader.Running() {
		row := transfer.Status{Name: r.Name, Dir: r.Dir, Parts: int(r.Done / wire.PartSize), Total: int(wire.PartCount(r.Total)), Size: r.Total, Done: r.Done}
		switch {
		case r.Total == 0:
			row.Total, row.State = row.Parts+1, "length unknown"
		case r.Done == r.Total:
			row.Parts = row.Total
		}
		rows = append(rows, row)
	}
	return rows
}
